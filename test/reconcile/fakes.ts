import type { MetricsStore, ResultObjects, RowObjects, StoredRow, StreamReader } from "@millrace/aws";
import {
  compareSequences,
  compileMetrics,
  defineMetric,
  defineMetrics,
  type FinalRow,
  hours,
  measure,
  minutes,
  readMetric,
  rollUp,
  type StreamRecord,
  tumbling,
} from "@millrace/engine";
import { pipeline, SHARD, START } from "../functions/shop.ts";

/** What the functions of a reconciliation read and write, in memory, and a little of a shop's day. */

export const HOUR = 3_600_000;
export const DAY_START = Date.UTC(2026, 0, 2);
export const NOW = Date.UTC(2026, 0, 3, 3, 30);
export const metrics = compileMetrics(
  defineMetrics({
    metrics: [
      defineMetric("by_region", {
        windows: [tumbling(minutes(1)), tumbling(hours(1))],
        by: ["region"],
        measures: [measure.count("events")],
      }),
      defineMetric("spend", { windows: [tumbling(minutes(5))], measures: [measure.sum("amount", "amount")] }),
      defineMetric("arrivals", {
        windows: [tumbling(minutes(1))],
        time: "arrival",
        records: "all",
        measures: [measure.count("records")],
      }),
    ],
  }),
  pipeline,
);
export const defaults = {
  samplePerMille: 10,
  thresholdPercent: 1,
  wholeHistory: false,
  readStream: false,
  selfRepair: false,
};
export const settings = {
  bucket: "lake",
  settleMs: 20 * 60_000,
  pastMs: 48 * HOUR,
  futureMs: HOUR,
  buckets: 4,
  ttlMs: () => 0,
};

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function recordAt(arrivalMs: number, sequence: string): StreamRecord {
  const data = Buffer.from(JSON.stringify({ id: sequence, user: "ann", time: arrivalMs }));
  return { position: { shard: SHARD, sequence, subSequence: 0 }, partitionKey: "ann", arrivalMs, data };
}

/** Pages of so many records. */
export function streamOf(records: readonly StreamRecord[], size: number, seen: string[] = []): StreamReader {
  return {
    shardsSince: async () => [SHARD],
    async *pages(_, from) {
      let left = records.filter(({ arrivalMs, position }) =>
        "at" in from ? compareSequences(position.sequence, from.at) >= 0 : arrivalMs >= from.arrivalMs,
      );
      for (; left.length > 0; left = left.slice(size)) {
        seen.push(...left.slice(0, size).map(({ position }) => position.sequence));
        yield { records: left.slice(0, size) };
      }
    },
  };
}

/** Gives so many pages at each reading, then refuses, as a shard does that others read; `rest` is how a reader waits. */
export function refusing(stream: StreamReader, pages: number, rest: () => void): StreamReader {
  return {
    ...stream,
    async *pages(...asked) {
      let given = 0;
      for await (const page of stream.pages(...asked)) {
        if (given++ < pages) yield page;
        else break;
      }
      for (; given > pages; rest()) yield { records: [] };
    },
  };
}

export function memoryResults(objects = new Map<string, readonly unknown[]>()): ResultObjects {
  return {
    put: async (key, lines) => void objects.set(key, JSON.parse(JSON.stringify(lines))),
    get: async (key) => objects.get(key) ?? [],
  };
}

export function memoryRows(folders: Readonly<Record<string, readonly object[]>>): RowObjects {
  return { read: async (prefix, take) => take((folders[prefix] ?? []).map((row) => JSON.stringify(row))) };
}

export type Metrics = Pick<MetricsStore, "rows" | "putFinal"> & {
  readonly table: Map<string, StoredRow & { readonly metric: string }>;
};

export function memoryMetrics(live: readonly (StoredRow & { readonly metric: string })[]): Metrics {
  const table = new Map(live.map((row, i) => [`live ${i}`, row]));
  return {
    table,
    rows: async (metric, fromMs, toMs) =>
      [...table.values()].filter((row) => row.metric === metric && row.startMs >= fromMs && row.startMs < toMs),
    putFinal: async (rows) =>
      rows.forEach(
        (row: FinalRow) => void table.set(`${row.metric} ${row.startMs} ${row.part}`, { ...row, final: true }),
      ),
  };
}

export function eventsIn({ table }: Metrics): readonly unknown[] {
  return readMetric(
    metrics,
    "by_region",
    [...table.values()].filter(({ metric }) => metric === "by_region"),
  ).map(({ total }) => total.events);
}

/** What roll-up-metrics leaves of events in these minutes, each counted for itself. */
export function liveRows(inMinutes: readonly number[]) {
  const records = inMinutes.map((minute, i) => {
    const time = START + minute * 60_000;
    return {
      ...recordAt(time, `${10 + i}`),
      data: Buffer.from(JSON.stringify({ id: `${i}`, user: "ann", time, region: "north" })),
    };
  });
  return rollUp(metrics, {
    incoming: null,
    written: null,
    shard: SHARD,
    windowStartMs: 0,
    windowEndMs: NOW,
    records,
    ends: "final",
    nowMs: NOW,
  }).rows;
}
