import { backoff, type Pause } from "@millrace/aws";
import type { Entry } from "./entry.ts";

/** How often a record is offered in all: with the pauses below, about a minute of a throttled stream. */
export const SEND_TRIES = 12;

export interface Target {
  /** Per entry null when it was accepted, else why not. Throws UserError where trying again is of no use. */
  put(entries: readonly Entry[]): Promise<readonly (string | null)[]>;
  /** Between two tries; for tests. */
  readonly pause?: Pause;
}

export interface Outcome {
  readonly sent: number;
  readonly retried: number;
  readonly failed: readonly { readonly entry: Entry; readonly cause: string }[];
}

/**
 * Sends one call's entries. What was refused, and only that, is sent again in its order, and this returns when all is accepted or
 * given up: nothing that comes after can overtake it.
 */
export async function sendInOrder(
  entries: readonly Entry[],
  { put, pause = backoff({ baseMs: 100, capMs: 10_000 }) }: Target,
): Promise<Outcome> {
  let left = entries;
  let retried = 0;
  for (let tries = 1; ; tries++) {
    const answers = await put(left);
    const refused = left.flatMap((entry, i) => {
      const cause = answers[i];
      return cause === null ? [] : [{ entry, cause: cause ?? "no answer" }];
    });
    if (refused.length === 0 || tries === SEND_TRIES) {
      return { sent: entries.length - refused.length, retried, failed: refused };
    }
    left = refused.map(({ entry }) => entry);
    retried += left.length;
    await pause(tries);
  }
}
