import { fromUnloadedLine, type MetricsStore, type RowObjects, type StoredRow } from "@millrace/aws";
import {
  archivedWindows,
  arrivedFor,
  type CompiledMetric,
  canBeFinal,
  type FinalRow,
  goneMeasures,
  type HourEntry,
  isOfTheArchive,
  LEDGER,
  type MetricsPipeline,
  metricOf,
  restoredLedger,
  restoredRow,
  type StreamRecord,
} from "@millrace/engine";
import type { Restored } from "@millrace/lake";
import { fitsHours, HOUR_MS, hoursIn, partsOf, type Range } from "./hours.ts";

export interface FromArchiveDeps {
  readonly metrics: MetricsPipeline;
  /** Width of the tumbling windows of roll-up-metrics (ms). */
  readonly tumblingMs: number;
  readonly rows: RowObjects;
  readonly store: Pick<MetricsStore, "rows">;
}

export interface FromArchiveTask extends Range {
  readonly part: string;
  readonly recordsFolder: string;
  /** Of the stream, read once more; empty where it was not. */
  readonly ledger: readonly HourEntry[];
  readonly archiveIsWhole: boolean;
}

export interface FromArchive {
  /** Read of the archive. */
  readonly records: number;
  readonly rows: readonly FinalRow[];
  readonly restored: readonly Restored[];
}

/** The windows that begin in one hour of the day, of metrics that the lake cannot tell, where they lack something. */
export async function fromArchive(
  { metrics, tumblingMs, rows, store }: FromArchiveDeps,
  task: FromArchiveTask,
): Promise<FromArchive> {
  const { fromMs, toMs, part, recordsFolder, ledger, archiveIsWhole } = task;
  const hours = new Set(hoursIn(task, Number(part)));
  const all = metrics.metrics.filter(isOfTheArchive);
  const isWanted = ({ everyMs }: CompiledMetric, startMs: number) =>
    startMs >= fromMs && startMs + everyMs <= toMs && hours.has(Math.floor(startMs / HOUR_MS) * HOUR_MS);
  const windows = archivedWindows(metrics, { isWanted, tumblingMs });
  const beyondMs = Math.max(...all.map((metric) => (fitsHours(metric) ? 0 : metric.everyMs)));
  const parts = [...hours].map((hourMs) =>
    partsOf(arrivedFor(metrics, { fromMs: hourMs, toMs: hourMs + HOUR_MS + beyondMs }, tumblingMs)),
  );
  let records = 0;
  for (const take of [windows.note, windows.add])
    for (const hour of new Set(parts.flat()))
      await rows.read(`${recordsFolder}hour=${hour}/`, (lines) => {
        records += take === windows.add ? lines.length : 0;
        take(lines.flatMap(recordIn));
      });

  const made = windows.windows();
  const restored: FinalRow[] = [];
  for (const { name } of all) {
    const standing: StoredRow[] = [];
    for (const hourMs of hours) standing.push(...(await store.rows(name, hourMs, hourMs + HOUR_MS)));
    const rowsOf = Map.groupBy(standing, ({ startMs }) => startMs);
    const own = made.filter(({ metric }) => metric === name);
    if (name !== LEDGER) {
      for (const window of own) {
        const row = restoredRow(metrics, window, rowsOf.get(window.startMs) ?? [], { archiveIsWhole });
        if (row !== null) restored.push(row);
      }
      continue;
    }
    for (const startMs of hours) {
      const archived = own.find((window) => window.startMs === startMs)?.bytes ?? null;
      const stream = ledger.filter(({ hourMs }) => hourMs === startMs);
      const row = restoredLedger(metrics, { startMs, archived, stream }, rowsOf.get(startMs) ?? []);
      if (row !== null) restored.push(row);
    }
  }
  const summaries = all.flatMap(({ name }) => summaryOf(metrics, name, restored));
  return { records, rows: restored, restored: [...summaries, ...(await lostForGood({ metrics, store }, [...hours]))] };
}

/** Metrics that choose or group records by the moment of counting, and have no row: whether they had any nobody can say. */
async function lostForGood(
  { metrics: { metrics }, store }: Pick<FromArchiveDeps, "metrics" | "store">,
  hours: readonly number[],
): Promise<readonly Restored[]> {
  const lost: Restored[] = [];
  for (const metric of metrics.filter((one) => !canBeFinal(one) && !isOfTheArchive(one))) {
    const found = await Promise.all(hours.map((ms) => store.rows(metric.name, ms, ms + HOUR_MS)));
    if (found.some((rows) => rows.length > 0)) continue;
    const without = metric.measures.map(({ name }) => name);
    lost.push({ metric: metric.name, windows: 0, without, ofArchive: 0 });
  }
  return lost;
}

function summaryOf(metrics: MetricsPipeline, metric: string, rows: readonly FinalRow[]): readonly Restored[] {
  const own = rows.filter((row) => row.metric === metric);
  if (own.length === 0) return [];
  return [
    {
      metric,
      windows: new Set(own.map(({ startMs }) => startMs)).size,
      without: goneMeasures(metricOf(metrics, metric)),
      ofArchive: own.reduce((sum, { ofArchive = [] }) => sum + ofArchive.length, 0),
    },
  ];
}

function recordIn(line: string): readonly StreamRecord[] {
  const record = fromUnloadedLine(line);
  return record === null ? [] : [record];
}
