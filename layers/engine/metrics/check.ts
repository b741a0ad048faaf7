import { checkAggregate } from "../aggregates/check.ts";
import { checkCondition, columnOf, demand, isWhole, onlyKeys } from "../demand.ts";
import type { FeatureSpec } from "../feature.ts";
import type { EventSchema } from "../schema.ts";
import type { Metric, Metrics } from "./define.ts";
import type { GroupLayout } from "./groups.ts";
import { LEDGER } from "./ledger.ts";
import type { Heaviest, Measure } from "./measure.ts";

/** What metrics may not say. Every message names the metric and the measure or field, what is wrong, and what to do. */

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const KEYS = ["name", "version", "windows", "by", "limit", "time", "records", "where", "measures", "keepMs"];
const DAY_MS = 86_400_000;
/** DynamoDB's limit for an item is 400 KB; this leaves room for its keys. */
const MOST_ROW_BYTES = 390_000;

export function checkNames({ metrics, ...rest }: Metrics): void {
  onlyKeys("the metrics", rest, ["metrics"]);
  const names = metrics.map(({ name, version }) => `${name}@${version ?? 1}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, `metric ${twice} is defined twice: give one of them another name`);
}

/** `schema` has the record's own columns too. */
export function checkMetric(metric: Metric, schema: EventSchema): void {
  const { name, version, by = [], limit, time, records, keepMs } = metric;
  const where = `metric ${name}`;
  onlyKeys(where, metric, KEYS);
  demand(
    NAME.test(name),
    `${where}: a name must be lower case letters, digits and _, at most 63, starting with a letter`,
  );
  demand(name !== LEDGER, `${where}: the name is taken by the ledger, which every folder has`);
  demand(isWhole(version ?? 1, 1, 1_000_000), `${where}: version must be a whole number from 1, got ${version}`);
  demand(isWhole(limit ?? 1, 1, 10_000), `${where}: limit must be a whole number from 1 to 10000, got ${limit}`);
  demand(
    isWhole(keepMs ?? DAY_MS, DAY_MS, 3660 * DAY_MS),
    `${where}: keepMs must be whole milliseconds from 1 day to 10 years, got ${keepMs}`,
  );
  demand(
    time === undefined || time === "event" || time === "arrival",
    `${where}: time must be "event" or "arrival", got ${JSON.stringify(time)}`,
  );
  demand(
    records === undefined || ["accepted", "readable", "all"].includes(records),
    `${where}: records must be "accepted", "readable" or "all", got ${JSON.stringify(records)}`,
  );
  demand(
    records === undefined || records === "accepted" || time === "arrival",
    `${where}: records that were not accepted may have any event time, so "${records}" goes by arrival only: set time to "arrival"`,
  );
  checkWindows(where, metric);
  for (const column of by) checkDimension(where, column, schema);
  demand(new Set(by).size === by.length, `${where}: by names a column twice: ${by.join(", ")}`);
  checkCondition(where, "where", metric.where, schema);
  demand(metric.measures?.length > 0, `${where}: measures must list at least one measure`);
  for (const measure of metric.measures) checkMeasure(metric, measure, schema);
  const names = metric.measures.map((measure) => measure.name);
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  demand(twice === undefined, `${where}: measure ${twice} is defined twice: give one of them another name`);
}

function checkWindows(where: string, { windows }: Metric): void {
  demand(windows?.length > 0, `${where}: windows must list at least one window`);
  const everyMs = Math.min(...windows.map(({ sizeMs }) => sizeMs));
  for (const { kind, sizeMs, offsetMs } of windows) {
    demand(
      kind === "tumbling",
      `${where}: a metric's windows are tumbling, got ${kind}: ask for wider steps when reading`,
    );
    demand(
      offsetMs === 0,
      `${where}: a metric's windows begin at multiples of their size, got an offset of ${offsetMs} ms`,
    );
    demand(
      isWhole(sizeMs, 1000, 366 * DAY_MS),
      `${where}: a window's size must be whole milliseconds from 1 second to 366 days, got ${sizeMs}`,
    );
    demand(
      sizeMs % everyMs === 0,
      `${where}: a window of ${sizeMs} ms cannot be merged from those of ${everyMs} ms: make it a multiple`,
    );
  }
}

function checkDimension(where: string, name: string, schema: EventSchema): void {
  const { type, maxLength = Number.POSITIVE_INFINITY } = columnOf(where, "by", name, schema);
  demand(
    type === "string" || type === "boolean" || type === "bigint",
    `${where}: by "${name}" must be text, an integer or a boolean, but it is ${JSON.stringify(type)}`,
  );
  demand(
    type !== "string" || maxLength <= 256,
    `${where}: by "${name}" must be bounded, because it stands in every row: give it "maxLength": 256 or less in event.schema.json`,
  );
}

function checkMeasure(metric: Metric, measure: Measure, schema: EventSchema): void {
  const where = `metric ${metric.name}, measure ${measure.name}`;
  demand(
    NAME.test(measure.name),
    `${where}: a name must be lower case letters, digits and _, at most 63, starting with a letter`,
  );
  if ("where" in measure) checkCondition(where, "where", measure.where, schema);
  if (measure.kind === "heaviest") return void checkHeaviest(where, measure, schema);
  checkAggregate(
    where,
    inWindows(metric, measure),
    schema,
    metric.measures.map((one) => inWindows(metric, one)),
  );
}

/** As a feature, since the same rules hold for both. */
function inWindows({ windows }: Metric, measure: Measure): FeatureSpec {
  return { ...measure, windows } as FeatureSpec;
}

function checkHeaviest(where: string, measure: Heaviest, schema: EventSchema): void {
  const { column, k, sample } = measure;
  onlyKeys(where, measure, ["kind", "name", "where", "column", "k", "sample"]);
  columnOf(where, "column", column, schema);
  demand(isWhole(k, 1, 100), `${where}: k must be a whole number from 1 to 100, got ${k}`);
  demand(isWhole(sample, k, 1200), `${where}: sample must be a whole number from k (${k}) to 1200, got ${sample}`);
}

/** Rows must fit into an item whatever comes. */
export function checkRowBytes({ name, limit }: Metric, layout: GroupLayout, schema: EventSchema): void {
  const valueBytes = layout.by.map((column) => {
    const { maxLength } = schema.columns.find((candidate) => candidate.name === column) ?? {};
    return maxLength === undefined ? 9 : 3 + maxLength * 4;
  });
  const slotBytes = layout.slots.map(({ aggregate }) => aggregate.maxBytes);
  const perGroup = [...valueBytes, ...slotBytes].reduce((sum, bytes) => sum + bytes, (slotBytes.length + 7) >> 3);
  // A row is of one shard alone.
  const groups = layout.by.every((column) => column === "_shard") ? 1 : layout.limit + 1;
  demand(
    perGroup * groups <= MOST_ROW_BYTES,
    `metric ${name}: a row of ${groups} groups may take ${perGroup * groups} bytes, at most ${MOST_ROW_BYTES} fit into an item: lower limit (${limit ?? layout.limit}), or measure less`,
  );
}
