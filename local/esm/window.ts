/**
 * A tumbling window of one shard: a span of arrival times, and the state that its last successful invocation answered. A record belongs to one window,
 * a window ends with a final invocation, and one that has seen no record does not exist.
 */
import type { Entry } from "./records.ts";

export interface TumblingWindow {
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly state: object;
  /** Of its JSON. */
  readonly stateBytes: number;
  /** What its state stands for: records handed over with success since the state was empty. */
  readonly folded: Folded | null;
}

export interface Folded {
  readonly first: Entry;
  readonly last: Entry;
  readonly count: number;
}

/** What an invocation is told about its window, beside the records. */
export interface WindowCall {
  readonly startMs: number;
  readonly endMs: number;
  readonly state: object;
  readonly final: boolean;
  readonly terminatedEarly: boolean;
}

/** Of the state. Beyond it the window is ended early. */
export const stateLimitBytes = 1024 * 1024;
/** How long after its end a window waits for a record of the next one. AWS says "up to 2 minutes"; here it is all of them. */
export const idleWaitMs = 120_000;

const emptyState = {};
export const emptyStateBytes = 2;

/** AWS does not say where windows begin; its examples lie on multiples of their length. */
export function windowAt(arrivalMs: number, lengthMs: number): TumblingWindow {
  const startMs = Math.floor(arrivalMs / lengthMs) * lengthMs;
  return withoutState({ startMs, endMs: startMs + lengthMs });
}

export function withoutState({ startMs, endMs }: Pick<TumblingWindow, "startMs" | "endMs">): TumblingWindow {
  return { startMs, endMs, state: emptyState, stateBytes: emptyStateBytes, folded: null };
}

export function withState(window: TumblingWindow, state: object, done: readonly Entry[]): TumblingWindow {
  const [first, last] = [done[0], done.at(-1)];
  const { folded } = window;
  return {
    ...window,
    state,
    stateBytes: Buffer.byteLength(JSON.stringify(state)),
    folded:
      first === undefined || last === undefined
        ? folded
        : { first: folded?.first ?? first, last, count: (folded?.count ?? 0) + done.length },
  };
}

export function toCall(
  { startMs, endMs, state }: TumblingWindow,
  final: boolean,
  terminatedEarly: boolean,
): WindowCall {
  return { startMs, endMs, state, final, terminatedEarly };
}

/** How many of the first entries belong to it. A record that arrived before it, by a clock that went back, does too: no window opens twice. */
export function countWithin({ endMs }: TumblingWindow, entries: readonly Entry[], most: number): number {
  let count = 0;
  for (const { record } of entries) {
    if (count === most || record.arrivalMs >= endMs) break;
    count++;
  }
  return count;
}
