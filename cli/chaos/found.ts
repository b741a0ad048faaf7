/** What a run left behind, read where it lies: the table over the wire, objects as files, Parquet by DuckDB. No function is asked. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { ALERT_SOURCE, ALERT_TYPE } from "@millrace/aws";
import type { EventSchema, MetricsPipeline, Pipeline } from "@millrace/engine";
import { quoteName, quoteText } from "@millrace/lake";
import type { Runtime } from "../../local/runtime.ts";
import { type MetricRows, readMetricRows } from "../start/metrics.ts";
import { type Entity, readTable } from "../start/table.ts";

export interface Found {
  readonly entities: readonly Entity[];
  readonly raw: readonly RawLine[];
  readonly rawErrors: readonly ErrorRecord[];
  readonly rows: readonly Row[];
  readonly rowErrors: readonly ErrorRecord[];
  readonly quarantine: readonly QuarantineRow[];
  readonly metricRows: MetricRows;
  readonly givenUp: number;
}

export interface RawLine {
  readonly position: string;
  readonly arrivalMs: number;
  readonly key: string;
  readonly data: Buffer;
}

/** In a delivery stream's error output. */
export interface ErrorRecord {
  readonly arrivalMs: number;
  readonly data: Buffer;
}

export interface Row {
  readonly position: string;
  readonly arrivalMs: number;
  readonly verdict: string;
  readonly key: string;
  readonly id: string;
  readonly timeMs: number;
}

export interface QuarantineRow {
  readonly position: string;
  readonly reason: string;
  readonly view: string | null;
}

export async function readFound(
  runtime: Runtime,
  outDir: string,
  metrics: MetricsPipeline,
  [fromMs, toMs]: readonly [number, number],
): Promise<Found> {
  const { pipeline } = metrics;
  const lake = runtime.physicalId("LakeBucket");
  const raw = runtime.physicalId("RawBucket");
  const stats = runtime.stats();
  return {
    entities: await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable")),
    raw: (await lines(runtime, raw, "raw/")).map(toRawLine),
    rawErrors: (await lines(runtime, raw, "raw-errors/")).map(toErrorRecord),
    rows: await readRows(runtime, lake, outDir, pipeline),
    rowErrors: (await lines(runtime, lake, "curated-errors/")).map(toErrorRecord),
    quarantine: (await lines(runtime, lake, "quarantine/")).map((line) => ({
      position: toPosition(line),
      reason: String(line.reason),
      view: line.view as string | null,
    })),
    metricRows: await readMetricRows(metrics, {
      endpoint: runtime.url,
      table: runtime.physicalId("MetricsTable"),
      fromMs,
      toMs,
    }),
    givenUp: Object.values(stats.mappings).reduce((sum, { discarded }) => sum + discarded, 0),
  };
}

/** The ids of alerts as the bus took them. */
export function readPublished({ events }: Pick<Runtime, "events">): readonly string[] {
  return events
    .recent()
    .filter((event) => event.source === ALERT_SOURCE && event["detail-type"] === ALERT_TYPE)
    .map(({ detail }) => String(detail.id));
}

/** The ids of alerts as `notify` acted on them, which is a line in its log. To be called when the runtime has stopped. */
export function readActed(outDir: string): readonly string[] {
  const printed = readFileSync(join(outDir, "logs", "Notify.ndjson"), "utf8");
  return printed
    .split("\n")
    .filter((line) => line.includes('"message":"alert"'))
    .map((line) => String((JSON.parse(line) as Line).id));
}

type Line = Readonly<Record<string, unknown>>;

async function lines(runtime: Runtime, bucket: string, prefix: string): Promise<readonly Line[]> {
  const found: Line[] = [];
  for (const key of await runtime.objects.keys(bucket, prefix)) {
    const body = (await runtime.objects.get(bucket, key)) as Buffer;
    const text = (key.endsWith(".gz") ? gunzipSync(body) : body).toString();
    for (const line of text.split("\n")) if (line !== "") found.push(JSON.parse(line) as Line);
  }
  return found;
}

function toPosition({ shard, sequence, subSequence }: Line): string {
  return `${shard} ${sequence} ${subSequence}`;
}

function toRawLine(line: Line): RawLine {
  const data =
    line.data === undefined ? Buffer.from(String(line.dataBase64), "base64") : Buffer.from(String(line.data));
  return { position: toPosition(line), arrivalMs: Number(line.arrival), key: String(line.key), data };
}

function toErrorRecord(line: Line): ErrorRecord {
  return { arrivalMs: Number(line.arrivalTimestamp), data: Buffer.from(String(line.rawData), "base64") };
}

let connection: Promise<DuckDBConnection> | null = null;

async function readRows(
  runtime: Runtime,
  bucket: string,
  outDir: string,
  { schema, partitionKey }: Pipeline,
): Promise<readonly Row[]> {
  const keys = await runtime.objects.keys(bucket, "curated/");
  if (keys.length === 0) return [];
  connection ??= DuckDBInstance.create(":memory:").then((instance) => instance.connect());
  const files = keys.map((key) => quoteText(join(outDir, bucket, key))).join(", ");
  const reader = await (await connection).runAndReadAll(
    `SELECT _shard, _sequence, _subsequence, epoch_ms(_arrival), _verdict, ${columns(schema, partitionKey)}
     FROM read_parquet([${files}], hive_partitioning = true)`,
  );
  return reader.getRows().map(([shard, sequence, subSequence, arrivalMs, verdict, key, id, timeMs]) => ({
    position: `${shard} ${sequence} ${subSequence}`,
    arrivalMs: Number(arrivalMs),
    verdict: String(verdict),
    key: String(key),
    id: String(id),
    timeMs: Number(timeMs),
  }));
}

function columns({ idColumn, timeColumn }: EventSchema, partitionKey: string): string {
  return `${quoteName(partitionKey)}, ${quoteName(idColumn)}, epoch_ms(${quoteName(timeColumn)})`;
}
