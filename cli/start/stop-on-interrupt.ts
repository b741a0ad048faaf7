import type { Runtime } from "../../local/runtime.ts";
import { UserError } from "../user-error.ts";
import type { Progress } from "./progress.ts";

export interface Interrupt {
  /** The work's result; throws as soon as the person presses Ctrl-C, after the runtime has stopped. */
  during<T>(work: Promise<T>): Promise<T>;
  readonly onRuntime: (runtime: Runtime) => void;
}

export const INTERRUPTED = 130;

/** Ctrl-C ends a run wherever it stands; a second one does not wait for anything. */
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
    async during(work) {
      const pressed = Promise.withResolvers<never>();
      const stop = (): void => {
        process.once("SIGINT", () => process.exit(INTERRUPTED));
        at.progress.done();
        at.say("Stopping …");
        pressed.reject(
          new UserError(
            `Stopped by Ctrl-C before the end. What was written so far lies in ${at.outName}; there is no report.`,
            INTERRUPTED,
          ),
        );
      };
      process.once("SIGINT", stop);
      try {
        return await Promise.race([work, pressed.promise]);
      } catch (error) {
        // The work goes on until it meets the stopped runtime; how it fails there is of no interest.
        work.catch(() => {});
        await runtime?.stop();
        throw error;
      } finally {
        process.removeListener("SIGINT", stop);
      }
    },
  };
}
