/** Tasks that wait for somebody to report about them by their token. */
import { AwsError } from "../aws-error.ts";
import type { Json } from "./json.ts";
import type { Pace } from "./pace.ts";
import { StateError } from "./state-error.ts";

interface Waiting {
  succeed(output: Json): void;
  fail(error: StateError): void;
  beat(): void;
}

export interface Tokens {
  /** Resolves with the output that is reported; `heartbeatMs` null = none is asked for. */
  wait(token: string, heartbeatMs: number | null): Promise<Json>;
  forget(token: string): void;
  /** Throws TaskTimedOut for a token that nobody waits for. */
  report(token: string): Waiting;
}

export function createTokens(pace: Pace): Tokens {
  const waiting = new Map<string, Waiting>();
  return {
    wait: (token, heartbeatMs) =>
      new Promise((resolve, reject) => {
        let cancel = (): void => {};
        const settled = (finish: () => void): void => {
          cancel();
          waiting.delete(token);
          pace.later(0, finish);
        };
        const fail = (error: StateError) => settled(() => reject(error));
        const beat = (): void => {
          cancel();
          if (heartbeatMs === null) return;
          const late = new StateError(
            "States.HeartbeatTimeout",
            `No heartbeat came for ${heartbeatMs / 1000} seconds.`,
          );
          cancel = pace.later(heartbeatMs, () => fail(late));
        };
        waiting.set(token, { succeed: (output) => settled(() => resolve(output)), fail, beat });
        beat();
      }),
    forget: (token) => void waiting.delete(token),
    report(token) {
      const found = waiting.get(token);
      if (found !== undefined) return found;
      throw new AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
    },
  };
}
