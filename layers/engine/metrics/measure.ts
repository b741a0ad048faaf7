import type { FeatureSpec } from "../feature.ts";
import * as words from "../feature.ts";

/**
 * What a metric measures: the words for features without their windows, because a metric has them for all its measures, and
 * `heaviest`, which only makes sense over many entities.
 */
export type Measure = Bare<FeatureSpec> | Heaviest;

/** Over a union, so that each kind keeps its own fields. */
type Bare<Spec> = Spec extends { readonly windows: unknown } ? Omit<Spec, "windows"> : never;

export interface Heaviest {
  readonly kind: "heaviest";
  readonly name: string;
  readonly column: string;
  readonly where?: Exclude<FeatureSpec["where"], undefined>;
  /** How many values are told. */
  readonly k: number;
  /** How many records are kept as a sample. */
  readonly sample: number;
}

export const measure = {
  count: bare(words.count),
  sum: bare(words.sum),
  mean: bare(words.mean),
  min: bare(words.min),
  max: bare(words.max),
  variance: bare(words.variance),
  standardDeviation: bare(words.standardDeviation),
  distinct: bare(words.distinct),
  topK: bare(words.topK),
  countBy: bare(words.countBy),
  sumBy: bare(words.sumBy),
  percentile: bare(words.percentile),
  histogram: bare(words.histogram),
  rate: bare(words.rate),
  first: bare(words.first),
  firstK: bare(words.firstK),
  argMin: bare(words.argMin),
  argMax: bare(words.argMax),
  all: bare(words.all),
  ratio: bare(words.ratio),
  /**
   * The `k` most frequent values with how often each came. Exact while a window has at most `sample` records; beyond that
   * estimated from a uniform sample of so many, where a value of share p has a standard error of √(p(1-p)/sample): for 10 % of
   * 500 records 1.3 %.
   */
  heaviest: (name: string, column: string, options: Pick<Heaviest, "k" | "sample" | "where">): Measure => ({
    ...options,
    kind: "heaviest",
    name,
    column,
  }),
};

/** May be left out where nothing in it must be said. */
type Rest<Options> = Partial<Options> extends Options ? [options?: Options] : [options: Options];

function bare<Head extends readonly unknown[], Options extends object>(
  word: (...given: [...Head, Options]) => FeatureSpec,
): (...given: [...Head, ...Rest<Omit<Options, "windows">>]) => Measure {
  return (...given) => {
    const options = given.length < word.length ? {} : given.at(-1);
    const head = given.slice(0, word.length - 1) as readonly unknown[] as Head;
    const { windows: _, ...spec } = word(...head, { ...(options as Options), windows: [] });
    return spec as Measure;
  };
}
