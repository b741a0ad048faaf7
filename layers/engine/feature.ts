import type { Condition, Window } from "./define.ts";

/**
 * The words for features: which aggregate, over which column and events, in which windows. Plain data, like the rest of the
 * definitions; `compile` checks it and says what is wrong.
 */

export type AggregateKind = "count" | "sum" | "mean" | "min" | "max" | "distinct" | "lastK";

export interface FeatureSpec {
  readonly kind: AggregateKind;
  /** The feature's name is this and the window: `views` over 30 s is `views_30s`. */
  readonly name: string;
  readonly column?: string;
  readonly where?: Condition;
  readonly windows: readonly Window[];
  /** distinct: exact up to so many values, beyond it the answer says overflow. */
  readonly limit?: number;
  /** lastK: how many values are kept, newest first. */
  readonly k?: number;
}

interface Options {
  readonly where?: Condition;
  readonly windows: readonly Window[];
}

/** How many events. */
export const count = (name: string, options: Options): FeatureSpec => ({ ...options, kind: "count", name });

/** The exact sum of an integer or decimal column; events without a value are passed over. */
export const sum = (name: string, column: string, options: Options): FeatureSpec => ({
  ...options,
  kind: "sum",
  name,
  column,
});

/** The mean of an integer or decimal column, from the exact sum and count; null over no values. */
export const mean = (name: string, column: string, options: Options): FeatureSpec => ({
  ...options,
  kind: "mean",
  name,
  column,
});

/** The least value of a numeric column; null over no values. */
export const min = (name: string, column: string, options: Options): FeatureSpec => ({
  ...options,
  kind: "min",
  name,
  column,
});

/** The greatest value of a numeric column; null over no values. */
export const max = (name: string, column: string, options: Options): FeatureSpec => ({
  ...options,
  kind: "max",
  name,
  column,
});

/** How many different values: exact up to `limit`, beyond it `{ overflow: true, atLeast: limit + 1 }`. */
export const distinct = (name: string, column: string, options: Options & { readonly limit: number }): FeatureSpec => ({
  ...options,
  kind: "distinct",
  name,
  column,
});

/** The values of the last `k` events by event time, newest first; events without a value are passed over. */
export const lastK = (name: string, column: string, options: Options & { readonly k: number }): FeatureSpec => ({
  ...options,
  kind: "lastK",
  name,
  column,
});
