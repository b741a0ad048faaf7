/** Whether and when a failed state is tried again. */
import type { Retrier } from "./definition.ts";
import { names, type StateError } from "./state-error.ts";

export interface Retries {
  /** Milliseconds until the next attempt, or null when there is none. */
  next(error: StateError): number | null;
}

/** Each retrier counts its own attempts; the first one that names the error decides. */
export function createRetries(retriers: readonly Retrier[], random: () => number): Retries {
  const attempts = new Map<Retrier, number>();
  return {
    next(error) {
      const retrier = retriers.find(({ ErrorEquals }) => names(ErrorEquals, error));
      if (retrier === undefined) return null;
      const done = attempts.get(retrier) ?? 0;
      if (done >= (retrier.MaxAttempts ?? 3)) return null;
      attempts.set(retrier, done + 1);
      const { IntervalSeconds = 1, BackoffRate = 2, MaxDelaySeconds = Number.POSITIVE_INFINITY } = retrier;
      const delayMs = Math.min(IntervalSeconds * BackoffRate ** done, MaxDelaySeconds) * 1000;
      return Math.round(retrier.JitterStrategy === "FULL" ? random() * delayMs : delayMs);
    },
  };
}
