import { setTimeout as sleep } from "node:timers/promises";

/** Waits before try number `attempt` (the first retry is 1). */
export type Pause = (attempt: number) => Promise<void>;

/**
 * Exponential backoff with full jitter: a random time up to min(capMs, baseMs * 2^(attempt - 1)), so that many functions that
 * were throttled together do not come back together.
 */
export function backoff({ baseMs, capMs }: { readonly baseMs: number; readonly capMs: number }): Pause {
  return (attempt) => sleep(Math.random() * Math.min(capMs, baseMs * 2 ** (attempt - 1)));
}
