import type { Runtime } from "../../local/runtime.ts";
import { UserError } from "../user-error.ts";
import type { Progress } from "./progress.ts";

export interface Interrupt {
  /** The work's result; throws as soon as the process is told to stop, after the runtime has stopped. */
  during<T>(work: Promise<T>): Promise<T>;
  readonly onRuntime: (runtime: Runtime) => void;
  /** Ends the line of progress and stops the runtime. */
  stop(): Promise<void>;
}

/** What ends a run from outside, by what people call it; exit codes as shells give them. */
const SIGNALS = [
  { signal: "SIGINT", name: "Ctrl-C", exitCode: 130 },
  { signal: "SIGTERM", name: "SIGTERM", exitCode: 143 },
] as const;

export function isStopped(exitCode: unknown): boolean {
  return SIGNALS.some((known) => known.exitCode === exitCode);
}

/** Ctrl-C or SIGTERM ends a run wherever it stands; a second one does not wait for anything. */
export function stopOnInterrupt(at: {
  readonly progress: Progress;
  readonly say: (line: string) => void;
  readonly outName: string;
}): Interrupt {
  let runtime: Runtime | null = null;
  return {
    onRuntime: (started) => {
      runtime = started;
    },
    async stop() {
      at.progress.done();
      await runtime?.stop();
    },
    async during(work) {
      const told = Promise.withResolvers<never>();
      const listeners = SIGNALS.map(({ signal, name, exitCode }) => {
        const stop = (): void => {
          for (const other of SIGNALS) process.once(other.signal, () => process.exit(other.exitCode));
          at.progress.done();
          at.say("Stopping …");
          const message = `Stopped by ${name} before the end. What was written so far lies in ${at.outName}; there is no report.`;
          told.reject(new UserError(message, exitCode));
        };
        process.once(signal, stop);
        return { signal, stop };
      });
      try {
        return await Promise.race([work, told.promise]);
      } catch (error) {
        // The work goes on until it meets the stopped runtime; how it fails there is of no interest.
        work.catch(() => {});
        await runtime?.stop();
        throw error;
      } finally {
        for (const { signal, stop } of listeners) process.removeListener(signal, stop);
      }
    },
  };
}
