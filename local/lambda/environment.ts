/**
 * One execution environment: a worker thread that serves one invocation after another and is replaced after a crash, a timeout or a
 * kill, as Lambda replaces a broken one.
 */
import { Worker } from "node:worker_threads";
import type { InvokeMessage, WorkerMessage, WorkerSettings } from "./messages.ts";

export type Outcome =
  | { readonly kind: "answer"; readonly payload: string }
  | { readonly kind: "error"; readonly errorType: string; readonly errorMessage: string };

export interface EnvironmentOptions {
  readonly worker: WorkerSettings;
  readonly env: () => Readonly<Record<string, string>>;
  readonly onLog: (text: string) => void;
}

export interface Environment {
  /** One at a time. `patienceMs` is real time. */
  run(message: InvokeMessage, patienceMs: number): Promise<Outcome>;
  /** Ends the thread at once; a running invocation gets the outcome of a runtime that exited. */
  kill(): void;
  stop(): Promise<void>;
}

export function createEnvironment({ worker: workerData, env, onLog }: EnvironmentOptions): Environment {
  let worker: Worker | null = null;
  let settle: ((outcome: Outcome) => void) | null = null;
  let requestId = "";

  const discard = (): void => {
    void worker?.terminate();
    worker = null;
  };
  const finish = (outcome: Outcome): void => {
    settle?.(outcome);
    settle = null;
  };
  const crash = (reason: string): void => {
    discard();
    finish({ kind: "error", errorType: "Runtime.ExitError", errorMessage: `RequestId: ${requestId} Error: ${reason}` });
  };
  const start = (): Worker => {
    const started = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData,
      env: { ...env() },
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    // What a replaced worker still says is nobody's answer.
    const isCurrent = (): boolean => worker === started;
    started.on("message", (message: WorkerMessage) => {
      if (!isCurrent()) return;
      if (message.kind === "log") onLog(message.text);
      else if (message.requestId === requestId) finish(message);
    });
    started.on("error", (error: Error) => {
      if (!isCurrent()) return;
      onLog(`${JSON.stringify({ level: "ERROR", requestId, errorType: error.name, errorMessage: error.message })}\n`);
      crash(`Runtime exited with error: ${error.message}`);
    });
    started.on("exit", (code) => isCurrent() && crash(`Runtime exited with error: exit status ${code}`));
    // An idle environment does not keep the process alive.
    started.unref();
    return started;
  };

  return {
    run(message, patienceMs) {
      worker ??= start();
      requestId = message.requestId;
      const seconds = (message.timeoutMs / 1000).toFixed(2);
      const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`;
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          discard();
          finish({ kind: "error", errorType: "Sandbox.Timedout", errorMessage });
        }, patienceMs);
        settle = (outcome) => {
          clearTimeout(timer);
          resolve(outcome);
        };
        worker?.postMessage(message);
      });
    },
    kill: () => crash("Runtime exited with error: signal: killed"),
    async stop() {
      const running = worker;
      worker = null;
      await running?.terminate();
    },
  };
}
