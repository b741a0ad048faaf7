import type { MetricsStore, RowObjects, StoredRow } from "@millrace/aws";
import {
  type CompiledMetric,
  type CuratedRow,
  canBeFinal,
  curatedEvent,
  type FinalRow,
  finalWindows,
  type MetricStart,
  type MetricsPipeline,
  plainCountOf,
  readMetric,
} from "@millrace/engine";
import type { MetricTally } from "@millrace/lake";
import { fitsHours, HOUR_MS, hoursIn, type Range } from "./hours.ts";
import { type Counted, tallyMetric } from "./tally.ts";

export interface FromLakeDeps {
  readonly metrics: MetricsPipeline;
  readonly rows: RowObjects;
  readonly store: Pick<MetricsStore, "rows">;
}

export interface FromLakeTask extends Range {
  readonly part: string;
  readonly eventsFolder: string;
}

export interface FromLake {
  readonly events: number;
  readonly rows: readonly FinalRow[];
  readonly tallies: readonly MetricTally[];
}

/** The windows of one hour of the day as the lake's events make them, and how they differ from what readers have seen so far. */
export async function fromLake(
  { metrics, rows, store }: FromLakeDeps,
  { part, eventsFolder, ...range }: FromLakeTask,
): Promise<FromLake> {
  const windows = finalWindows(metrics, range);
  let events = 0;
  await rows.read(`${eventsFolder}hour=${part}/`, (lines) => {
    events += lines.length;
    for (const line of lines) {
      const row = JSON.parse(line) as CuratedRow;
      windows.add(curatedEvent(metrics.pipeline, row), row._verdict === "too_late" ? "too_late" : "accepted");
    }
  });
  const tallies: MetricTally[] = [];
  const standing: MetricStart[] = [];
  for (const metric of metrics.metrics.filter(canBeFinal)) {
    const own = windows.counts().filter((count) => count.metric === metric.name);
    for (const hourMs of hoursIn(range, Number(part))) {
      const found = await store.rows(metric.name, firstStartIn(metric, hourMs), hourMs + HOUR_MS);
      standing.push(...found.map(({ startMs }) => ({ metric: metric.name, startMs })));
      tallies.push(tallyMetric({ metric: metric.name, hourMs }, own, countedOf(metrics, metric, found)));
    }
  }
  return { events, rows: windows.rows(`hour=${part}`, standing), tallies };
}

/** Of the windows that have some of an hour. */
function firstStartIn(metric: CompiledMetric, hourMs: number): number {
  return fitsHours(metric) ? hourMs : hourMs - metric.everyMs + 1;
}

/** Null where nothing of the metric tells. */
function countedOf(
  metrics: MetricsPipeline,
  metric: CompiledMetric,
  rows: readonly StoredRow[],
): ReadonlyMap<number, Counted> | null {
  const measure = fitsHours(metric) ? plainCountOf(metric) : null;
  if (measure === null) return null;
  const finals = new Set(rows.flatMap(({ startMs, final = false }) => (final ? [startMs] : [])));
  const windows = readMetric(metrics, metric.name, rows);
  return new Map(
    windows.map(({ startMs, total }) => [startMs, { events: Number(total[measure]), withLate: finals.has(startMs) }]),
  );
}
