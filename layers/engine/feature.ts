import type {
  AggregateSpec,
  Bounds,
  Distinct,
  Dwell,
  HalfLife,
  Limit,
  Per,
  Percentile,
  Some,
  Spread,
  Steps,
} from "./aggregates/spec.ts";
import type { Condition } from "./define.ts";
import type { Window } from "./window.ts";

/**
 * The words for features: which aggregate, over which column and events, in which windows. Plain data, like the rest of the
 * definitions; `compile` checks it and says what is wrong. docs/features.md lists them with their bounds.
 */
export type FeatureSpec = Common & AggregateSpec;

interface Common {
  /** The feature's name is this and the window: `views` over 30 s is `views_30s`. */
  readonly name: string;
  /** Only events that meet it. */
  readonly where?: Condition;
  readonly windows: readonly Window[];
}

type Options<More = unknown> = Pick<Common, "where" | "windows"> & More;

/** How many events. */
export const count = (name: string, options: Options): FeatureSpec => ({ ...options, kind: "count", name });

/** The exact sum of an integer or decimal column; events without a value are passed over. */
export const sum = ofColumn("sum");

/** The mean of an integer or decimal column, from the exact sum and count; null over no values. */
export const mean = ofColumn("mean");

/** The least value of a numeric column; null over no values. */
export const min = ofColumn("min");

/** The greatest value of a numeric column; null over no values. */
export const max = ofColumn("max");

/** The value of the earliest event that has one; null when none has. */
export const first = ofColumn("first");

/** The value of the latest event that has one; null when none has. */
export const last = ofColumn("last");

/** The variance of an integer or decimal column, from exact power sums; null over too few values. */
export const variance = spread("variance");

/** The square root of the variance. */
export const standardDeviation = spread("standardDeviation");

/** The values of the first `k` events by event time, oldest first. */
export const firstK = some("firstK");

/** The values of the last `k` events by event time, newest first. */
export const lastK = some("lastK");

/** The last `k` different values, by each one's latest event, newest first. */
export const lastKDistinct = some("lastKDistinct");

/** The value of `column` in the event with the least value of `by`; the earliest one of several. */
export const argMin = byColumn("argMin");

/** The value of `column` in the event with the greatest value of `by`; the earliest one of several. */
export const argMax = byColumn("argMax");

/**
 * How many different values: exact up to `limit`, beyond it `{ overflow: true, atLeast: limit + 1 }`, or
 * `{ estimate, relativeError }` with `beyond: "estimate"`.
 */
export const distinct = (name: string, column: string, options: Options<Distinct>): FeatureSpec => ({
  ...options,
  kind: "distinct",
  name,
  column,
});

/**
 * The `k` most frequent values with their counts, the greatest first: exact while there are at most `limit` different ones,
 * beyond it `{ overflow: true, atLeast: limit + 1 }`.
 */
export const topK = (name: string, column: string, options: Options<Some & Limit>): FeatureSpec => ({
  ...options,
  kind: "topK",
  name,
  column,
});

/**
 * How many events have each value of `column`, the greatest number first. Beyond `limit` different ones it says overflow, and
 * `kept` has `limit` of them, which are exact.
 */
export const countBy = (name: string, column: string, options: Options<Limit>): FeatureSpec => ({
  ...options,
  kind: "countBy",
  name,
  column,
});

/** The exact sum of `column` for each value of `by`, the greatest first; bounded as `countBy` is. */
export const sumBy = (name: string, column: string, by: string, options: Options<Limit>): FeatureSpec => ({
  ...options,
  kind: "sumBy",
  name,
  column,
  by,
});

/**
 * The value at rank ⌈percent / 100 · n⌉ of a numeric column, within `relativeError` of it; small whole numbers exactly. Null over
 * no values, and overflow where the value lies lower than the kept bins.
 */
export const percentile = (name: string, column: string, options: Options<Percentile>): FeatureSpec => ({
  ...options,
  kind: "percentile",
  name,
  column,
});

/** How many values lie in each half-open bucket, as pairs of the bucket's lower bound (null for the first) and the number. */
export const histogram = (name: string, column: string, options: Options<Bounds>): FeatureSpec => ({
  ...options,
  kind: "histogram",
  name,
  column,
});

/** Events per `perMs`, or with `column` its sum per `perMs`, over the length of the window. */
export const rate = (name: string, options: Options<Per & { readonly column?: string }>): FeatureSpec => ({
  ...options,
  kind: "rate",
  name,
});

/** The sum of a column in which an event counts half after each half-life: in full in its step, and less from step to step. */
export const decayedSum = (name: string, column: string, options: Options<HalfLife>): FeatureSpec => ({
  ...options,
  kind: "decayedSum",
  name,
  column,
});

/** The time between consecutive events (ms): their sum, mean, least or greatest; but for the sum null over fewer than two events. */
export const dwell = (name: string, options: Options<Dwell & Limit>): FeatureSpec => ({
  ...options,
  kind: "dwell",
  name,
});

/** How many of the steps were reached, each by an event later than the one before. */
export const funnel = (name: string, options: Options<Steps & Limit>): FeatureSpec => ({
  ...options,
  kind: "funnel",
  name,
});

/** Milliseconds from the first event to the end of the window; null over none. */
export const sinceFirst = (name: string, options: Options): FeatureSpec => ({ ...options, kind: "sinceFirst", name });

/** Milliseconds from the last event to the end of the window; null over none. */
export const sinceLast = (name: string, options: Options): FeatureSpec => ({ ...options, kind: "sinceLast", name });

/** Whether there is an event. */
export const any = (name: string, options: Options): FeatureSpec => ({ ...options, kind: "any", name });

/** Whether every event also meets `of`; null over none. */
export const all = (name: string, of: Condition, options: Options): FeatureSpec => ({
  ...options,
  kind: "all",
  name,
  of,
});

/** One feature of the view divided by another, in each of the windows (both must have it); null where the divisor is 0. */
export const ratio = (
  name: string,
  numerator: string,
  denominator: string,
  options: Pick<Common, "windows">,
): FeatureSpec => ({ ...options, kind: "ratio", name, numerator, denominator });

function ofColumn(kind: "sum" | "mean" | "min" | "max" | "first" | "last") {
  return (name: string, column: string, options: Options): FeatureSpec => ({ ...options, kind, name, column });
}

function spread(kind: "variance" | "standardDeviation") {
  return (name: string, column: string, options: Options<Spread>): FeatureSpec => ({ ...options, kind, name, column });
}

function some(kind: "firstK" | "lastK" | "lastKDistinct") {
  return (name: string, column: string, options: Options<Some>): FeatureSpec => ({ ...options, kind, name, column });
}

function byColumn(kind: "argMin" | "argMax") {
  return (name: string, column: string, by: string, options: Options): FeatureSpec => ({
    ...options,
    kind,
    name,
    column,
    by,
  });
}
