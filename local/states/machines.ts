/** The state machines of the template and their executions: start, stop, redrive, and what became of them. */
import { AwsError } from "../aws-error.ts";
import { type Execution, type Machine, progressFrom, record } from "./execution.ts";
import { type Json, type JsonMap, limited } from "./json.ts";
import type { MapRun } from "./map-run.ts";
import type { ExecutionMeters } from "./meters.ts";
import { unlessAborted } from "./pace.ts";
import { runStates } from "./run.ts";
import { Aborted, StateError } from "./state-error.ts";
import { strandOf } from "./strand.ts";
import type { Surrounding } from "./task.ts";

export interface Machines {
  all(): readonly Machine[];
  /** Children of Map Runs included, oldest first. */
  executions(): readonly Execution[];
  find(executionArn: string): Execution | undefined;
  mapRuns(): readonly MapRun[];
  /** Throws an AwsError as StartExecution does. */
  start(machine: Machine, input: Json, name?: string): Execution;
  stop(execution: Execution, error: string, cause: string): void;
  redrive(execution: Execution): void;
}

export interface MachinesOptions extends Omit<Surrounding, "ended" | "mapRuns" | "begin" | "again"> {
  readonly machines: readonly Machine[];
  readonly meters: ExecutionMeters;
}

/** AWS lets no execution run longer, so no timer needs to reach farther than that. */
const longestSeconds = { STANDARD: 365 * 86_400, EXPRESS: 5 * 60 };
const nameIsTakenMs = 90 * 86_400_000;
const redrivableMs = 14 * 86_400_000;

export function createMachines(options: MachinesOptions): Machines {
  const executions = new Map<string, Execution>();
  const waiting = new Map<string, (() => void)[]>();
  const { pace } = options;
  const around: Surrounding = {
    ...options,
    mapRuns: [],
    begin: (machine, input, name, mapRun) => begin(machine, input, name, mapRun),
    again(execution) {
      // An Express execution remembers nothing that it could go on from.
      if (execution.machine.type === "EXPRESS")
        execution.progress = progressFrom(execution.machine.definition.StartAt, execution.input);
      resume(execution);
    },
    async ended(arn, signal) {
      const execution = executions.get(arn) as Execution;
      if (execution.status === "RUNNING") {
        const end = new Promise<void>((resolve) => waiting.set(arn, [...(waiting.get(arn) ?? []), resolve]));
        await unlessAborted(end, signal).catch((reason: unknown) => {
          // A child that is waited for ends with the task.
          stop(execution, "", "");
          throw reason;
        });
      }
      return described(execution);
    },
  };
  let count = 0;

  const run = async (execution: Execution, event: string, details: object): Promise<void> => {
    const controller = new AbortController();
    const { machine, history } = execution;
    const trail = { last: history.length };
    execution.end = (reason) => controller.abort(reason);
    const write = (type: string, more: object = {}) => record(execution, trail, pace.now(), type, more);
    write(event, details);
    const longest = longestSeconds[machine.type];
    const seconds = Math.min(machine.definition.TimeoutSeconds ?? longest, longest);
    const limit = new StateError("States.Timeout", `The execution did not end within ${seconds} seconds.`);
    const cancel = pace.later(seconds * 1000, () => controller.abort(limit));
    const strand = strandOf(execution, around, {
      signal: controller.signal,
      trail,
      input: execution.input,
      variables: {},
      context: contextOf(execution),
    });
    try {
      // A failure elsewhere must not be overtaken by a list of states that goes on a little.
      const output = await unlessAborted(runStates(machine.definition, execution.progress, strand), controller.signal);
      execution.status = "SUCCEEDED";
      execution.output = output;
      finish("ExecutionSucceeded", { executionSucceededEventDetails: { output: JSON.stringify(output) } });
    } catch (error) {
      if (error instanceof Aborted) return;
      const failure = error instanceof StateError ? error : new StateError("States.Runtime", String(error));
      execution.failure = { error: failure.error, cause: failure.cause };
      execution.status = failure === limit ? "TIMED_OUT" : "FAILED";
      const type = failure === limit ? "ExecutionTimedOut" : "ExecutionFailed";
      const key = failure === limit ? "executionTimedOutEventDetails" : "executionFailedEventDetails";
      finish(type, { [key]: execution.failure });
    } finally {
      cancel();
    }
    function finish(type: string, more: object): void {
      history.push({
        timestamp: pace.now() / 1000,
        type,
        id: history.length + 1,
        previousEventId: trail.last,
        ...more,
      });
      settle(execution);
    }
  };
  const settle = (execution: Execution): void => {
    execution.stopMs = pace.now();
    options.meters.ended(execution);
    for (const resolve of waiting.get(execution.arn) ?? []) resolve();
    waiting.delete(execution.arn);
  };
  const stop: Machines["stop"] = (execution, error, cause) => {
    if (execution.status !== "RUNNING") return;
    execution.status = "ABORTED";
    execution.failure = { error, cause };
    const { history } = execution;
    const details = { executionAbortedEventDetails: { error, cause } };
    const [id, timestamp] = [history.length + 1, pace.now() / 1000];
    execution.end(new Aborted("The execution was stopped."));
    history.push({ timestamp, type: "ExecutionAborted", id, previousEventId: 0, ...details });
    settle(execution);
  };

  const begin = (machine: Machine, input: Json, name: string, mapRun: MapRun | null): Execution => {
    const execution: Execution = {
      arn: executionArn(machine, name),
      name,
      machine,
      input,
      mapRun,
      startMs: pace.now(),
      progress: progressFrom(machine.definition.StartAt, input),
      history: [],
      redrivenMs: [],
      status: "RUNNING",
      stopMs: null,
      output: undefined,
      failure: null,
      end: () => {},
      draws: 0,
    };
    executions.set(execution.arn, execution);
    options.meters.started(execution);
    const details = { input: JSON.stringify(input), roleArn: machine.roleArn };
    execution.end = pace.later(0, () => {
      void run(execution, "ExecutionStarted", { executionStartedEventDetails: details });
    });
    return execution;
  };
  const resume = (execution: Execution): void => {
    const { redrivenMs } = execution;
    redrivenMs.push(pace.now());
    Object.assign(execution, { status: "RUNNING", stopMs: null, failure: null });
    const details = { executionRedrivenEventDetails: { redriveCount: redrivenMs.length } };
    execution.end = pace.later(0, () => void run(execution, "ExecutionRedriven", details));
  };

  return {
    all: () => options.machines,
    executions: () => [...executions.values()],
    find: (arn) => executions.get(arn),
    mapRuns: () => around.mapRuns,
    stop,
    start(machine, input, name = `00000000-0000-4000-8000-${String(++count).padStart(12, "0")}`) {
      const arn = executionArn(machine, name);
      const twin = executions.get(arn);
      if (twin !== undefined && pace.now() < (twin.stopMs ?? pace.now()) + nameIsTakenMs) {
        const isSame = twin.status === "RUNNING" && JSON.stringify(twin.input) === JSON.stringify(input);
        if (isSame) return twin;
        throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${arn}'`);
      }
      limitedInput(input);
      return begin(machine, input, name, null);
    },
    redrive(execution) {
      const { status, stopMs, arn, history, mapRun } = execution;
      const isEnded = status === "FAILED" || status === "TIMED_OUT" || status === "ABORTED";
      const isChild = mapRun !== null;
      if (isChild || !isEnded || pace.now() > (stopMs ?? 0) + redrivableMs || history.length > 24_999) {
        const reason = isChild ? "a child of a Map Run: redrive the execution of its Map state" : status;
        throw new AwsError("ExecutionNotRedrivable", `Execution is not redrivable: '${arn}' is ${reason}.`);
      }
      resume(execution);
    },
  };
}

function executionArn({ arn, type }: Machine, name: string): string {
  // On AWS an Express execution's ARN has one part more, which tells its runs apart.
  const kind = type === "EXPRESS" ? "express" : "execution";
  return `${arn.replace(":stateMachine:", `:${kind}:`)}:${name}${type === "EXPRESS" ? `:${name}` : ""}`;
}

function limitedInput(input: Json): void {
  try {
    limited(input, "The input");
  } catch (error) {
    throw new AwsError("InvalidExecutionInput", (error as StateError).cause);
  }
}

function contextOf({ arn, name, input, machine, startMs, redrivenMs }: Execution): JsonMap {
  const redriven = redrivenMs.at(-1);
  return {
    Execution: {
      Id: arn,
      Name: name,
      Input: input,
      RoleArn: machine.roleArn,
      StartTime: new Date(startMs).toISOString(),
      RedriveCount: redrivenMs.length,
      ...(redriven === undefined ? {} : { RedriveTime: new Date(redriven).toISOString() }),
    },
    StateMachine: { Id: machine.arn, Name: machine.name },
  };
}

function described({ arn, name, machine, status, input, output, failure, startMs, stopMs }: Execution): JsonMap {
  return {
    ExecutionArn: arn,
    Name: name,
    StateMachineArn: machine.arn,
    Status: status,
    Input: JSON.stringify(input),
    StartDate: startMs,
    StopDate: stopMs,
    ...(output === undefined ? {} : { Output: JSON.stringify(output) }),
    ...(failure === null ? {} : { Error: failure.error, Cause: failure.cause }),
  };
}
