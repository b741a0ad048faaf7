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
import { countFailedRecords } from "./failed.ts";
import type { Fed } from "./feed.ts";
import { readFunctionErrors } from "./function-errors.ts";
import type { Buckets } from "./lake-parts.ts";
import { measureSinks } from "./measure-sinks.ts";
import { type MetricRows, readMetricRows } from "./metrics.ts";
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
  const pipeline = compile(definitions.features, definitions.eventSchema);
  const metricsPipeline = compileMetrics(definitions.metrics, pipeline);
  const stats = runtime.stats();
  // Before the report reads them too.
  const [table, metricsTable] = ["FeaturesTable", "MetricsTable"].map((id) =>
    tableFigures(runtime.tables.usage(runtime.physicalId(id)), fed.records),
  ) as [TableFigures, TableFigures];
  const entities = await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable"));
  const rows = await readRows(ran, metricsPipeline);
  const alarms = listRings(runtime.alarms);
  const failedRecords = await countFailedRecords(runtime);
  const examples = await writeFeatures(join(out.path, "features.ndjson"), pipeline, entities, fed.lastMs);
  writeItems(out.path, entities);
  const buckets = bucketsOf(ran);
  const tumblingMs = Number(ran.parameters.MetricsWindowSeconds) * 1000;
  const { records } = fed;
  const read = { entities, rows, failedRecords, stats };
  // The reconciliation writes: reports, and the metrics' final rows. What the sinks are asked for meanwhile lies elsewhere, and the rest has been read.
  const [sinks, reconciliation] = await Promise.all([
    measureSinks({ folder: out.path, buckets, definitions, pipeline, metricsPipeline, tumblingMs, records, ...read }),
    reconcileDay(runtime, fed, out.name),
  ]);
  await writePage(ran, pipeline, entities, rows, reconciliation);
  const { views, checks } = sinks;
  const addsUp = views.every((view) => view.addsUp) && checks.every(({ holds }) => holds);
  // What was given up is found as that, and is no fault of the run's.
  const isReconciled = reconciliation.holds || failedRecords > 0;
  const { kills = 0, lostAnswers = 0 } = stats.functions.UpdateFeatures ?? {};
  const report: Report = {
    ok: fed.notPut.length === 0 && addsUp && isReconciled,
    source: source.about,
    stream: { records: fed.records, shards: ran.shards, firstArrival: iso(fed.firstMs), lastArrival: iso(fed.lastMs) },
    throttled: fed.throttled,
    notPut: fed.notPut,
    views,
    redeliveries: { batches: kills + lostAnswers, records: stats.mappings.UpdateFeaturesStream?.redelivered ?? 0 },
    faults: ran.faults,
    functionErrors: await readFunctionErrors(stats.functions, join(out.path, "logs"), join(out.name, "logs")),
    checks,
    metrics: sinks.metrics,
    lake: sinks.lake,
    quarantine: sinks.quarantine,
    lateness: sinks.lateness,
    alarms,
    asOf: iso(fed.lastMs),
    examples,
    table,
    metricsTable,
    files: filesOf(out, buckets, definitions.features.partitionKey),
    parameters: ran.parameters,
    notSimulated: runtime.notSimulated,
    reconciliation,
    speed: speed(),
  };
  writeFileSync(join(out.path, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  return report;
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

function readRows({ runtime, fed }: Ran, metrics: MetricsPipeline): Promise<MetricRows> {
  const table = runtime.physicalId("MetricsTable");
  return readMetricRows(metrics, { endpoint: runtime.url, table, fromMs: fed.firstMs, toMs: fed.lastMs });
}

function bucketsOf({ runtime, out }: Ran): Buckets {
  const folder = (logicalId: string): string => join(out.path, runtime.physicalId(logicalId));
  return { raw: folder("RawBucket"), lake: folder("LakeBucket"), failed: folder("FailedBucket") };
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
function filesOf(out: NamedPath, buckets: Buckets, key: string): Report["files"] {
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
