/** Step Functions' API, as far as one runs and watches machines that a template has made. */
import { AwsError } from "../aws-error.ts";
import { optionalString, requiredString } from "../aws-input.ts";
import { awsJsonService, type JsonObject, type JsonService, type Operation } from "../aws-json.ts";
import type { Execution, HistoryEvent, Machine } from "./execution.ts";
import { type Json, limited } from "./json.ts";
import type { Machines } from "./machines.ts";
import { mapRunOf, mapRunOperations } from "./map-run-operations.ts";
import { paged } from "./paged.ts";
import { StateError } from "./state-error.ts";
import type { Tokens } from "./tokens.ts";

export function statesService({ machines, tokens, now }: StatesServiceOptions): JsonService {
  const machineOf = (input: JsonObject): Machine => {
    const arn = requiredString(input, "stateMachineArn");
    const found = machines.all().find((machine) => machine.arn === arn);
    if (found !== undefined) return found;
    throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  };
  const executionOf = (input: JsonObject): Execution => {
    const arn = requiredString(input, "executionArn");
    const found = machines.find(arn);
    if (found !== undefined) return found;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
  };
  /** Children are listed by their Map Run only. */
  const executionsOf = (input: JsonObject): readonly Execution[] => {
    if (optionalString(input, "mapRunArn") === undefined) {
      const machine = machineOf(input);
      return machines.executions().filter((one) => one.machine === machine);
    }
    if (optionalString(input, "stateMachineArn") !== undefined)
      throw new AwsError("ValidationException", "Give either a stateMachineArn or a mapRunArn, not both.");
    return (mapRunOf(machines, input).children ?? []).flatMap(({ execution }) => execution ?? []);
  };

  const operations: Record<string, Operation> = {
    ...mapRunOperations({ machines, executionOf }),
    StartExecution(input) {
      const name = optionalString(input, "name");
      if (name !== undefined && !/^[\w-]{1,80}$/.test(name))
        throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
      const parsed = json(optionalString(input, "input") ?? "{}", "InvalidExecutionInput");
      const { arn, startMs } = machines.start(machineOf(input), parsed, name);
      return { executionArn: arn, startDate: startMs / 1000 };
    },
    DescribeExecution: (input) => described(executionOf(input)),
    StopExecution(input) {
      const execution = executionOf(input);
      machines.stop(execution, optionalString(input, "error") ?? "", optionalString(input, "cause") ?? "");
      return { stopDate: (execution.stopMs ?? now()) / 1000 };
    },
    RedriveExecution(input) {
      machines.redrive(executionOf(input));
      return { redriveDate: now() / 1000 };
    },
    ListExecutions(input) {
      const [status, redrive] = ["statusFilter", "redriveFilter"].map((name) => optionalString(input, name));
      const found = executionsOf(input)
        .filter((one) => status === undefined || one.status === status)
        .filter((one) => redrive === undefined || (redrive === "REDRIVEN") === one.redrivenMs.length > 0);
      const { page, nextToken } = paged(found.toReversed(), input, 100);
      const executions = page.map((one) => listed(one));
      return { executions, ...nextToken };
    },
    GetExecutionHistory(input) {
      const { history, machine, arn } = executionOf(input);
      // On AWS an Express execution leaves its history in its log only.
      if (machine.type === "EXPRESS")
        throw new AwsError("InvalidArn", `Invalid Arn: 'Resource type not valid in this context: express': '${arn}'`);
      const { page, nextToken } = paged(input.reverseOrder === true ? history.toReversed() : history, input, 1000);
      return { events: input.includeExecutionData === false ? page.map(withoutData) : page, ...nextToken };
    },
    ListStateMachines(input) {
      const { page, nextToken } = paged(machines.all(), input, 100);
      return { stateMachines: page.map(summary), ...nextToken };
    },
    DescribeStateMachine: (input) => describedMachine(machineOf(input)),
    DescribeStateMachineForExecution: (input) => describedMachine(executionOf(input).machine),
    SendTaskSuccess(input) {
      const output = json(requiredString(input, "output"), "InvalidOutput");
      try {
        limited(output, "The output");
      } catch (error) {
        throw new AwsError("InvalidOutput", (error as StateError).cause);
      }
      tokens.report(requiredString(input, "taskToken")).succeed(output);
      return {};
    },
    SendTaskFailure(input) {
      const error = new StateError(optionalString(input, "error") ?? "", optionalString(input, "cause") ?? "");
      tokens.report(requiredString(input, "taskToken")).fail(error);
      return {};
    },
    SendTaskHeartbeat(input) {
      tokens.report(requiredString(input, "taskToken")).beat();
      return {};
    },
  };
  return awsJsonService({ name: "Step Functions", operations, contentType: "application/x-amz-json-1.0" });
}

export interface StatesServiceOptions {
  readonly machines: Machines;
  readonly tokens: Tokens;
  readonly now: () => number;
}

function json(text: string, code: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new AwsError(code, `Invalid JSON: '${(error as Error).message}'`);
  }
}

/** An event without what went in and out. */
function withoutData(event: HistoryEvent): JsonObject {
  const bare = ([name, value]: [string, unknown]): [string, unknown] => {
    if (typeof value !== "object" || value === null) return [name, value];
    const { input, output, parameters, ...rest } = value as JsonObject;
    return [name, rest];
  };
  return Object.fromEntries(Object.entries(event).map(bare));
}

function listed(execution: Execution): JsonObject {
  const { arn, name, machine, status, startMs, stopMs, redrivenMs, mapRun } = execution;
  const itemCount = mapRun?.children?.find((child) => child.execution === execution)?.itemCount;
  return {
    ...(mapRun === null ? {} : { mapRunArn: mapRun.arn, itemCount }),
    executionArn: arn,
    stateMachineArn: machine.arn,
    name,
    status,
    startDate: startMs / 1000,
    redriveCount: redrivenMs.length,
    ...(stopMs === null ? {} : { stopDate: stopMs / 1000 }),
  };
}

function described(execution: Execution): JsonObject {
  const { input, output, failure, status, redrivenMs, mapRun } = execution;
  const redrivable = mapRun === null ? "REDRIVABLE" : "REDRIVABLE_BY_MAP_RUN";
  const redriven = redrivenMs.at(-1);
  return {
    ...listed(execution),
    input: JSON.stringify(input),
    redriveStatus: ["FAILED", "TIMED_OUT", "ABORTED"].includes(status) ? redrivable : "NOT_REDRIVABLE",
    ...(output === undefined ? {} : { output: JSON.stringify(output) }),
    ...(failure ?? {}),
    ...(redriven === undefined ? {} : { redriveDate: redriven / 1000 }),
  };
}

function summary({ arn, name, createdMs }: Machine): JsonObject {
  return { stateMachineArn: arn, name, type: "STANDARD", creationDate: createdMs / 1000 };
}

function describedMachine(machine: Machine): JsonObject {
  return { ...summary(machine), status: "ACTIVE", definition: machine.definitionText, roleArn: machine.roleArn };
}
