import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { toRawLine } from "@millrace/aws";
import {
  compile,
  compileMetrics,
  decode,
  defineMetric,
  defineMetrics,
  LEDGER,
  type MetricRow,
  measure,
  minutes,
  rollUp,
  type StreamRecord,
  toCuratedRow,
  tumbling,
} from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { openLake } from "../cli/start/lake.ts";
import { accountMetrics } from "../cli/start/metrics.ts";
import { printMetrics } from "../cli/start/print-metrics.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";

const NOW = Date.UTC(2026, 2, 1, 12);
const WINDOW = 60_000;
const pipeline = compile(features, eventSchema);
const definitions = defineMetrics({
  metrics: [
    defineMetric("by_region", {
      windows: [tumbling(minutes(1))],
      by: ["region"],
      limit: 2,
      where: { event_type: ["view_item", "purchase"] },
      measures: [measure.count("events"), measure.sum("revenue", "amount")],
    }),
  ],
});
const metrics = compileMetrics(definitions, pipeline);

describe("holding metrics against the lake", () => {
  it("finds them equal in a world where they are: groups, those beyond the limit, a filter, and the ledger", async () => {
    const { checks, accounts } = await judge(healthy());
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(checks.map(({ expected }) => expected)).toEqual([2, 2]);
    expect(accounts).toMatchObject([
      { metric: "by_region", windows: 2, groups: 2, counted: 7, different: 6 },
      { metric: LEDGER, windows: 1, groups: 2, counted: null },
    ]);
    expect(printMetrics({ metrics: accounts }).at(-1)).toContain("1 event came again in another tumbling window");
  });

  it.each<[string, (world: World) => World, readonly boolean[]]>([
    ["a metric's row is missing", (w) => ({ ...w, rows: without(w.rows, "by_region") }), [false, true]],
    ["a metric's row is there twice", (w) => ({ ...w, rows: [...w.rows, ...w.rows.slice(0, 1)] }), [false, true]],
    ["a row of the ledger is missing", (w) => ({ ...w, rows: without(w.rows, LEDGER) }), [true, false]],
    ["an event is missing in the lake", (w) => ({ ...w, curated: w.curated.filter((_, i) => i !== 1) }), [false, true]],
    ["a raw line is missing", (w) => ({ ...w, raw: w.raw.slice(1) }), [true, false]],
    [
      "two raw lines have each other's bytes",
      (w) => ({ ...w, raw: w.raw.map((one, i) => ({ ...one, data: (w.raw[[1, 0][i] ?? i] as StreamRecord).data })) }),
      [true, false],
    ],
    [
      "a raw line has other bytes, as many",
      (w) => ({ ...w, raw: w.raw.map((one, i) => (i === 0 ? { ...one, data: one.data.toReversed() } : one)) }),
      [true, false],
    ],
  ])("notices that %s", async (_, breakIt, holds) => {
    const { checks } = await judge(breakIt(healthy()));
    expect(checks.map((check) => check.holds)).toEqual(holds);
  });
});

interface World {
  readonly raw: readonly StreamRecord[];
  readonly curated: readonly object[];
  readonly rows: readonly MetricRow[];
}

/** Two shards, two minutes, four regions; a duplicate within a window, one in the next, one event too late, bytes that are no text. */
function healthy(): World {
  const records = [
    record(0, 1, event("a", "north")),
    record(0, 2, event("b", "south")),
    record(0, 3, event("c", "east")),
    record(0, 4, event("a", "north")),
    record(0, 5, event("d", "north", { event_type: "search" })),
    record(0, 6, event("e", "north", { event_time: NOW - 3_600_000 })),
    record(0, 7, Buffer.from([255, 0, 200])),
    record(1, 8, event("f", null)),
    record(1, 9, event("g", "north", { event_time: NOW + WINDOW }), NOW + WINDOW),
    record(0, 10, event("a", "north"), NOW + WINDOW),
    record(0, 11, event("h", "north", { event_time: NOW + WINDOW }), NOW + WINDOW),
  ];
  const rows = [0, 1].flatMap((shard) => [0, 1].flatMap((minute) => rowsOf(records, shard, NOW + minute * WINDOW)));
  const curated = records.map((one) => toCuratedRow(pipeline, decode(pipeline, one), 1)).filter((row) => row !== null);
  return { raw: records, curated, rows };
}

function rowsOf(records: readonly StreamRecord[], shard: number, windowStartMs: number): readonly MetricRow[] {
  const name = shardName(shard);
  const own = records.filter(
    ({ position, arrivalMs }) =>
      position.shard === name && arrivalMs >= windowStartMs && arrivalMs < windowStartMs + WINDOW,
  );
  const window = { incoming: null, written: null, shard: name, windowStartMs, windowEndMs: windowStartMs + WINDOW };
  return rollUp(metrics, { ...window, records: own, ends: "final", nowMs: NOW }).rows;
}

function without(rows: readonly MetricRow[], metric: string): readonly MetricRow[] {
  const gone = rows.find((row) => row.metric === metric);
  return rows.filter((row) => row !== gone);
}

function event(id: string, region: string | null, more: object = {}): Buffer {
  const own = { event_id: id, event_type: "view_item", event_time: NOW, user_id: "u1", region };
  return Buffer.from(JSON.stringify({ ...own, ...more }));
}

function record(shard: number, sequence: number, data: Uint8Array, arrivalMs = NOW): StreamRecord {
  const position = { shard: shardName(shard), sequence: String(sequence), subSequence: 0 };
  return { position, partitionKey: "u1", arrivalMs, data };
}

function shardName(shard: number): string {
  return `shardId-00000000000${shard}`;
}

const folder = mkdtempSync(join(tmpdir(), "millrace-metrics-"));
let worlds = 0;
afterAll(() => rmSync(folder, { recursive: true }));

async function judge({ raw, curated, rows }: World) {
  const dir = join(folder, String(worlds++));
  for (const name of ["raw/raw", "lake/curated"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "stream.ndjson"), "");
  writeFileSync(join(dir, "raw/raw/a.gz"), gzipSync(raw.map(toRawLine).join("")));
  writeFileSync(join(dir, "curated.ndjson"), curated.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const duckdb = await (await DuckDBInstance.create(":memory:")).connect();
  const columns = [...eventSchema.columns.map(({ name }) => name), "_arrival", "_shard", "_sequence", "_verdict"];
  const types = columns.map((name) => `"${name}": '${/_time$|_arrival/.test(name) ? "TIMESTAMP" : "VARCHAR"}'`);
  await duckdb.run(
    `COPY (FROM read_json('${dir}/curated.ndjson', columns = {${types.join(", ")}, "_subsequence": 'BIGINT'})) TO '${dir}/lake/curated/a.parquet'`,
  );
  duckdb.closeSync();
  const paths = { put: join(dir, "stream.ndjson"), raw: join(dir, "raw"), lake: join(dir, "lake") };
  const lake = await openLake(paths, eventSchema);
  const names = metrics.metrics.map(({ name }) => name);
  const byMetric = new Map(names.map((name) => [name, rows.filter(({ metric }) => metric === name)]));
  const found = await accountMetrics(lake, definitions, metrics, byMetric, WINDOW);
  lake.close();
  return found;
}
