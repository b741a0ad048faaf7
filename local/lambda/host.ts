/**
 * The Lambda service: invokes functions by name. Each has one execution environment, so its invocations queue; limits and errors
 * are AWS's. In virtual time an invocation costs a modelled duration, and the real timeout is generous, because the machine is not what is simulated.
 */
import type { Clock } from "../clock.ts";
import { createMetrics, type Metrics } from "../cloudwatch/metrics.ts";
import type { Disturbance, InvocationFaults } from "../faults/invocations.ts";
import { uuidOf } from "../uuid.ts";
import type { Bundle } from "./bundle.ts";
import { createEnvironment, type Environment, type Outcome, timeoutMessage } from "./environment.ts";
import type { LogFile } from "./log-file.ts";
import { functionMeters } from "./meters.ts";
import type { FunctionSettings } from "./settings.ts";

/** `durationMs` is the modelled duration in virtual time, else the measured one. */
export type Invocation =
  | { readonly kind: "ok"; readonly payload: unknown; readonly durationMs: number }
  | { readonly kind: "error"; readonly errorType: string; readonly errorMessage: string; readonly durationMs: number };

/** A moment at which a test may end an environment. Invocations and writes count from 1. */
export interface KillPoint {
  readonly functionId: string;
  readonly invocation: number;
  /**
   * write: right after the n-th write that the invocation sent to DynamoDB, counted as they arrive; none after it is carried out.
   * answer: after the handler finished, before its answer counts.
   */
  readonly phase: "write" | "answer";
  readonly write: number;
}

/** An answer on its way back to whoever invoked. Invocations count from 1. */
export type AnswerPoint = Pick<KillPoint, "functionId" | "invocation">;

export interface FunctionStats {
  readonly invocations: number;
  readonly errors: number;
  /** Answers that did not get there; they are no errors of the function. */
  readonly lostAnswers: number;
  /** Those that a kill or an injected fault has brought about. */
  readonly kills: number;
  /** Modelled or measured, as the clock is. */
  readonly durationMs: number;
}

export interface FunctionHost {
  /** By name, ARN or logical id. */
  invoke(functionName: string, payload: unknown): Promise<Invocation>;
  /** Gives functions, by logical id, other code, each after what it is doing. */
  load(bundles: ReadonlyMap<string, Bundle>): Promise<void>;
  stats(): Readonly<Record<string, FunctionStats>>;
  stop(): Promise<void>;
}

export interface HostedFunction {
  readonly settings: FunctionSettings;
  readonly bundle: Bundle;
  readonly log: LogFile;
}

export interface HostOptions {
  readonly functions: readonly HostedFunction[];
  readonly clock: Pick<Clock, "now">;
  readonly time: "virtual" | "real";
  readonly seed: number;
  /** What every environment gets beside its own variables: endpoint, region, credentials. */
  readonly baseEnv: (caller: string) => Readonly<Record<string, string>>;
  readonly onWrite: (listener: (write: { readonly caller: string }) => void) => () => void;
  /** Of the tables; a host without tables has none. */
  readonly cutOff?: (caller: string) => Promise<void>;
  readonly kill?: ((point: KillPoint) => boolean) | undefined;
  /** Asked for each answer; true loses it. The environment goes on: it has done its part. */
  readonly loseAnswer?: ((answer: AnswerPoint) => boolean) | undefined;
  readonly faults?: InvocationFaults | undefined;
  /** Of the account; a host without one keeps its own to itself. */
  readonly metrics?: Metrics | undefined;
}

const payloadLimitBytes = 6 * 1024 * 1024;
/** Lambda's own limit for answers is 100 bytes above the one for requests. */
const answerLimitBytes = payloadLimitBytes + 100;

/** Modelled: a warm invocation of a batch, of which the records are the greater part above some hundreds. */
const invocationMs = 20;
const recordMs = 0.05;

/** In virtual time a real minute at least: the machine may be slow, and nothing is learnt from a timeout that it causes. */
const patienceInVirtualTimeMs = 60_000;

export function createHost(options: HostOptions): FunctionHost {
  const hosted = options.functions.map((one) => hostFunction(one, options));
  const byName = new Map<string, ReturnType<typeof hostFunction>>();
  hosted.forEach((one, at) => {
    const { logicalId, name, arn } = (options.functions[at] as HostedFunction).settings;
    for (const key of [logicalId, name, arn]) byName.set(key, one);
  });
  return {
    async invoke(functionName, payload) {
      const found = byName.get(functionName.replace(/:\$LATEST$/, ""));
      if (found === undefined) {
        throw new Error(
          `There is no function ${functionName}. There are ${[...byName.keys()].filter((key) => !key.includes(":")).join(", ")}.`,
        );
      }
      return found.invoke(payload);
    },
    async load(bundles) {
      for (const one of hosted) {
        const bundle = bundles.get(one.logicalId);
        if (bundle !== undefined) await one.load(bundle);
      }
    },
    stats: () => Object.fromEntries(hosted.map((one) => [one.logicalId, one.stats()])),
    stop: async () => void (await Promise.all(hosted.map((one) => one.stop()))),
  };
}

function hostFunction({ settings, bundle, log }: HostedFunction, options: HostOptions) {
  const { logicalId, name, arn, timeoutMs, memoryMB } = settings;
  const logGroup = `/aws/lambda/${name}`;
  const workerOf = (code: Bundle) => ({ ...code, functionName: name, functionArn: arn, memoryMB, logGroup });
  const environment = createEnvironment({
    name: logicalId,
    worker: workerOf(bundle),
    env: (caller) => ({ ...lambdaEnv(settings, logGroup), ...options.baseEnv(caller), ...settings.environment }),
    cutOff: options.cutOff ?? (async () => {}),
    onLog: (text) => log.append(text, options.clock.now()),
  });
  const stats = { invocations: 0, errors: 0, lostAnswers: 0, kills: 0, durationMs: 0 };
  const meters = functionMeters(options.metrics ?? createMetrics(options), name);
  const patienceMs = options.time === "virtual" ? Math.max(patienceInVirtualTimeMs, 2 * timeoutMs) : timeoutMs;
  let last: Promise<unknown> = Promise.resolve();

  const run = async (payload: unknown): Promise<Invocation> => {
    const text = JSON.stringify(payload) ?? "null";
    const sizeBytes = Buffer.byteLength(text);
    if (sizeBytes > payloadLimitBytes) return { ...requestTooLarge(), durationMs: 0 };
    const disturbance = options.faults?.begin(logicalId, payload) ?? null;
    if (disturbance?.kind === "throttled") return { ...tooManyRequests, durationMs: 0 };
    const invocation = ++stats.invocations;
    const startedMs = performance.now();
    const frozenMs = options.time === "virtual" ? options.clock.now() : null;
    const requestId = uuidOf(options.seed, "request", logicalId, invocation);
    const ran = await withKills(environment, options, logicalId, invocation, () =>
      environment.run({ requestId, payload: text, timeoutMs, frozenMs }, patienceMs),
    );
    const outcome = await withFault(environment, disturbance, requestId, timeoutMs, ran);
    const timedOut = disturbance?.kind === "timeout";
    const durationMs =
      options.time === "real" ? performance.now() - startedMs : timedOut ? timeoutMs : modelledMs(payload);
    stats.durationMs += durationMs;
    const result = toInvocation(outcome, durationMs);
    if (result.kind === "error") stats.errors++;
    if (outcome.killed || (result.kind === "error" && disturbance?.isHit)) stats.kills++;
    return result;
  };
  const answered = (invocation: Invocation): Invocation => {
    if (invocation.kind === "error" || !options.loseAnswer?.({ functionId: logicalId, invocation: stats.invocations }))
      return invocation;
    stats.lostAnswers++;
    return { ...answerLost, durationMs: invocation.durationMs };
  };

  return {
    logicalId,
    stats: () => ({ ...stats }),
    load(code: Bundle): Promise<void> {
      const mine = last.then(() => environment.load(workerOf(code)));
      last = mine.catch(() => undefined);
      return mine;
    },
    stop: async () => {
      await environment.stop();
      await log.close();
    },
    invoke(payload: unknown): Promise<Invocation> {
      const mine = last
        .then(() => run(payload))
        .then(meters.finished)
        .then(answered);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** The kill hook is asked at every write of the invocation, before it is carried out, and once after its answer. */
async function withKills(
  environment: Environment,
  { kill, onWrite }: HostOptions,
  functionId: string,
  invocation: number,
  run: () => Promise<Outcome>,
): Promise<Outcome & { readonly killed: boolean }> {
  if (kill === undefined) return { ...(await run()), killed: false };
  let write = 0;
  let killed = false;
  const unsubscribe = onWrite(({ caller }) => {
    if (killed || caller !== environment.caller()) return;
    write++;
    if (!kill({ functionId, invocation, phase: "write", write })) return;
    killed = true;
    void environment.kill();
  });
  const outcome = await run();
  unsubscribe();
  if (killed || !kill({ functionId, invocation, phase: "answer", write })) return { ...outcome, killed };
  await environment.kill();
  return { ...killedOutcome, killed: true };
}

/** An injected crash or timeout: whatever the handler answered counts for nothing, and its environment ends. */
async function withFault(
  environment: Environment,
  disturbance: Disturbance | null,
  requestId: string,
  timeoutMs: number,
  ran: Outcome & { readonly killed: boolean },
): Promise<Outcome & { readonly killed: boolean }> {
  if (ran.killed || (disturbance?.kind !== "crash" && disturbance?.kind !== "timeout")) return ran;
  await environment.kill();
  return disturbance.kind === "crash"
    ? { ...killedOutcome, killed: true }
    : {
        kind: "error",
        errorType: "Sandbox.Timedout",
        errorMessage: timeoutMessage(requestId, timeoutMs),
        killed: true,
      };
}

const killedOutcome = {
  kind: "error",
  errorType: "Runtime.ExitError",
  errorMessage: "Error: Runtime exited with error: signal: killed",
} as const;

const answerLost = {
  kind: "error",
  errorType: "ServiceException",
  errorMessage: "The connection ended before the answer came.",
} as const;

function toInvocation(outcome: Outcome, durationMs: number): Invocation {
  if (outcome.kind === "error") {
    return { kind: "error", errorType: outcome.errorType, errorMessage: outcome.errorMessage, durationMs };
  }
  const sizeBytes = Buffer.byteLength(outcome.payload);
  if (sizeBytes <= answerLimitBytes) return { kind: "ok", payload: JSON.parse(outcome.payload), durationMs };
  const errorMessage = `Response payload size (${sizeBytes} bytes) exceeded maximum allowed payload size (${answerLimitBytes} bytes).`;
  return { kind: "error", errorType: "Function.ResponseSizeTooLarge", errorMessage, durationMs };
}

const tooManyRequests = {
  kind: "error",
  errorType: "TooManyRequestsException",
  errorMessage: "Rate Exceeded.",
} as const;

function requestTooLarge() {
  const errorMessage = `Request must be smaller than ${payloadLimitBytes} bytes for the InvokeFunction operation`;
  return { kind: "error", errorType: "RequestEntityTooLargeException", errorMessage } as const;
}

function modelledMs(payload: unknown): number {
  const { Records, records } = (payload ?? {}) as { Records?: unknown; records?: unknown };
  const batch = Records ?? records;
  return invocationMs + recordMs * (Array.isArray(batch) ? batch.length : 0);
}

function lambdaEnv({ name, memoryMB, handler, codeDir }: FunctionSettings, logGroup: string): Record<string, string> {
  return {
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMB),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: "local",
    LAMBDA_TASK_ROOT: codeDir,
    TZ: ":UTC",
    _HANDLER: handler,
  };
}
