import type { FeatureSpec } from "../feature.ts";
import * as words from "../feature.ts";

/**
 * What a metric measures: the words for features without their windows, which the metric has for all of them, and `heaviest`,
 * which only makes sense over many entities.
 */
export type Measure = Aggregated<FeatureSpec> | Heaviest;

/** Over a union, so that each kind keeps its own fields. */
type Aggregated<Spec> = Spec extends { readonly windows: unknown } ? Omit<Spec, "windows"> : never;

export interface Heaviest {
  readonly kind: "heaviest";
  readonly name: string;
  readonly column: string;
  readonly where?: FeatureSpec["where"];
  /** How many values are told. */
  readonly k: number;
  /** How many records are kept as a sample. */
  readonly sample: number;
}

type Where = Pick<FeatureSpec, "where">;

export const measure = {
  /** How many records. */
  count: (name: string, options: Where = {}): Measure => bare(words.count(name, windowed(options))),
  /** The exact sum of an integer or decimal column. */
  sum: (name: string, column: string, options: Where = {}): Measure => bare(words.sum(name, column, windowed(options))),
  /** The mean of an integer or decimal column, from its exact sum and count; null over no values. */
  mean: (name: string, column: string, options: Where = {}): Measure =>
    bare(words.mean(name, column, windowed(options))),
  min: (name: string, column: string, options: Where = {}): Measure => bare(words.min(name, column, windowed(options))),
  max: (name: string, column: string, options: Where = {}): Measure => bare(words.max(name, column, windowed(options))),
  /** How many different values. */
  distinct: (name: string, column: string, options: Where & { readonly limit: number }): Measure =>
    bare(words.distinct(name, column, windowed(options))),
  /** How many values lie between each two of the bounds. */
  histogram: (name: string, column: string, options: Where & { readonly bounds: readonly number[] }): Measure =>
    bare(words.histogram(name, column, windowed(options))),
  /** One measure divided by another; null where the divisor is 0. */
  ratio: (name: string, numerator: string, denominator: string): Measure =>
    bare(words.ratio(name, numerator, denominator, { windows: [] })),
  /**
   * The `k` most frequent values with how often each came. Exact while a window has at most `sample` records; beyond that estimated from a
   * uniform sample of so many: a value with a share p is told with a standard error of √(p(1-p)/sample), for 10 % of 512 records 1.3 %.
   */
  heaviest: (name: string, column: string, options: Where & Pick<Heaviest, "k" | "sample">): Measure => ({
    ...options,
    kind: "heaviest",
    name,
    column,
  }),
};

function windowed<Options>(options: Options): Options & Pick<FeatureSpec, "windows"> {
  return { ...options, windows: [] };
}

function bare({ windows: _, ...spec }: FeatureSpec): Measure {
  return spec as Measure;
}
