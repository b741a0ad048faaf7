import { type CompiledMetric, type MetricsPipeline, parseTime } from "@millrace/engine";
import { Refusal } from "./problem.ts";
import { nameOf } from "./vectors.ts";

/** Half-open, on the lattice of its steps. */
export interface MetricRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  /** Whether the whole range is one step. */
  readonly whole: boolean;
}

/** The last year that keys of rows can hold. */
const LAST_MS = Date.UTC(9999, 0);

/** As a step: the whole range in one. */
const WHOLE = "all";

/** Windows of one answer. */
export const MOST_WINDOWS = 1500;
/** Rows of a day are one query, so that this bounds the queries of a request. */
export const MOST_DAYS = 31;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: HOUR_MS, d: DAY_MS };

/** By its name in the definitions; a version need not be given. Throws Refusal. */
export function metricNamed({ metrics }: MetricsPipeline, name: string | undefined): CompiledMetric {
  const metric = metrics.find((candidate) => candidate.name === name || nameOf(candidate) === name);
  if (metric !== undefined) return metric;
  throw new Refusal("unknown-metric", `There is no metric "${name}". There are ${metrics.map(nameOf).join(", ")}.`);
}

/**
 * The last hour in the metric's narrowest windows unless asked otherwise; widened to whole steps, and cut to those of which no row can have expired,
 * since a window with some of its rows would tell a part of what it was. Throws Refusal.
 */
export function rangeIn(
  query: Readonly<Record<string, string | undefined>>,
  { everyMs, keepMs }: Pick<CompiledMetric, "everyMs" | "keepMs">,
  { nowMs, maxSkewMs }: { readonly nowMs: number; readonly maxSkewMs: number },
): MetricRange {
  const whole = query.step === WHOLE;
  const stepMs = query.step === undefined || whole ? everyMs : durationIn(query.step);
  if (stepMs === 0 || stepMs % everyMs !== 0 || stepMs > MOST_DAYS * DAY_MS) {
    throw new Refusal(
      "bad-range",
      `A step of this metric is a multiple of ${everyMs / 1000} s, and at most ${MOST_DAYS} days.`,
    );
  }
  const to = query.to === undefined ? nowMs : timeIn("to", query.to);
  const from = query.from === undefined ? to - Math.max(HOUR_MS, stepMs) : timeIn("from", query.from);
  if (from >= to) throw new Refusal("bad-range", "The range is empty: from must lie before to.");
  const fromMs = Math.floor(from / stepMs) * stepMs;
  const toMs = Math.ceil(to / stepMs) * stepMs;
  if (fromMs < 0 || toMs > LAST_MS) throw new Refusal("bad-range", "A range lies between the years 1970 and 9999.");
  if ((!whole && (toMs - fromMs) / stepMs > MOST_WINDOWS) || to - from > MOST_DAYS * DAY_MS) {
    throw new Refusal(
      "bad-range",
      `A range has at most ${MOST_WINDOWS} steps and ${MOST_DAYS} days: ask for wider steps or in parts.`,
    );
  }
  // Rows are kept from when they were written, which is at most the skew before their window's time.
  const keptMs = Math.ceil((nowMs - keepMs + maxSkewMs) / stepMs) * stepMs;
  if (keptMs >= toMs) {
    throw new Refusal("bad-range", `This metric is kept for ${keepMs / DAY_MS} days: ask for what is younger.`);
  }
  const firstMs = Math.max(fromMs, keptMs);
  return { fromMs: firstMs, toMs, stepMs: whole ? toMs - firstMs : stepMs, whole };
}

function timeIn(name: string, text: string): number {
  const ms = parseTime(text);
  if (ms !== null) return ms;
  throw new Refusal("bad-range", `Expected ${name} as a time such as 2026-03-02T00:00:00Z, got "${text}".`);
}

function durationIn(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (unit !== undefined) return Number(count) * (UNITS[unit] as number);
  throw new Refusal(
    "bad-range",
    `Expected step as a duration such as 60s, 5m, 1h or 1d, or "${WHOLE}" for the whole range in one, got "${text}".`,
  );
}
