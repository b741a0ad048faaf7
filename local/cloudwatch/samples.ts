/** The values of one metric in one period, and the statistics that CloudWatch makes of them. */
export interface Samples {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Value → how often. Fewer than `count` where only their statistics were put. */
  readonly values: ReadonlyMap<number, number>;
}

type Growing = { -readonly [Name in keyof Samples]: Samples[Name] } & { values: Map<number, number> };

export function noSamples(): Growing {
  return { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, values: new Map() };
}

/** Changes `samples`, which its caller made. */
export function addSample(samples: Growing, value: number, times: number): void {
  samples.count += times;
  samples.sum += value * times;
  samples.min = Math.min(samples.min, value);
  samples.max = Math.max(samples.max, value);
  samples.values.set(value, (samples.values.get(value) ?? 0) + times);
}

/** Values that are known only by their count, sum, least and greatest. Changes `samples`. */
export function addStatistics(samples: Growing, added: Omit<Samples, "values">): void {
  samples.count += added.count;
  samples.sum += added.sum;
  samples.min = Math.min(samples.min, added.min);
  samples.max = Math.max(samples.max, added.max);
}

export function mergeSamples(all: readonly Samples[]): Samples {
  const merged = noSamples();
  for (const samples of all) {
    addStatistics(merged, samples);
    for (const [value, times] of samples.values) merged.values.set(value, (merged.values.get(value) ?? 0) + times);
  }
  return merged;
}

export type Statistic =
  | { readonly kind: "SampleCount" | "Average" | "Sum" | "Minimum" | "Maximum" }
  /** From 0 to 100. */
  | { readonly kind: "percentile"; readonly percent: number };

/** `Sum`, `p99.9`; null for what is not one of these (trimmed means and the like are not simulated). */
export function parseStatistic(text: string): Statistic | null {
  const percent = /^p(\d{1,3}(?:\.\d{1,10})?)$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return { kind: "percentile", percent: Number(percent) };
  switch (text) {
    case "SampleCount":
    case "Average":
    case "Sum":
    case "Minimum":
    case "Maximum":
      return { kind: text };
    default:
      return null;
  }
}

/** Null where there are no samples: the data point is missing. */
export function statisticOf(samples: Samples, statistic: Statistic): number | null {
  if (samples.count === 0) return null;
  switch (statistic.kind) {
    case "SampleCount":
      return samples.count;
    case "Average":
      return samples.sum / samples.count;
    case "Sum":
      return samples.sum;
    case "Minimum":
      return samples.min;
    case "Maximum":
      return samples.max;
    case "percentile":
      return percentile(samples, statistic.percent);
  }
}

/** By the nearest rank: the least value with so many per cent of the samples at or below it. AWS does not say how it interpolates. */
function percentile({ values, count }: Samples, percent: number): number | null {
  const rank = Math.max(1, Math.ceil((percent / 100) * count));
  let seen = 0;
  for (const value of [...values.keys()].sort((a, b) => a - b)) {
    seen += values.get(value) ?? 0;
    if (seen >= rank) return value;
  }
  // Some values were put as statistics: their percentiles are not known.
  return null;
}
