/** What the team's metrics look like: whatever is a number becomes lines over time, and whatever ranks or counts values becomes bars. */
import type { CompiledMetric, FeatureValue, Measure, MetricWindow } from "@millrace/engine";
import { shardInWords } from "./pulse.ts";
import { type Range, timesOf } from "./range.ts";
import type { Chart, Figure, Line, Ranking, Unit } from "./snapshot.ts";

export interface MetricReading {
  readonly name: string;
  readonly by: readonly string[];
  readonly time: "event" | "arrival";
  readonly measures: readonly Measure[];
  /** In steps of the range, or of the metric's own windows where these are wider. */
  readonly windows: readonly MetricWindow[];
  /** All of the range in one; null when it holds nothing. */
  readonly whole: MetricWindow | null;
  readonly range: Range;
}

/** The range in steps that are whole windows of a metric, from the beginning of one. */
export function rangeFor({ everyMs }: Pick<CompiledMetric, "everyMs">, { fromMs, toMs, stepMs }: Range): Range {
  const ownMs = Math.ceil(stepMs / everyMs) * everyMs;
  return { fromMs: Math.floor(fromMs / ownMs) * ownMs, toMs, stepMs: ownMs };
}

/** Groups of which a chart has lines: those with the most. */
const MOST_LINES = 6;
/** Enough for a page. */
const MOST_CHARTS = 9;
const NOTHING_YET = "No window has ended yet: metrics are written a minute or so after the events.";

/** First what arrived, then ratios, sums and the rest; a measure that several metrics have is drawn once. */
export function chartsOf(readings: readonly MetricReading[]): readonly Chart[] {
  const drawn = new Set<string>();
  const wanted = readings.flatMap((reading) => {
    const numbers = reading.measures.filter((measure) => !isRanking(measure));
    // Of what arrived the counts alone: its other measures are about the transport.
    return (reading.time === "arrival" ? numbers.slice(0, 1) : numbers).map((measure) => ({ reading, measure }));
  });
  return wanted
    .sort((a, b) => rankOf(a) - rankOf(b))
    .filter(({ reading, measure }) => {
      const key = reading.time === "arrival" ? `${reading.name} ${measure.name}` : measure.name;
      return !drawn.has(key) && drawn.add(key);
    })
    .slice(0, MOST_CHARTS)
    .map(({ reading, measure }) => chartOf(reading, measure));
}

function rankOf({ reading, measure }: { readonly reading: MetricReading; readonly measure: Measure }): number {
  if (reading.time === "arrival") return 0;
  return (
    1 + ["ratio", "sum", "count"].indexOf(measure.kind) + (["ratio", "sum", "count"].includes(measure.kind) ? 0 : 9)
  );
}

function chartOf({ name, by, windows, whole, range }: MetricReading, measure: Measure): Chart {
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
  const lines =
    groups.length > 1 || by.length > 0
      ? groups.map((group) => {
          const label = labelOf(group.by);
          return lineOf(label, ({ groups: all }) => all.find((one) => labelOf(one.by) === label)?.values[measure.name]);
        })
      : [lineOf(measure.name, ({ total }) => total[measure.name])];
  const suffix = by.length === 0 ? "" : ` by ${by.map(inWords).join(" and ")}`;
  return {
    id: `${name}-${measure.name}`,
    title: `${capital(inWords(measure.name))}${suffix}`,
    unit: unitOf(measure),
    timesMs,
    lines: windows.length === 0 ? [] : lines,
    empty: NOTHING_YET,
  };
}

export function rankingsOf(readings: readonly MetricReading[]): readonly Ranking[] {
  return readings.flatMap(({ name, measures, whole }) =>
    measures.filter(isRanking).map((measure) => {
      const pairs = (whole?.total[measure.name] ?? []) as readonly (readonly [unknown, number])[];
      const counts = Array.isArray(pairs) ? pairs : [];
      // Shares of a ranking are of all its records where the metric counts them; of those shown otherwise.
      const shown = counts.reduce((sum, [, count]) => sum + count, 0);
      const records = measure.kind === "histogram" ? shown : Math.max(shown, numberOf(whole?.total.records) ?? 0);
      return {
        id: `${name}-${measure.name}`,
        title: capital(inWords(`${name} ${measure.name}`)),
        bars: counts.map(([value, count], i) => ({
          label: measure.kind === "histogram" ? bucketLabel(counts, i) : String(value),
          count,
          share: records === 0 ? 0 : count / records,
        })),
        empty: NOTHING_YET,
      };
    }),
  );
}

/** The totals of what a ratio is shown for, and the ratio: conversion and revenue, say. */
export function metricFigures(readings: readonly MetricReading[]): readonly Figure[] {
  const reading = readings.find(({ measures }) => measures.some(({ kind }) => kind === "ratio"));
  const told = reading?.measures.filter(({ kind }) => kind === "ratio" || kind === "sum") ?? [];
  return told.map((measure) => ({
    id: measure.name,
    label: capital(inWords(measure.name)),
    value: numberOf(reading?.whole?.total[measure.name]),
    unit: unitOf(measure),
  }));
}

function isRanking({ kind }: Measure): boolean {
  return ["heaviest", "histogram", "topK", "countBy", "sumBy"].includes(kind);
}

function unitOf({ kind }: Measure): Unit {
  if (kind === "ratio") return "share";
  return kind === "count" || kind === "distinct" ? "count" : "amount";
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

export function numberOf(value: FeatureValue | undefined): number | null {
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

function inWords(name: string): string {
  return name.replaceAll("_", " ").trim();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
