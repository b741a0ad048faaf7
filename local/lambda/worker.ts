/** Runs in a worker thread: one execution environment of one function. It loads the handler at the first invocation, as Lambda does. */
import { enableCompileCache, flushCompileCache } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { type Hurry, hurryTimers, randomOf } from "./hurry.ts";
import type { InvokeMessage, WorkerMessage, WorkerSettings } from "./messages.ts";

type Handler = (event: unknown, context: object) => unknown;

const settings = workerData as WorkerSettings;
const post = (message: WorkerMessage): void => parentPort?.postMessage(message);
let frozenMs: number | null = null;
let loaded: Promise<Handler> | null = null;
let hurry: Hurry | null = null;
let cached = false;

captureOutput();
freezeDate();
process.setSourceMapsEnabled(true);
parentPort?.on("message", (message: InvokeMessage) => void invoke(message));

async function invoke(message: InvokeMessage): Promise<void> {
  const { requestId } = message;
  frozenMs = message.frozenMs;
  if (frozenMs !== null) {
    hurry ??= hurryTimers();
    Math.random = randomOf(requestId);
    hurry.start(message.timeoutMs);
  }
  const fail = (kind: "error" | "loadError", error: unknown): void => {
    const { name: errorType, message: errorMessage, stack } = asError(error);
    post({ kind: "log", text: `${JSON.stringify({ level: "ERROR", requestId, errorType, errorMessage, stack })}\n` });
    post({ kind, requestId, errorType, errorMessage });
  };
  try {
    loaded ??= loadHandler();
    await loaded;
  } catch (error) {
    fail("loadError", error);
    return;
  }
  try {
    const handler = await loaded;
    const answer = await handler(JSON.parse(message.payload), contextOf(message));
    post({ kind: "answer", requestId, payload: JSON.stringify(answer) ?? "null" });
  } catch (error) {
    fail("error", error);
  } finally {
    hurry?.stop();
    // Node would write when the thread ends by itself, and these are ended. By now what an invocation needs is compiled.
    if (!cached) setImmediate(flushCompileCache);
    cached = true;
  }
}

async function loadHandler(): Promise<Handler> {
  // An environment that comes after this one has less to compile.
  enableCompileCache(join(dirname(settings.handlerFile), "compiled"));
  const module = await import(pathToFileURL(settings.handlerFile).href);
  // A CommonJS bundle's exports may stand under `default` only.
  const handler: unknown = module[settings.handlerExport] ?? module.default?.[settings.handlerExport];
  if (typeof handler === "function") return handler as Handler;
  const missing = new Error(`${settings.handlerExport} is undefined or not exported by ${settings.handlerFile}`);
  missing.name = "Runtime.HandlerNotFound";
  throw missing;
}

function contextOf({ requestId, timeoutMs }: InvokeMessage): object {
  const startedMs = performance.now();
  return {
    awsRequestId: requestId,
    functionName: settings.functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: settings.functionArn,
    memoryLimitInMB: String(settings.memoryMB),
    logGroupName: settings.logGroup,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: false,
    // In virtual time the clock stands still while the handler runs, so nothing of its time is used up.
    getRemainingTimeInMillis: () =>
      frozenMs === null ? Math.max(0, Math.round(timeoutMs - (performance.now() - startedMs))) : timeoutMs,
  };
}

/** `new Date()`, `Date()` and `Date.now()` show the invocation's time. */
function freezeDate(): void {
  const RealDate = Date;
  const now = (): number => frozenMs ?? RealDate.now();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, property, receiver) => (property === "now" ? now : Reflect.get(target, property, receiver)),
  });
}

/** Output goes through the same port as the answer, so a line printed before the answer is logged before it. */
function captureOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      post({ kind: "log", text: typeof chunk === "string" ? chunk : Buffer.from(chunk).toString() });
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    };
  }
}

function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return {
    name: typeof thrown,
    message: typeof thrown === "string" ? thrown : (JSON.stringify(thrown) ?? String(thrown)),
  };
}
