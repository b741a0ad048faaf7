/**
 * Nexmark's first hundred thousand events through the whole local pipeline, against DuckDB over the same events. They come at 1,000 a
 * second, since three of four bids are of one bidder at a time: more of one key no shard takes. A tenth of the batches comes again.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { StoredRow } from "@millrace/aws";
import {
  compile,
  compileMetrics,
  type FeatureValue,
  type MetricsPipeline,
  type Pipeline,
  readMetric,
} from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDefinitions } from "../cli/definitions.ts";
import { spliceTemplate } from "../cli/schema/splice.ts";
import { feed } from "../cli/start/feed.ts";
import { openLedger } from "../cli/start/ledger.ts";
import { readMetricRows } from "../cli/start/metrics.ts";
import { parseOptions } from "../cli/start/options.ts";
import { redeliver } from "../cli/start/redeliver.ts";
import { openSource } from "../cli/start/source.ts";
import { type Entity, featuresOf, readTable } from "../cli/start/table.ts";
import { type RuntimeStats, startRuntime } from "../local/runtime.ts";

const project = resolve(import.meta.dirname, "..");
const nexmark = resolve(process.env.MILLRACE_NEXMARK ?? join(project, "..", "shared", "conformance", "nexmark"));
const definitionsDir = join(project, "examples", "definitions-nexmark");
const templatePath = join(project, "template.yaml");
const TEN_MINUTES = 600_000;
const BASE_MS = 1_436_918_400_000;
const END_MS = BASE_MS + 100_000;

describe.runIf(existsSync(nexmark))("a hundred thousand auction events through the pipeline", () => {
  let folder: string;
  let pipeline: Pipeline;
  let metrics: MetricsPipeline;
  let metricRows: readonly StoredRow[];
  let entities: readonly Entity[];
  let stats: RuntimeStats;
  let csv: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "millrace-nexmark-pipeline-"));
    csv = join(folder, "events.csv");
    const args = [join(nexmark, "generate.mjs"), "100000", "1", "1000", String(BASE_MS)];
    const events = execFileSync(process.execPath, args, { maxBuffer: 1 << 28 });
    writeFileSync(csv, `position,kind,a,b,c,time,extra\n${events}`);
    ({ pipeline, metrics, metricRows, entities, stats } = await runPipeline(csv, folder));
  }, TEN_MINUTES);
  afterAll(() => rmSync(folder, { recursive: true }));

  it("came in small batches from four shards, a tenth of them twice", () => {
    expect(stats.mappings.UpdateFeaturesStream).toMatchObject({ succeeded: 100_000, discarded: 0 });
    expect(stats.functions.UpdateFeatures?.invocations).toBeGreaterThan(120);
    expect(stats.mappings.UpdateFeaturesStream?.redelivered).toBeGreaterThan(5_000);
  });

  it.each([
    ["at the end", END_MS],
    ["five seconds before it", END_MS - 5_000],
  ])(
    "gives each bidder's count, sum, least and greatest of ten seconds, hopping and tumbling, %s",
    async (_, nowMs) => {
      const [hop, tumble] = [within(roundUp(nowMs, 5_000), 10_000), within(roundUp(nowMs, 10_000), 10_000)];
      expect(features("bidders", nowMs)).toEqual(
        await sql(`SELECT bidder AS entity, count(*) FILTER (${hop}) AS bids_10s, count(*) FILTER (${tumble}) AS bids_10s_tumbling,
        coalesce(sum(price) FILTER (${hop}), 0) AS spend_10s, min(price) FILTER (${hop}) AS lowest_10s, max(price) FILTER (${hop}) AS highest_10s
        FROM bid GROUP BY entity`),
      );
    },
  );

  it.each([
    ["at the end", END_MS],
    ["three seconds before it", END_MS - 3_000],
  ])("gives each bidder's current session %s", async (_, nowMs) => {
    expect(features("bidder_sessions", nowMs)).toEqual(
      await sql(`WITH before AS (SELECT bidder, ts, lead(ts, 1, ${nowMs}) OVER (PARTITION BY bidder ORDER BY ts) AS next FROM bid WHERE ts < ${nowMs}),
        pause AS (SELECT bidder, max(ts) FILTER (next - ts > 1000) AS last FROM before GROUP BY bidder)
        SELECT bidder AS entity, count(before.ts) FILTER (before.ts > coalesce(pause.last, 0)) AS bids_session
        FROM (SELECT DISTINCT bidder FROM bid) LEFT JOIN before USING (bidder) LEFT JOIN pause USING (bidder) GROUP BY entity`),
    );
  });

  it.each([
    ["at the end", END_MS],
    ["seven seconds before it", END_MS - 7_000],
  ])("gives what was ever bid on each auction, by price, from all shards together, %s", async (_, nowMs) => {
    const before = `ts < ${nowMs}`;
    expect(features("auctions", nowMs)).toEqual(
      await sql(`SELECT auction AS entity, count(*) FILTER (${before}) AS bids_lifetime,
        min(price) FILTER (${before}) AS lowest_lifetime, max(price) FILTER (${before}) AS highest_lifetime,
        coalesce(sum(price) FILTER (${before}), 0) AS total_lifetime, count(*) FILTER (${before} AND price < 10000) AS low_bids_lifetime,
        count(*) FILTER (${before} AND price >= 10000 AND price < 1000000) AS middle_bids_lifetime,
        count(*) FILTER (${before} AND price >= 1000000) AS high_bids_lifetime FROM bid GROUP BY entity`),
    );
  });

  it("counts each person's bids of each ten seconds by metrics, through the table, as query 12 asks", async () => {
    const windows = readMetric(metrics, "bids_by_person", metricRows);
    const told = windows.flatMap(({ startMs, groups }) =>
      groups.map(({ by, values }) => [`${startMs} ${by.person_id}`, { bids: values.bids }] as const),
    );
    expect(Object.fromEntries(told)).toEqual(
      await sql(`SELECT (ts // 10000 * 10000) || ' ' || bidder AS entity, count(*) AS bids FROM bid GROUP BY ALL`),
    );
  });

  it("counts the day's different bidders and auctions exactly, within the bounds that the view declares", async () => {
    expect(features("market", END_MS)).toEqual(
      await sql(`SELECT 'bid' AS entity, count(*) AS bids_day, count(DISTINCT bidder) AS bidders_day, count(DISTINCT auction) AS auctions_day,
        count(*) FILTER (price < 10000) AS low_bids_day, count(DISTINCT bidder) FILTER (price < 10000) AS low_bidders_day FROM bid`),
    );
  });

  function features(view: string, nowMs: number): Record<string, Record<string, FeatureValue>> {
    const own = entities.filter((entity) => entity.view === view).map((entity) => featuresOf(pipeline, entity, nowMs));
    return Object.fromEntries(own.map(({ entity, features: values }) => [entity, values]));
  }

  /** Rows by their column `entity`. */
  async function sql(query: string): Promise<Record<string, Record<string, number>>> {
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    await connection.run(`CREATE TABLE bid AS SELECT a AS auction, b AS bidder, c AS price, "time" AS ts
      FROM read_csv('${csv}', types = {'a': 'VARCHAR', 'b': 'VARCHAR', 'c': 'BIGINT', 'time': 'BIGINT'}) WHERE kind = 'B'`);
    const rows = (await connection.runAndReadAll(query)).getRowObjectsJS();
    connection.closeSync();
    const plain = (value: unknown) => (typeof value === "bigint" ? Number(value) : value);
    return Object.fromEntries(
      rows.map(({ entity, ...values }) => [
        String(entity),
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, plain(value) as number])),
      ]),
    );
  }
});

async function runPipeline(csv: string, folder: string) {
  const definitions = await loadDefinitions(definitionsDir);
  const map = join(project, "examples", "maps", "nexmark.yaml");
  const options = parseOptions(["--input", csv, "--map", map], folder, project);
  if (options === null) throw new Error("Expected options, got a request for help.");
  const source = await openSource(options, definitions);
  const ledger = openLedger(join(folder, "stream.ndjson"));
  const runtime = await startRuntime({
    templatePath,
    templateText: spliceTemplate(readFileSync(templatePath, "utf8"), definitions),
    parameters: { StreamMode: "PROVISIONED", ShardCount: "4", BatchSize: "1000", BatchingWindowSeconds: "5" },
    outDir: join(folder, "out"),
    definitionsDir,
    clock: { kind: "virtual", startMs: source.startMs },
    loseAnswer: redeliver(1, 0.1),
  });
  try {
    const events = runtime.stream("EventStream");
    const { maxRecordSizeBytes } = events;
    const pipe = { maxRecordSizeBytes, put: events.put, advanceTo: runtime.advanceTo };
    await feed(source.arrivals, pipe, ledger, () => undefined);
    await runtime.drain();
    const pipeline = compile(definitions.features, definitions.eventSchema);
    const entities = await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable"));
    const metrics = compileMetrics(definitions.metrics, pipeline);
    const table = runtime.physicalId("MetricsTable");
    const rows = await readMetricRows(metrics, { endpoint: runtime.url, table, fromMs: BASE_MS, toMs: END_MS });
    const metricRows = rows.get("bids_by_person") ?? [];
    return { pipeline, metrics, metricRows, entities, stats: runtime.stats() };
  } finally {
    await runtime.stop();
    await ledger.close();
  }
}

function within(endMs: number, sizeMs: number): string {
  return `ts >= ${endMs - sizeMs} AND ts < ${endMs}`;
}

function roundUp(ms: number, stepMs: number): number {
  return Math.ceil(ms / stepMs) * stepMs;
}
