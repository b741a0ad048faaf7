/** A Task: its call, its timeout and heartbeats, and what it leaves in the history. */
import type { Principal } from "../iam/access.ts";
import type { FunctionHost } from "../lambda/host.ts";
import type { TaskState } from "./definition.ts";
import { drawUuid, type Execution, type Machine, regionOf } from "./execution.ts";
import { isMap, type Json, type JsonMap, limited } from "./json.ts";
import type { MapRun } from "./map-run.ts";
import { type Pace, partOf, unlessAborted } from "./pace.ts";
import { readResource, type TaskResource } from "./resource.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";
import { type Job, jobOf } from "./sync.ts";
import type { Tokens } from "./tokens.ts";
import type { Wire } from "./wire.ts";

/** What executions live in. */
export interface Surrounding {
  readonly pace: Pace;
  readonly seed: number;
  readonly time: "virtual" | "real";
  readonly tokens: Tokens;
  readonly wire: Wire;
  readonly invoke: FunctionHost["invoke"];
  principalOf(machine: Machine): Principal;
  /** Those of all executions, oldest first. */
  readonly mapRuns: MapRun[];
  /** Starts a child of a Map Run. */
  begin(machine: Machine, input: Json, name: string, mapRun: MapRun): Execution;
  /** Runs a child that has failed once more. */
  again(execution: Execution): void;
  /** Of an execution by its ARN: resolves with what DescribeExecution says when it has ended. */
  ended(arn: string, signal: AbortSignal): Promise<JsonMap>;
}

const defaultTimeoutSeconds = 99_999_999;

export async function runTask(state: TaskState, outer: Strand): Promise<Json> {
  const { around, execution } = outer;
  const resource = readResource(state.Resource) as TaskResource;
  const token = resource.pattern === "waitForTaskToken" ? drawUuid(execution, around.seed, "token") : null;
  const scene = token === null ? outer : outer.task(token);
  const input = state.Arguments === undefined ? scene.input : await scene.value(state.Arguments, "Arguments");
  limited(input, "Arguments");
  const seconds = await scene.wholeNumber(
    state.TimeoutSeconds ?? defaultTimeoutSeconds,
    "TimeoutSeconds",
    1,
    99_999_999,
  );
  const heartbeat =
    state.HeartbeatSeconds === undefined
      ? null
      : await scene.wholeNumber(state.HeartbeatSeconds, "HeartbeatSeconds", 1, 99_999_999);
  const { signal, end } = partOf(outer.signal);
  const log = taskLog(resource, state.Resource, outer);
  log.scheduled(input, seconds);
  const cancel = around.pace.later(seconds * 1000, () =>
    end(new StateError("States.Timeout", `The task did not end within ${seconds} seconds.`)),
  );
  try {
    const report = token === null ? null : around.tokens.wait(token, heartbeat === null ? null : heartbeat * 1000);
    report?.catch(() => {});
    const answer = await called(resource, input, scene.under(signal));
    if (report !== null) log.submitted(answer);
    const output = limited(await unlessAborted(report ?? Promise.resolve(answer), signal), "The result of the task");
    log.succeeded(output);
    return output;
  } catch (error) {
    if (error instanceof StateError && !error.isFatal) log.failed(error);
    throw error;
  } finally {
    cancel();
    if (token !== null) around.tokens.forget(token);
  }
}

async function called(resource: TaskResource, input: Json, strand: Strand): Promise<Json> {
  const { around, signal, execution } = strand;
  const given = isMap(input) ? input : {};
  if (resource.functionArn !== null) return invoked(resource.functionArn, input, strand);
  if (resource.service === "lambda") {
    const Payload = await invoked(String(given.FunctionName), given.Payload ?? {}, strand);
    return { ExecutedVersion: "$LATEST", Payload, StatusCode: 200 };
  }
  const caller = `${execution.machine.logicalId}-1`;
  const answer = await unlessAborted(
    around.pace.call(() => around.wire.call(resource, given, caller)),
    signal,
  );
  return resource.pattern === "sync" ? (jobOf(resource) as Job).result(answer as JsonMap, strand, resource) : answer;
}

async function invoked(
  functionName: string,
  payload: Json,
  { around, execution, signal, sleep }: Strand,
): Promise<Json> {
  const { machine } = execution;
  const arn = functionName.startsWith("arn:")
    ? functionName
    : `arn:aws:lambda:${regionOf(machine)}:${machine.arn.split(":")[4]}:function:${functionName}`;
  const refused = around.principalOf(machine).refusal("lambda:InvokeFunction", arn);
  if (refused !== null) throw new StateError("Lambda.AWSLambdaException", refused.message);
  const plain = functionName.replace(/^(arn:.*:function:[^:]+|[^:]+):\$?\w+$/, "$1");
  const found = around.pace.call(() =>
    around.invoke(plain, payload).catch((error: Error) => {
      throw new StateError("Lambda.ResourceNotFoundException", error.message);
    }),
  );
  const answer = await unlessAborted(found, signal);
  // In virtual time the call itself took none.
  if (around.time === "virtual") await sleep(answer.durationMs);
  if (answer.kind === "ok") return (answer.payload ?? null) as Json;
  const { errorType, errorMessage } = answer;
  if (errorType === "TooManyRequestsException") throw new StateError(`Lambda.${errorType}`, errorMessage);
  throw new StateError(errorType, JSON.stringify({ errorMessage, errorType }));
}

/** A function called by its ARN has events of its own kind. */
function taskLog({ service, functionArn }: TaskResource, resource: string, { record, execution }: Strand) {
  const isFunction = functionArn !== null;
  const prefix = isFunction ? "LambdaFunction" : "Task";
  const key = isFunction ? "lambdaFunction" : "task";
  const names = isFunction ? {} : { resourceType: service, resource: resource.split(":").at(-1) };
  const of = (what: string, details: object) =>
    record(`${prefix}${what}`, { [`${key}${what}EventDetails`]: { ...names, ...details } });
  return {
    scheduled(input: Json, timeoutInSeconds: number): void {
      const text = JSON.stringify(input);
      const limit = timeoutInSeconds === defaultTimeoutSeconds ? {} : { timeoutInSeconds };
      const details = isFunction
        ? { input: text, resource }
        : { parameters: text, region: regionOf(execution.machine) };
      of("Scheduled", { ...details, ...limit });
      of("Started", {});
    },
    submitted: (output: Json) => of("Submitted", { output: JSON.stringify(output) }),
    succeeded: (output: Json) => of("Succeeded", { output: JSON.stringify(output) }),
    failed({ error, cause }: StateError): void {
      of(/^States\.(Heartbeat)?Timeout$/.test(error) ? "TimedOut" : "Failed", { error, cause });
    },
  };
}
