import { checkView } from "../check.ts";
import { DefinitionError, type View } from "../define.ts";
import type { FeatureSpec } from "../feature.ts";
import type { EventSchema } from "../schema.ts";
import type { Metric, Metrics } from "./define.ts";
import type { GroupLayout } from "./groups.ts";
import { LEDGER } from "./ledger.ts";
import type { Heaviest, Measure } from "./measure.ts";

/** What metrics may not say. Every message names the metric and the measure or field, what is wrong, and what to do. */

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const KEYS = ["name", "version", "windows", "by", "limit", "time", "records", "where", "measures", "ratios", "keepMs"];
const DAY_MS = 86_400_000;
/** DynamoDB's limit for an item is 400 KB; this leaves room for its keys. */
const MOST_ROW_BYTES = 390_000;

export function checkNames({ metrics, ...rest }: Metrics): void {
  const unknown = Object.keys(rest)[0];
  demand(unknown === undefined, `the metrics: unknown field "${unknown}": use metrics`);
  const names = metrics.map(({ name, version }) => `${name}@${version ?? 1}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, `metric ${twice} is defined twice: give one of them another name`);
}

/** `schema` has the record's own columns too. */
export function checkMetric(metric: Metric, schema: EventSchema): void {
  const { name, version, by = [], limit, time, records, ratios = {}, keepMs } = metric;
  const where = `metric ${name}`;
  const unknown = Object.keys(metric).find((key) => !KEYS.includes(key));
  demand(unknown === undefined, `${where}: unknown field "${unknown}": use ${KEYS.join(", ")}`);
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
  demand(metric.measures?.length > 0, `${where}: measures must list at least one measure`);
  for (const measure of metric.measures) checkMeasure(metric, measure, schema);
  const names = [...metric.measures.map((measure) => measure.name), ...Object.keys(ratios)];
  const twice = names.find((one, i) => names.indexOf(one) !== i);
  demand(twice === undefined, `${where}: measure ${twice} is defined twice: give one of them another name`);
  for (const [ratio, parts] of Object.entries(ratios)) {
    const missing = parts.find((part) => metric.measures.every((measure) => measure.name !== part));
    demand(
      missing === undefined && parts.length === 2,
      `${where}: ratio ${ratio} must name two of its measures (${metric.measures.map((measure) => measure.name).join(", ")}), got ${JSON.stringify(parts)}`,
    );
  }
}

function checkWindows(where: string, { windows }: Metric): void {
  demand(windows?.length > 0, `${where}: windows must list at least one window`);
  const everyMs = Math.min(...windows.map(({ sizeMs }) => sizeMs));
  for (const { kind, sizeMs } of windows) {
    demand(
      kind === "tumbling",
      `${where}: a metric's windows are tumbling, got ${kind}: ask for wider steps when reading`,
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
  const column = schema.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new DefinitionError(`${where}: by names the unknown field "${name}"${known(schema)}`);
  demand(
    column.type === "string" || column.type === "boolean" || column.type === "bigint",
    `${where}: by "${name}" must be text, an integer or a boolean, but it is ${JSON.stringify(column.type)}`,
  );
  demand(
    column.type !== "string" || (column.maxLength ?? Number.POSITIVE_INFINITY) <= 256,
    `${where}: by "${name}" must be bounded, because it stands in every row: give it "maxLength": 256 or less in event.schema.json`,
  );
}

function checkMeasure(metric: Metric, measure: Measure, schema: EventSchema): void {
  if (measure.kind === "heaviest") checkHeaviest(metric, measure, schema);
  else asMetric(metric, () => checkView(asView(metric, measure), { partitionKey: "_partition_key" } as never, schema));
}

function checkHeaviest(metric: Metric, { name, column, k, sample, where }: Heaviest, schema: EventSchema): void {
  const at = `metric ${metric.name}, measure ${name}`;
  demand(isWhole(k, 1, 100), `${at}: k must be a whole number from 1 to 100, got ${k}`);
  demand(isWhole(sample, k, 1200), `${at}: sample must be a whole number from k (${k}) to 1200, got ${sample}`);
  const count = { kind: "count", name, ...(where && { where }) } as Measure;
  checkMeasure(metric, count, schema);
  demand(
    schema.columns.some((candidate) => candidate.name === column),
    `${at}: column names the unknown field "${column}"${known(schema)}`,
  );
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

/** A view with the measure as its only feature, so that the same rules hold for features and measures. */
function asView({ name, windows, where }: Metric, measure: Measure): View {
  const feature = { ...measure, windows } as FeatureSpec;
  return { name, entity: "_partition_key", lane: "none", features: [feature], ...(where && { where }) };
}

function asMetric({ name }: Metric, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    throw new DefinitionError(
      error.message
        .replace(`view ${name}, feature `, `metric ${name}, measure `)
        .replace(`view ${name}`, `metric ${name}`),
    );
  }
}

function known(schema: EventSchema): string {
  return ` (known: ${schema.columns.map(({ name }) => name).join(", ")})`;
}

function isWhole(value: number | undefined, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new DefinitionError(message);
}
