/**
 * The metrics of the account: values by metric, unit and minute, on the runtime's clock. What the runtime itself does is measured through
 * meters, made once and used often; what functions print in embedded format and what clients put comes in by `put`.
 */
import type { Clock } from "../clock.ts";
import { type MetricId, metricKey } from "./metric.ts";
import { addSample, addStatistics, mergeSamples, noSamples, type Samples } from "./samples.ts";

/** Adds a value at this moment. */
export type Meter = (value: number) => void;

interface Point {
  readonly metric: MetricId;
  readonly unit: string;
  readonly atMs: number;
}

export interface Datum extends Point {
  readonly value: number;
  /** How often the value occurred; 1 unless said. */
  readonly times?: number;
}

export interface StatisticsDatum extends Point {
  readonly statistics: Omit<Samples, "values">;
}

export interface Metrics {
  put(datum: Datum | StatisticsDatum): void;
  meter(metric: MetricId, unit: string): Meter;
  /** What was put in `[startMs, endMs)`, both whole minutes; of all units unless one is named. */
  samples(metric: MetricId, startMs: number, endMs: number, unit?: string): Samples;
  /** Calls the listener at each value of the metric, with the value's time; returns what ends that. */
  watch(metric: MetricId, listener: (atMs: number) => void): () => void;
  /** Those that have values, in the order of their first. */
  list(): readonly MetricId[];
}

export const minuteMs = 60_000;
/** CloudWatch keeps values by the minute for so long. */
const retentionMs = 15 * 24 * 60 * minuteMs;

interface Series {
  readonly metric: MetricId;
  readonly byUnit: Map<string, Map<number, ReturnType<typeof noSamples>>>;
  readonly listeners: Set<(atMs: number) => void>;
}

export function createMetrics({ clock }: { readonly clock: Pick<Clock, "now"> }): Metrics {
  const all = new Map<string, Series>();

  const seriesOf = (metric: MetricId): Series => {
    const key = metricKey(metric);
    const series = all.get(key) ?? { metric, byUnit: new Map(), listeners: new Set() };
    all.set(key, series);
    return series;
  };
  const samplesAt = (series: Series, unit: string, atMs: number) => {
    const minutes = series.byUnit.get(unit) ?? new Map<number, ReturnType<typeof noSamples>>();
    series.byUnit.set(unit, minutes);
    const minute = Math.floor(atMs / minuteMs) * minuteMs;
    const known = minutes.get(minute);
    if (known !== undefined) return known;
    forget(minutes, clock.now() - retentionMs);
    const samples = noSamples();
    minutes.set(minute, samples);
    return samples;
  };
  const tell = ({ listeners }: Series, atMs: number): void => {
    for (const listener of listeners) listener(atMs);
  };

  return {
    put(datum) {
      const series = seriesOf(datum.metric);
      const samples = samplesAt(series, datum.unit, datum.atMs);
      if ("statistics" in datum) addStatistics(samples, datum.statistics);
      else addSample(samples, datum.value, datum.times ?? 1);
      tell(series, datum.atMs);
    },
    meter(metric, unit) {
      const series = seriesOf(metric);
      // Every record put comes by here: within a minute nothing has to be looked up.
      let nextMinuteMs = Number.NEGATIVE_INFINITY;
      let samples = noSamples();
      return (value) => {
        const atMs = clock.now();
        if (atMs >= nextMinuteMs) {
          nextMinuteMs = (Math.floor(atMs / minuteMs) + 1) * minuteMs;
          samples = samplesAt(series, unit, atMs);
        }
        addSample(samples, value, 1);
        tell(series, atMs);
      };
    },
    samples(metric, startMs, endMs, unit) {
      const found: Samples[] = [];
      for (const [name, minutes] of all.get(metricKey(metric))?.byUnit ?? []) {
        if (unit !== undefined && name !== unit) continue;
        for (let minute = startMs; minute < endMs; minute += minuteMs) {
          const samples = minutes.get(minute);
          if (samples !== undefined) found.push(samples);
        }
      }
      const [first] = found;
      if (first === undefined) return nothing;
      return found.length === 1 ? first : mergeSamples(found);
    },
    watch(metric, listener) {
      const { listeners } = seriesOf(metric);
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    list: () => [...all.values()].filter(({ byUnit }) => byUnit.size > 0).map(({ metric }) => metric),
  };
}

const nothing: Samples = noSamples();

/** Minutes stand in the order of their first value, so the oldest come first. */
function forget(minutes: Map<number, unknown>, beforeMs: number): void {
  for (const minute of minutes.keys()) {
    if (minute >= beforeMs) return;
    minutes.delete(minute);
  }
}
