import type { Progress } from "../start/progress.ts";
import { UserError } from "../user-error.ts";
import type { ReplayMachine } from "./machine.ts";
import { ownerOf, printEnd } from "./print.ts";

export interface Following {
  readonly machine: Pick<ReplayMachine, "state">;
  readonly progress: Pick<Progress, "update" | "done">;
  readonly write: (text: string) => void;
  readonly pause: () => Promise<unknown>;
}

/** Of an execution that did nothing, because another one was asked for the same and failed: its cause says which, and what to type. */
const FAILED_BEFORE = "Replay.FailedBefore";

/**
 * Waits for a replay's end and says what came of it. Where another execution was asked for the same before, its end is what counts: the
 * command must not succeed because somebody else's attempt has failed. Throws a UserError where the replay did not succeed.
 */
export async function followToEnd(name: string, following: Following): Promise<void> {
  const { machine, progress, write, pause } = following;
  try {
    for (;;) {
      const state = await machine.state(name);
      if (state.status !== "RUNNING") {
        progress.done();
        if (state.error === FAILED_BEFORE) throw new UserError(String(state.cause));
        write(printEnd(name, state));
        const owner = ownerOf(state);
        if (owner !== null) return await followToEnd(owner, following);
        if (state.status === "SUCCEEDED") return;
        if (state.error === "ReplayRequestError")
          throw new UserError("Do what it says and ask again; the same request once more needs a --name of its own.");
        throw new UserError(`npm run replay -- --redrive ${name} goes on where it stopped, once the cause is mended.`);
      }
      progress.update(state.total === 0 ? 0 : state.done / state.total, `${state.done} of ${state.total} pieces`);
      await pause();
    }
  } finally {
    progress.done();
  }
}
