import type { Condition, Window } from "./define.ts";

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

export type AggregateSpec =
  | { readonly kind: "count" | "sinceFirst" | "sinceLast" | "any" }
  | ({ readonly kind: "sum" | "mean" | "min" | "max" | "first" | "last" } & OfColumn)
  | ({ readonly kind: "variance" | "standardDeviation" } & OfColumn & Spread)
  | ({ readonly kind: "firstK" | "lastK" | "lastKDistinct" } & OfColumn & Some)
  | ({ readonly kind: "argMin" | "argMax" } & OfColumn & By)
  | ({ readonly kind: "distinct" } & OfColumn & Distinct)
  | ({ readonly kind: "histogram" } & OfColumn & Bounds)
  | ({ readonly kind: "rate"; readonly column?: string } & Per)
  | { readonly kind: "all"; readonly of: Condition }
  | { readonly kind: "ratio"; readonly numerator: string; readonly denominator: string };

export type AggregateKind = AggregateSpec["kind"];

interface OfColumn {
  /** Events without a value in it are passed over. */
  readonly column: string;
}

interface By {
  /** The column that decides or divides; events without a value in it are passed over. */
  readonly by: string;
}

interface Spread {
  /** Divided by n, or by n - 1. */
  readonly of: "population" | "sample";
}

interface Some {
  /** How many values at most. */
  readonly k: number;
}

interface Distinct {
  /** Exact up to so many values. */
  readonly limit: number;
}

interface Bounds {
  /** Ascending, as one writes them in an event. n bounds make n + 1 half-open buckets. */
  readonly bounds: readonly number[];
}

interface Per {
  readonly perMs: number;
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

/** How many different values: exact up to `limit`, beyond it `{ overflow: true, atLeast: limit + 1 }`. */
export const distinct = (name: string, column: string, options: Options<Distinct>): FeatureSpec => ({
  ...options,
  kind: "distinct",
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
