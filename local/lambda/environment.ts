/**
 * One execution environment: a worker thread that serves one invocation after another and is replaced after a crash, a timeout, a kill
 * or a module that does not load, as Lambda replaces a broken one.
 */
import { Worker } from "node:worker_threads";
import type { InvokeMessage, WorkerMessage, WorkerSettings } from "./messages.ts";

export type Outcome =
  | { readonly kind: "answer"; readonly payload: string }
  | { readonly kind: "error"; readonly errorType: string; readonly errorMessage: string };

export interface EnvironmentOptions {
  /** The callers of its threads are `<name>-1`, `<name>-2`, … */
  readonly name: string;
  readonly worker: WorkerSettings;
  readonly env: (caller: string) => Readonly<Record<string, string>>;
  /** Lets nothing through any more that a thread has sent, and resolves when what has begun of it is done. */
  readonly cutOff: (caller: string) => Promise<void>;
  readonly onLog: (text: string) => void;
}

export interface Environment {
  /** One at a time. `patienceMs` is real time. */
  run(message: InvokeMessage, patienceMs: number): Promise<Outcome>;
  /** As whom the thread of now calls AWS; null when there is none. */
  caller(): string | null;
  /**
   * Ends the thread at once. When this resolves, and before a running invocation gets the outcome of a runtime that exited, nothing of the
   * thread is under way any more.
   */
  kill(): Promise<void>;
  /** From the next invocation on, other code. Not while one is running. */
  load(worker: WorkerSettings): Promise<void>;
  /** As kill, and for good. */
  stop(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly caller: string;
}

export function createEnvironment({ name, worker, env, cutOff, onLog }: EnvironmentOptions): Environment {
  let workerData = worker;
  let thread: Thread | null = null;
  let threads = 0;
  let settle: ((outcome: Outcome) => void) | null = null;
  let requestId = "";
  let stopped = false;

  const finish = (outcome: Outcome): void => {
    settle?.(outcome);
    settle = null;
  };
  const end = async (outcome: Outcome): Promise<void> => {
    const [ended, finishEnded] = [thread, settle];
    thread = null;
    settle = null;
    if (ended !== null) await Promise.all([cutOff(ended.caller), ended.worker.terminate()]);
    finishEnded?.(outcome);
  };
  const exited = (reason: string): Outcome => ({
    kind: "error",
    errorType: "Runtime.ExitError",
    errorMessage: `RequestId: ${requestId} Error: ${reason}`,
  });
  const start = (): Thread => {
    const caller = `${name}-${++threads}`;
    const worker = new Worker(workerData.workerFile, {
      workerData,
      env: { ...env(caller) },
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    // What a replaced worker still says is nobody's answer.
    const isCurrent = (): boolean => thread?.worker === worker;
    worker.on("message", (message: WorkerMessage) => {
      if (!isCurrent()) return;
      if (message.kind === "log") onLog(message.text);
      else if (message.requestId !== requestId) return;
      // Node keeps a module that has failed; only a new thread loads it anew.
      else if (message.kind === "loadError") void end({ ...message, kind: "error" });
      else finish(message);
    });
    worker.on("error", (error: Error) => {
      if (!isCurrent()) return;
      onLog(`${JSON.stringify({ level: "ERROR", requestId, errorType: error.name, errorMessage: error.message })}\n`);
      void end(exited(`Runtime exited with error: ${error.message}`));
    });
    worker.on("exit", (code) => {
      if (isCurrent()) void end(exited(`Runtime exited with error: exit status ${code}`));
    });
    // An idle environment does not keep the process alive.
    worker.unref();
    return { worker, caller };
  };

  return {
    async run(message, patienceMs) {
      requestId = message.requestId;
      if (stopped) return exited(stopText);
      thread ??= start();
      const { worker } = thread;
      const errorMessage = timeoutMessage(requestId, message.timeoutMs);
      return new Promise((resolve) => {
        const timer = setTimeout(
          () => void end({ kind: "error", errorType: "Sandbox.Timedout", errorMessage }),
          patienceMs,
        );
        settle = (outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        };
        worker.postMessage(message);
      });
    },
    caller: () => thread?.caller ?? null,
    kill: () => end(exited("Runtime exited with error: signal: killed")),
    load(next) {
      workerData = next;
      return end(exited("Runtime exited: its code was replaced"));
    },
    stop() {
      stopped = true;
      return end(exited(stopText));
    },
  };
}

export function timeoutMessage(requestId: string, timeoutMs: number): string {
  return `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
}

const stopText = "The local runtime was stopped";
