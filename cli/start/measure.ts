/** What a run left behind, measured: each sink is read where it lies, and held against the rest. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile, compileMetrics, type MetricsPipeline, type Pipeline } from "@millrace/engine";
import { quoteName } from "@millrace/lake";
import type { FaultCounts } from "../../local/faults/catalogue.ts";
import type { Runtime } from "../../local/runtime.ts";
import { writeReportPage } from "../dashboard/write-report.ts";
import type { Definitions } from "../definitions.ts";
import { listRings } from "./alarms.ts";
import { accountViews, check, checkOnce, checkSinks } from "./conservation.ts";
import { countFailedRecords } from "./failed.ts";
import type { Fed } from "./feed.ts";
import { readFunctionErrors } from "./function-errors.ts";
import { type Lake, openLake } from "./lake.ts";
import { listQuarantine, measureParts } from "./lake-parts.ts";
import { measureLateness } from "./lateness.ts";
import { accountMetrics, type MetricRows, type MetricsFound, readMetricRows } from "./metrics.ts";
import { DEFAULT_OUT, type NamedPath } from "./options.ts";
import { type Reconciliation, reconcileDay } from "./reconcile-day.ts";
import type { Report, Speed, TableFigures } from "./report.ts";
import type { EventSource } from "./source.ts";
import { type Entity, featuresOf, readTable } from "./table.ts";
import { writeFeatures } from "./write-features.ts";
import { writeItems } from "./write-items.ts";

export interface Ran {
  readonly definitions: Definitions;
  readonly source: EventSource;
  readonly runtime: Runtime;
  readonly fed: Fed;
  readonly faults: FaultCounts | null;
  readonly out: NamedPath;
  readonly parameters: Readonly<Record<string, string>>;
  readonly shards: number;
}

export async function measure(ran: Ran, speed: () => Speed): Promise<Report> {
  const { definitions, source, runtime, fed, out } = ran;
  const { features, eventSchema } = definitions;
  const pipeline = compile(features, eventSchema);
  const stats = runtime.stats();
  // Before the report reads them too.
  const [table, metricsTable] = ["FeaturesTable", "MetricsTable"].map((id) =>
    tableFigures(runtime.tables.usage(runtime.physicalId(id)), fed.records),
  ) as [TableFigures, TableFigures];
  const folder = (...names: string[]): string => join(out.path, ...names);
  const buckets = {
    raw: folder(runtime.physicalId("RawBucket")),
    lake: folder(runtime.physicalId("LakeBucket")),
    failed: folder(runtime.physicalId("FailedBucket")),
  };

  const entities = await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable"));
  const examples = await writeFeatures(folder("features.ndjson"), pipeline, entities, fed.lastMs);
  writeItems(out.path, entities);
  const failedRecords = await countFailedRecords(runtime);
  const lake = await openLake({ put: folder("stream.ndjson"), raw: buckets.raw, lake: buckets.lake }, eventSchema);
  const views = await accountViews(lake, pipeline, entities, failedRecords);
  const delivered = (logicalId: string): number => stats.deliveries[logicalId]?.delivered ?? 0;
  const sinks = await checkSinks(lake, {
    raw: delivered("RawDelivery"),
    curated: delivered("CuratedDelivery"),
    quarantine: delivered("QuarantineDelivery"),
  });
  const mapping = stats.mappings.UpdateFeaturesStream;
  const { kills = 0, lostAnswers = 0 } = stats.functions.UpdateFeatures ?? {};
  const answered = (mapping?.succeeded ?? 0) + (mapping?.discarded ?? 0);
  const handed = check(
    "every record was handed to update-features, and answered for or given up",
    fed.records,
    answered,
  );
  const rows = await readRows(ran);
  const metrics = await measureMetrics(ran, lake, rows);
  const checks = [handed, ...sinks, ...(await checkOnce(lake, pipeline, views)), ...metrics.checks];
  const report: Omit<Report, "speed" | "reconciliation"> = {
    ok: fed.notPut.length === 0 && views.every(({ addsUp }) => addsUp) && checks.every(({ holds }) => holds),
    source: source.about,
    stream: { records: fed.records, shards: ran.shards, firstArrival: iso(fed.firstMs), lastArrival: iso(fed.lastMs) },
    throttled: fed.throttled,
    notPut: fed.notPut,
    views,
    redeliveries: { batches: kills + lostAnswers, records: mapping?.redelivered ?? 0 },
    faults: ran.faults,
    functionErrors: await readFunctionErrors(stats.functions, folder("logs"), join(out.name, "logs")),
    checks,
    metrics: metrics.accounts,
    lake: await measureParts(lake, buckets, failedRecords),
    quarantine: await listQuarantine(lake, folder("quarantined.ndjson")),
    lateness: await measureLateness(lake, features, eventSchema.timeColumn),
    alarms: listRings(runtime.alarms),
    asOf: iso(fed.lastMs),
    examples,
    table,
    metricsTable,
    files: filesOf(out, buckets, features.partitionKey),
    parameters: ran.parameters,
    notSimulated: runtime.notSimulated,
  };
  lake.close();
  // Last, because it writes: reports, and the metrics' final rows.
  const reconciliation = await reconcileDay(runtime, fed, out.name);
  await writePage(ran, pipeline, entities, rows, reconciliation);
  // What was given up is found as that, and is no fault of the run's.
  const ok = report.ok && (reconciliation.holds || failedRecords > 0);
  const whole: Report = { ...report, ok, reconciliation, speed: speed() };
  writeFileSync(folder("report.json"), `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
}

/** Of each view; a page with every entity of a large run would be too large to open. */
const ENTITIES_IN_PAGE = 200;

async function writePage(
  { definitions, runtime, fed, out }: Ran,
  pipeline: Pipeline,
  all: readonly Entity[],
  rows: MetricRows,
  reconciliation: Reconciliation,
): Promise<void> {
  const some = pipeline.views.flatMap(({ name }) => all.filter(({ view }) => view === name).slice(0, ENTITIES_IN_PAGE));
  await writeReportPage({
    ...{ runtime, definitions, rows, reconciliation, fromMs: fed.firstMs, toMs: fed.lastMs },
    entities: some.map((entity) => featuresOf(pipeline, entity, fed.lastMs)),
    pathOf: (bucket, key) => join(out.path, bucket, key),
    path: join(out.path, "report.html"),
  });
}

function metricsOf({ definitions: { metrics, features, eventSchema } }: Ran): MetricsPipeline {
  return compileMetrics(metrics, compile(features, eventSchema));
}

function readRows(ran: Ran): Promise<MetricRows> {
  const { runtime, fed } = ran;
  const table = runtime.physicalId("MetricsTable");
  return readMetricRows(metricsOf(ran), { endpoint: runtime.url, table, fromMs: fed.firstMs, toMs: fed.lastMs });
}

function measureMetrics(ran: Ran, lake: Lake, rows: MetricRows): Promise<MetricsFound> {
  const tumblingMs = Number(ran.parameters.MetricsWindowSeconds) * 1000;
  return accountMetrics(lake, ran.definitions.metrics, metricsOf(ran), rows, tumblingMs);
}

function tableFigures(
  { requests, writeUnits, readUnits }: ReturnType<Runtime["tables"]["usage"]>,
  records: number,
): TableFigures {
  const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
  return {
    writeUnits,
    readUnits,
    requests,
    writeUnitsPerEvent: writeUnits / Math.max(1, records),
    requestsPerEvent: total / Math.max(1, records),
  };
}

/** As the person would type them: from where `--out` was meant. */
function filesOf(out: NamedPath, buckets: { raw: string; lake: string; failed: string }, key: string): Report["files"] {
  const shown = (path: string): string => join(out.name, path.slice(out.path.length));
  const sql = `SELECT ${quoteName(key)}, count(*) AS events FROM curated GROUP BY ALL ORDER BY events DESC, 1 LIMIT 10`;
  return {
    features: join(out.name, "features.ndjson"),
    page: join(out.name, "report.html"),
    report: join(out.name, "report.json"),
    quarantined: join(out.name, "quarantined.ndjson"),
    raw: shown(buckets.raw),
    lake: shown(buckets.lake),
    failed: shown(buckets.failed),
    logs: join(out.name, "logs"),
    query: `npm run query -- ${out.name === DEFAULT_OUT ? "" : `--out ${out.name} `}'${sql}'`,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
