/** What the panels of metrics show, made of the metrics' windows. */
import {
  type CompiledMetric,
  type FeatureValue,
  type MetricsPipeline,
  type MetricWindow,
  type ReadableRow,
  readMetric,
  readMetricWhole,
} from "@millrace/engine";
import type { Chart, Figure, Line, Ranking } from "./chart.ts";
import { type BarsPanel, type FiguresPanel, type LinesPanel, unitOf } from "./metric-panels.ts";
import { type Range, timesOf } from "./range.ts";
import { capital, inWords, shardInWords } from "./words.ts";

export interface MetricReading {
  /** In steps of the range, or of the metric's own windows where these are wider. */
  readonly windows: readonly MetricWindow[];
  /** All of the range in one; null when it holds nothing. */
  readonly whole: MetricWindow | null;
  readonly range: Range;
}

/** Of all the rows whose windows begin in the range. */
export function readingOf(
  metrics: MetricsPipeline,
  name: string,
  rows: readonly ReadableRow[],
  range: Range,
): MetricReading {
  const windows = readMetric(metrics, name, rows, { stepMs: range.stepMs });
  return { windows, whole: readMetricWhole(metrics, name, rows, range), range };
}

/** The range in steps that are whole windows of a metric, from the beginning of one. */
export function rangeFor(metric: Pick<CompiledMetric, "everyMs">, range: Range): Range {
  const stepMs = stepFor(metric, range);
  return { fromMs: Math.floor(range.fromMs / stepMs) * stepMs, toMs: range.toMs, stepMs };
}

/** Whole windows of a metric that are no shorter than the range's steps. */
export function stepFor({ everyMs }: Pick<CompiledMetric, "everyMs">, { stepMs }: Range): number {
  return Math.ceil(stepMs / everyMs) * everyMs;
}

/** Groups of which a chart has lines: those with the most. */
const MOST_LINES = 6;
export const NOTHING_YET = "No window has ended yet: metrics are written a minute or so after the events.";

export function chartOf({ id, title, measure }: LinesPanel, { windows, whole, range }: MetricReading): Chart {
  const timesMs = timesOf(range);
  const at = new Map(windows.map((window) => [window.startMs, window]));
  const missing = measure.kind === "ratio" ? null : 0;
  const lineOf = (label: string, valueIn: (window: MetricWindow) => FeatureValue | undefined): Line => ({
    label,
    values: timesMs.map((time) => {
      const window = at.get(time);
      return window === undefined ? missing : (numberOf(valueIn(window)) ?? missing);
    }),
  });
  const groups = [...(whole?.groups ?? [])]
    .sort((a, b) => (numberOf(b.values[measure.name]) ?? 0) - (numberOf(a.values[measure.name]) ?? 0))
    .slice(0, MOST_LINES);
  const isGrouped = groups.some(({ by }) => Object.keys(by).length > 0);
  const lines = isGrouped
    ? groups.map(({ by }) => {
        const label = labelOf(by);
        return lineOf(label, ({ groups: all }) => all.find((one) => labelOf(one.by) === label)?.values[measure.name]);
      })
    : [lineOf(measure.name, ({ total }) => total[measure.name])];
  return {
    ...{ id, title, unit: unitOf(measure), timesMs },
    lines: windows.length === 0 ? [] : lines,
    empty: NOTHING_YET,
  };
}

export function rankingOf({ id, title, measure }: BarsPanel, { whole }: MetricReading): Ranking {
  const pairs = (whole?.total[measure.name] ?? []) as readonly (readonly [unknown, number])[];
  const counts = Array.isArray(pairs) ? pairs : [];
  // Shares of a ranking are of all its records where the metric counts them; of those shown otherwise.
  const shown = counts.reduce((sum, [, count]) => sum + count, 0);
  const records = measure.kind === "histogram" ? shown : Math.max(shown, numberOf(whole?.total.records) ?? 0);
  return {
    ...{ id, title },
    bars: counts.map(([value, count], i) => ({
      label: measure.kind === "histogram" ? bucketLabel(counts, i) : String(value),
      count,
      share: records === 0 ? 0 : count / records,
    })),
    empty: NOTHING_YET,
  };
}

/** Over all of the time: conversion and revenue, say. */
export function figuresOf({ measures }: FiguresPanel, { whole }: MetricReading): readonly Figure[] {
  return measures.map((measure) => ({
    id: measure.name,
    label: capital(inWords(measure.name)),
    value: numberOf(whole?.total[measure.name]),
    unit: unitOf(measure),
  }));
}

function bucketLabel(buckets: readonly (readonly [unknown, number])[], at: number): string {
  const [low, high] = [buckets[at]?.[0], buckets[at + 1]?.[0]];
  if (high === undefined) return `${briefly(low)} and more`;
  return low === null ? `below ${briefly(high)}` : `${briefly(low)} to ${briefly(high)}`;
}

function briefly(ms: unknown): string {
  const value = Number(ms);
  if (value >= 3_600_000) return `${value / 3_600_000} h`;
  if (value >= 60_000) return `${value / 60_000} min`;
  return value >= 1000 ? `${value / 1000} s` : `${value} ms`;
}

function numberOf(value: FeatureValue | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "object" || value === null) return null;
  if ("estimate" in value) return value.estimate;
  return "atLeast" in value ? value.atLeast : null;
}

function labelOf(by: Readonly<Record<string, unknown>>): string {
  return Object.values(by)
    .map((value) => (value === null ? "none" : shardInWords(String(value)).replaceAll("_", " ")))
    .join(" · ");
}
