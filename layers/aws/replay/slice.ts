import type { ReplayControl, ReplaySaid } from "./control.ts";

/**
 * A piece of a replay takes as many invocations as it needs: each does a slice of it, and the machine rests between them. This is what travels
 * from one to the next, beside what was done: how long to rest, and whether to go on.
 */
export interface Slice {
  readonly done: boolean;
  /** Until the next invocation, so that all workers together keep to the rate; whole seconds. */
  readonly waitSeconds: number;
  /** Invocations so far: the history of an execution has room for some 2,700. None before the first. */
  readonly slices?: number;
  /** Since it was paused, how long it waited last. */
  readonly pausedSeconds?: number;
  /** Rows that are worked through, and that it has still to rest for: a long rest is taken in parts. */
  readonly owedRows?: number;
  /** Nothing is left but to rest. */
  readonly finished?: boolean;
}

/** How long the records of one invocation last at the rate. Short, so that targets see an even flow; long, so that transitions stay few. */
export const SLICE_SECONDS = 20;
/** A piece that goes on and on takes longer ones, twice as long after so many: its execution's history ends at 25,000 events, nine for each. */
export const SLICES_OF_A_LENGTH = 500;
export const MOST_SLICE_SECONDS = 160;
/** An invocation ends after this, well before the function's timeout, and the next one goes on. */
export const MOST_SLICE_MS = 600_000;
/** How long a paused piece waits before it looks again: at first, and when it has waited for long, since each look takes room in the history. */
export const PAUSED_SECONDS = 30;
export const MOST_PAUSED_SECONDS = 900;
/** How long it rests at most before it looks whether the rate is another one by now. */
export const MOST_REST_SECONDS = 300;

export function sliceSeconds(slices: number): number {
  return Math.min(SLICE_SECONDS * 2 ** Math.floor(slices / SLICES_OF_A_LENGTH), MOST_SLICE_SECONDS);
}

/** Each pause is twice as long as the one before. */
const BEFORE_PAUSED = PAUSED_SECONDS / 2;

export function pausedSlice({ slices = 0, pausedSeconds = BEFORE_PAUSED }: Slice) {
  const waitSeconds = Math.min(2 * pausedSeconds, MOST_PAUSED_SECONDS);
  return { slices: slices + 1, waitSeconds, pausedSeconds: waitSeconds };
}

/** How a replay has rows worked through: by whom it is told to pause, and how fast it may be. */
export interface Pacing {
  /** The replay's name. */
  readonly execution: string;
  /** In all, at most, unless somebody has said something else since; null: as fast as the workers are. */
  readonly rowsPerSecond: number | null;
  /** Pieces under way at one time, of which this is one. */
  readonly workers: number;
}

export type Go = { readonly kind: "rest"; readonly slice: Slice } | { readonly kind: "work"; readonly rate: number };

/** What an invocation is to do first: rest on, or work at a rate, which is rows per second of this worker. Without pacing nobody tells it anything. */
export async function lookFirst(
  control: Pick<ReplayControl, "said">,
  pacing: Pacing | undefined,
  before: Slice,
): Promise<Go> {
  if (pacing === undefined) return { kind: "work", rate: Number.POSITIVE_INFINITY };
  const said = await control.said(pacing.execution);
  if (said.paused) return { kind: "rest", slice: { ...before, ...pausedSlice(before) } };
  const rate = rateOf(said, pacing);
  const { owedRows = 0, finished = false } = before;
  if (owedRows > 0 || finished) return { kind: "rest", slice: restFor(owedRows, rate, before, finished) };
  return { kind: "work", rate };
}

/** Rows per second of one worker. */
export function rateOf({ recordsPerSecond }: ReplaySaid, { rowsPerSecond, workers }: Pacing): number {
  return (recordsPerSecond ?? rowsPerSecond ?? Number.POSITIVE_INFINITY) / workers;
}

/** After so many rows at this rate. `finished`: there are no more. */
export function restFor(rows: number, rate: number, { slices = 0 }: Pick<Slice, "slices">, finished: boolean): Slice {
  const owedSeconds = Math.ceil(rows / rate);
  const waitSeconds = Math.min(owedSeconds, MOST_REST_SECONDS);
  const owedRows = owedSeconds > waitSeconds ? rows - waitSeconds * rate : 0;
  const done = finished && owedRows === 0;
  return { done, waitSeconds, slices: slices + 1, pausedSeconds: BEFORE_PAUSED, owedRows, finished };
}
