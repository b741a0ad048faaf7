/**
 * Metrics as they lie in their table, read back and merged, against the lake and the archive: in each window and group as many events
 * as SQL counts there, and in the ledger for each shard and hour what the raw lines hold.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamoMetricsStore, type StoredRow } from "@millrace/aws";
import {
  type CompiledMetric,
  type EventSchema,
  LEDGER,
  type Metric,
  type Metrics,
  type MetricsPipeline,
  type MetricWindow,
  readMetric,
} from "@millrace/engine";
import { conditionOf, quoteName } from "@millrace/lake";
import { type Check, check } from "./conservation.ts";
import type { Lake } from "./lake.ts";

export interface MetricAccount {
  readonly metric: string;
  readonly rows: number;
  readonly bytes: number;
  readonly windows: number;
  /** The most groups of one window. */
  readonly groups: number;
  /** What its plain count adds up to; null where it has none, or counts other records than accepted events. */
  readonly counted: number | null;
  /** The different events among these: the rest came again, in another tumbling window. */
  readonly different: number | null;
}

export interface MetricsFound {
  readonly accounts: readonly MetricAccount[];
  readonly checks: readonly Check[];
}

export type MetricRows = ReadonlyMap<string, readonly StoredRow[]>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Every row of every metric in the table, over the wire as any reader would ask for them. */
export async function readMetricRows(
  { metrics }: MetricsPipeline,
  { endpoint, table, fromMs, toMs }: { endpoint: string; table: string; fromMs: number; toMs: number },
): Promise<MetricRows> {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint, region: "us-east-1", credentials });
  const store = dynamoMetricsStore({ client, table, keepMs: () => 0, now: () => 0 });
  const rows = new Map<string, readonly StoredRow[]>();
  for (const { name } of metrics) rows.set(name, await store.rows(name, fromMs - DAY_MS, toMs + DAY_MS));
  client.destroy();
  return rows;
}

/** A metric with a count that SQL can check. */
interface CountedMetric {
  readonly compiled: CompiledMetric;
  /** The name of the count. */
  readonly measure: string;
  readonly schema: EventSchema;
  readonly partitionKey: string;
  readonly tumblingMs: number;
}

/** `tumblingMs` is the length of the windows by which records were gathered. */
export async function accountMetrics(
  lake: Lake,
  { metrics: definitions }: Metrics,
  metrics: MetricsPipeline,
  rows: MetricRows,
  tumblingMs: number,
): Promise<MetricsFound> {
  const { schema, partitionKey } = metrics.pipeline;
  const accounts: MetricAccount[] = [];
  const checks: Check[] = [];
  for (const [i, compiled] of metrics.metrics.entries()) {
    const stored = rows.get(compiled.name) ?? [];
    const windows = readMetric(metrics, compiled.name, stored);
    const measure = plainCount(definitions[i]);
    const counted = measure === null ? null : { compiled, measure, schema, partitionKey, tumblingMs };
    if (compiled.name === LEDGER) checks.push(await checkLedger(lake, windows));
    if (counted !== null) checks.push(await checkCounts(lake, counted, windows));
    accounts.push({
      metric: compiled.name,
      rows: stored.length,
      bytes: stored.reduce((sum, { bytes }) => sum + bytes.length, 0),
      windows: windows.length,
      groups: Math.max(0, ...windows.map(({ groups }) => groups.length)),
      counted: measure === null ? null : windows.reduce((sum, { total }) => sum + Number(total[measure]), 0),
      different: counted && (await countDifferent(lake, counted)),
    });
  }
  return { accounts, checks };
}

/** The measure that counts every accepted event of the metric, which SQL can count too. */
function plainCount(definition: Metric | undefined): string | null {
  const { time = "event", measures = [] } = definition ?? {};
  if (time !== "event") return null;
  return measures.find((measure) => measure.kind === "count" && measure.where === undefined)?.name ?? null;
}

async function checkCounts(lake: Lake, metric: CountedMetric, windows: readonly MetricWindow[]): Promise<Check> {
  const { name, by, everyMs } = metric.compiled;
  const start = `(floor(epoch_ms(${quoteName(metric.schema.timeColumn)}) / ${everyMs}) * ${everyMs})::BIGINT`;
  const columns = by.map(quoteName);
  const groups = await lake.query(
    `SELECT ${[`${start} AS start`, ...columns, "count(*) AS events"].join(", ")} FROM (${countedOnce(metric)}) GROUP BY ALL`,
  );
  const inLake = new Map<string, Map<string, number>>();
  for (const { start: startText, events, ...values } of groups) {
    const startMs = String(startText);
    const window = inLake.get(startMs) ?? new Map<string, number>();
    inLake.set(startMs, window.set(keyOf(values), Number(events)));
  }
  const promise = `${name} counts, window by window and group by group, what the lake holds`;
  const all = new Set([...inLake.keys(), ...windows.map(({ startMs }) => String(startMs))]);
  return check(promise, all.size, windows.filter((window) => isEqual(window, inLake, metric.measure)).length);
}

/** A window whose groups, as far as they are told one by one, and whose total are those of the lake. */
function isEqual(
  { startMs, groups, other, total }: MetricWindow,
  inLake: ReadonlyMap<string, ReadonlyMap<string, number>>,
  measure: string,
): boolean {
  const expected = inLake.get(String(startMs));
  if (expected === undefined) return false;
  const sum = [...expected.values()].reduce((all, count) => all + count, 0);
  return (
    total[measure] === sum &&
    (other !== null || groups.length === expected.size) &&
    groups.every(({ by, values }) => values[measure] === expected.get(keyOf(by)))
  );
}

/** One row of the lake for each event that a metric counts: a duplicate counts again when it arrives in another tumbling window. */
function countedOnce({ compiled, schema, partitionKey, tumblingMs }: CountedMetric): string {
  const identity = [partitionKey, schema.idColumn, schema.timeColumn].map(quoteName);
  const window = ["_shard", `floor(epoch_ms(_arrival) / ${tumblingMs})`];
  const condition = conditionOf(compiled.where, schema);
  return `SELECT DISTINCT ON (${[...identity, ...window].join(", ")}) * FROM curated
    WHERE _verdict = 'accepted' AND ${condition} ORDER BY length(_sequence), _sequence, _subsequence`;
}

async function countDifferent(lake: Lake, { compiled, schema, partitionKey }: CountedMetric): Promise<number> {
  const identity = [partitionKey, schema.idColumn, schema.timeColumn].map(quoteName).join(", ");
  const { events = 0 } = await lake.counts(
    `SELECT count(DISTINCT (${identity})) AS events FROM curated WHERE _verdict = 'accepted' AND ${conditionOf(compiled.where, schema)}`,
  );
  return events;
}

/** The ledger by shard and hour against the raw lines: the checksum is the one that SQL computes from shard, position and bytes. */
async function checkLedger(lake: Lake, windows: readonly MetricWindow[]): Promise<Check> {
  const hours = await lake.query(`
    SELECT (arrival // ${HOUR_MS} * ${HOUR_MS})::BIGINT AS start, shard, count(*) AS records, sum(size)::BIGINT AS bytes,
      ltrim(min(lpad(sequence, 128, '0')), '0') AS first, ltrim(max(lpad(sequence, 128, '0')), '0') AS last,
      (sum(hash::HUGEINT) % 18446744073709551616::HUGEINT)::VARCHAR AS checksum
    FROM (SELECT DISTINCT ON (shard, sequence, subSequence) * FROM raw) GROUP BY ALL`);
  const expected = new Set(
    hours.map(({ start, shard, records, bytes, first, last, checksum }) => {
      const hex = BigInt(String(checksum)).toString(16).padStart(16, "0");
      return [start, shard, records, bytes, first, last, hex].join(" ");
    }),
  );
  const told = windows.flatMap(({ startMs, groups }) =>
    groups.map(({ by, values: { records, bytes, first, last, checksum } }) =>
      [startMs, by._shard, records, bytes, first, last, checksum].join(" "),
    ),
  );
  const promise = "the ledger tells, for each shard and hour, the records, bytes and checksum of the raw archive";
  return check(promise, new Set([...expected, ...told]).size, told.filter((hour) => expected.has(hour)).length);
}

function keyOf(values: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(Object.values(values).map((value) => (value === null ? null : String(value))));
}
