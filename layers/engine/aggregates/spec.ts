import type { Condition } from "../define.ts";

/** What a definition says of an aggregate: by its kind, the fields that it has. */
export type AggregateSpec =
  | { readonly kind: "count" | "sinceFirst" | "sinceLast" | "any" }
  | ({ readonly kind: "sum" | "mean" | "min" | "max" | "first" | "last" } & OfColumn)
  | ({ readonly kind: "variance" | "standardDeviation" } & OfColumn & Spread)
  | ({ readonly kind: "firstK" | "lastK" | "lastKDistinct" } & OfColumn & Some)
  | ({ readonly kind: "argMin" | "argMax" } & OfColumn & By)
  | ({ readonly kind: "distinct" } & OfColumn & Distinct)
  | ({ readonly kind: "topK" } & OfColumn & Some & Limit)
  | ({ readonly kind: "countBy" } & OfColumn & Limit)
  | ({ readonly kind: "sumBy" } & OfColumn & By & Limit)
  | ({ readonly kind: "percentile" } & OfColumn & Percentile)
  | ({ readonly kind: "histogram" } & OfColumn & Bounds)
  | ({ readonly kind: "rate"; readonly column?: string } & Per)
  | ({ readonly kind: "decayedSum" } & OfColumn & HalfLife)
  | ({ readonly kind: "dwell" } & Dwell & Limit)
  | ({ readonly kind: "funnel" } & Steps & Limit)
  | { readonly kind: "all"; readonly of: Condition }
  | { readonly kind: "ratio"; readonly numerator: string; readonly denominator: string };

export type AggregateKind = AggregateSpec["kind"];

export interface OfColumn {
  /** Events without a value in it are passed over. */
  readonly column: string;
}

export interface By {
  /** The column that decides or divides; events without a value in it are passed over. */
  readonly by: string;
}

export interface Spread {
  /** Divided by n, or by n - 1. */
  readonly of: "population" | "sample";
}

export interface Some {
  /** How many values at most. */
  readonly k: number;
}

export interface Limit {
  /** Exact up to so many values, or events of a window; it bounds the room that they take in the item. */
  readonly limit: number;
}

export interface Distinct extends Limit {
  /** Beyond the limit: say so and give a lower bound (unless told otherwise), or estimate. */
  readonly beyond?: "overflow" | "estimate";
  /** The greatest standard error of an estimate, as a share of it: 0.033 unless given. */
  readonly relativeError?: number;
}

export interface Percentile {
  /** 0 to 100, at most three decimal places: 50 is the median. */
  readonly percent: number;
  /** How far from the true value the given one may be, as a share of it: 0.01 unless given. */
  readonly relativeError?: number;
  /** The most bins that are kept, the highest ones: 512 unless given. */
  readonly bins?: number;
}

export interface HalfLife {
  readonly halfLifeMs: number;
}

export interface Dwell {
  readonly give: "sum" | "mean" | "min" | "max";
  /** A longer time between two events counts as this. */
  readonly capMs?: number;
}

export interface Steps {
  /** In their order. */
  readonly steps: readonly Condition[];
}

export interface Bounds {
  /** Ascending, as one writes them in an event. n bounds make n + 1 half-open buckets. */
  readonly bounds: readonly number[];
}

export interface Per {
  readonly perMs: number;
}
