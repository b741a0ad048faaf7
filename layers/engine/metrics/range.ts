import type { CompiledMetric } from "./compile.ts";

/** Half-open, on the lattice of its steps. */
export interface MetricRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** Whether the whole range is one step. */
  readonly whole: boolean;
}

/** What somebody asks for, whole or not. */
export interface AskedRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number | "whole";
}

/** Windows of one answer. */
export const MOST_WINDOWS = 1500;
/** Rows of a day are one query, so that this bounds the queries of a request. */
export const MOST_DAYS = 31;
const DAY_MS = 86_400_000;
/** The last year that keys of rows can hold. */
const LAST_MS = Date.UTC(9999, 0);

/**
 * What can be read of a metric: widened to whole steps, and cut to those of which no row can have expired, since a window with some of its rows would
 * tell a part of what it was. In place of a range that cannot be read, why not, for people.
 */
export function readableRange(
  { fromMs: from, toMs: to, stepMs: step }: AskedRange,
  { everyMs, keepMs }: Pick<CompiledMetric, "everyMs" | "keepMs">,
  { nowMs, maxSkewMs }: { readonly nowMs: number; readonly maxSkewMs: number },
): MetricRange | { readonly refused: string } {
  const whole = step === "whole";
  const stepMs = whole ? everyMs : step;
  if (!(from < to)) return refused("The range is empty: from must lie before to.");
  if (to - from > MOST_DAYS * DAY_MS) return refused(`A range has at most ${MOST_DAYS} days: ask for it in parts.`);
  if (!(stepMs > 0) || stepMs % everyMs !== 0 || stepMs > MOST_DAYS * DAY_MS)
    return refused(`A step of this metric is a multiple of ${everyMs / 1000} s, and at most ${MOST_DAYS} days.`);
  const fromMs = Math.floor(from / stepMs) * stepMs;
  const toMs = Math.ceil(to / stepMs) * stepMs;
  if (fromMs < 0 || toMs > LAST_MS) return refused("A range lies between the years 1970 and 9999.");
  if (!whole && (toMs - fromMs) / stepMs > MOST_WINDOWS)
    return refused(`A range has at most ${MOST_WINDOWS} steps: ask for wider ones, or in parts.`);
  // Rows are kept from when they were written, which is at most the skew before their window's time.
  const keptMs = Math.ceil((nowMs - keepMs + maxSkewMs) / stepMs) * stepMs;
  if (keptMs >= toMs) return refused(`This metric is kept for ${keepMs / DAY_MS} days: ask for what is younger.`);
  const firstMs = Math.max(fromMs, keptMs);
  return { fromMs: firstMs, toMs, stepMs: whole ? toMs - firstMs : stepMs, whole };
}

function refused(why: string): { readonly refused: string } {
  return { refused: why };
}
