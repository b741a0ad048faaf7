/** State machines and their newest executions, from Step Functions' API: the same of a deployed stack and of this machine. */
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  type ExecutionListItem,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListMapRunsCommand,
  type SFNClient,
} from "@aws-sdk/client-sfn";
import { parse } from "yaml";
import type { Flow } from "../../local/states/definition.ts";
import { layOut } from "./graph.ts";
import type { Execution, MapProgress, StateMachine } from "./snapshot.ts";

export interface MachineToRead {
  readonly logicalId: string;
  readonly arn: string;
  /** When a schedule starts it next; null where none does, or it is not known. */
  readonly nextMs: number | null;
}

const EXECUTIONS_SHOWN = 5;
/** A call gives no more; what lies farther back is not shown as done. */
const EVENTS_READ = 1000;

export function readMachines(client: SFNClient, machines: readonly MachineToRead[]): Promise<readonly StateMachine[]> {
  return Promise.all(machines.map((machine) => readMachine(client, machine)));
}

async function readMachine(client: SFNClient, { logicalId, arn, nextMs }: MachineToRead): Promise<StateMachine> {
  const [{ definition = "{}" }, { executions = [] }] = await Promise.all([
    client.send(new DescribeStateMachineCommand({ stateMachineArn: arn })),
    client.send(new ListExecutionsCommand({ stateMachineArn: arn, maxResults: EXECUTIONS_SHOWN })),
  ]);
  return {
    name: logicalId,
    nextMs,
    graph: layOut(parse(definition) as Flow),
    executions: await Promise.all(executions.map((execution, at) => readExecution(client, execution, at === 0))),
  };
}

const noFailure: { readonly error?: string; readonly cause?: string } = {};

/** Where it stands is looked up of the newest one, for the graph, and of those that run. */
async function readExecution(client: SFNClient, listed: ExecutionListItem, isNewest: boolean): Promise<Execution> {
  const { executionArn, name = "", status = "", startDate, stopDate } = listed;
  const isOpen = status === "RUNNING";
  const looksClosely = isOpen || isNewest;
  const [{ error, cause }, { events = [] }, mapRuns] = await Promise.all([
    isOpen ? noFailure : client.send(new DescribeExecutionCommand({ executionArn })),
    looksClosely
      ? client.send(
          new GetExecutionHistoryCommand({
            executionArn,
            reverseOrder: true,
            maxResults: EVENTS_READ,
            includeExecutionData: false,
          }),
        )
      : { events: [] },
    looksClosely ? readMapRuns(client, executionArn) : [],
  ]);
  const { open, done } = standing(events);
  return {
    name,
    status,
    startMs: startDate?.getTime() ?? 0,
    stopMs: stopDate?.getTime() ?? null,
    states: status === "SUCCEEDED" ? [] : open,
    done,
    mapRuns,
    problem: error === undefined ? null : cause === undefined || cause === "" ? error : `${error}: ${cause}`,
  };
}

async function readMapRuns(client: SFNClient, executionArn: string | undefined): Promise<readonly MapProgress[]> {
  const { mapRuns = [] } = await client.send(new ListMapRunsCommand({ executionArn }));
  const described = await Promise.all(
    mapRuns.map(({ mapRunArn }) => client.send(new DescribeMapRunCommand({ mapRunArn }))),
  );
  return described.reverse().map(({ mapRunArn = "", status = "", itemCounts: counts }) => ({
    // arn:…:mapRun:machine/label:id
    label: /\/([^:]*):[^:]*$/.exec(mapRunArn)?.[1] ?? mapRunArn,
    status,
    total: counts?.total ?? 0,
    succeeded: counts?.succeeded ?? 0,
    failed: (counts?.failed ?? 0) + (counts?.timedOut ?? 0) + (counts?.aborted ?? 0),
    running: counts?.running ?? 0,
  }));
}

/** From the newest event back: a state that was entered and not left is open. */
function standing(newestFirst: readonly HistoryEvent[]): { readonly open: string[]; readonly done: string[] } {
  const left = new Map<string, number>();
  const open = new Set<string>();
  const done = new Set<string>();
  for (const { stateEnteredEventDetails: entered, stateExitedEventDetails: exited } of newestFirst) {
    if (exited?.name !== undefined) {
      left.set(exited.name, (left.get(exited.name) ?? 0) + 1);
      done.add(exited.name);
    }
    if (entered?.name === undefined) continue;
    const count = left.get(entered.name) ?? 0;
    if (count === 0) open.add(entered.name);
    else left.set(entered.name, count - 1);
  }
  return { open: [...open].reverse(), done: [...done].filter((name) => !open.has(name)).reverse() };
}
