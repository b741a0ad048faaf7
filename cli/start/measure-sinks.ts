/** What lies in the archive and the lake, read where it lies, and held against the stream, the views and the metrics. */
import { join } from "node:path";
import type { MetricsPipeline, Pipeline } from "@millrace/engine";
import type { RuntimeStats } from "../../local/runtime.ts";
import type { Definitions } from "../definitions.ts";
import { accountViews, check, checkOnce, checkSinks } from "./conservation.ts";
import { type Lake, openLake } from "./lake.ts";
import { type Buckets, listQuarantine, measureParts } from "./lake-parts.ts";
import { measureLateness } from "./lateness.ts";
import { accountMetrics, type MetricRows } from "./metrics.ts";
import type { Report } from "./report.ts";
import type { Entity } from "./table.ts";

export interface SinksToMeasure {
  /** The run's folder, and those of its buckets. */
  readonly folder: string;
  readonly buckets: Buckets;
  readonly definitions: Definitions;
  readonly pipeline: Pipeline;
  readonly metricsPipeline: MetricsPipeline;
  /** Of `roll-up-metrics`. */
  readonly tumblingMs: number;
  /** Those put on the stream. */
  readonly records: number;
  readonly entities: readonly Entity[];
  readonly rows: MetricRows;
  readonly failedRecords: number;
  readonly stats: RuntimeStats;
}

export type Sinks = Pick<Report, "views" | "checks" | "metrics" | "lake" | "quarantine" | "lateness">;

export async function measureSinks(asked: SinksToMeasure): Promise<Sinks> {
  const { folder, buckets, definitions } = asked;
  const put = join(folder, "stream.ndjson");
  const lake = await openLake({ put, raw: buckets.raw, lake: buckets.lake }, definitions.eventSchema);
  try {
    return await measureIn(lake, asked);
  } finally {
    lake.close();
  }
}

async function measureIn(lake: Lake, asked: SinksToMeasure): Promise<Sinks> {
  const { buckets, definitions, pipeline, metricsPipeline, tumblingMs, rows, failedRecords, stats } = asked;
  const views = await accountViews(lake, pipeline, asked.entities, failedRecords);
  const delivered = (logicalId: string): number => stats.deliveries[logicalId]?.delivered ?? 0;
  const sinks = await checkSinks(lake, {
    raw: delivered("RawDelivery"),
    curated: delivered("CuratedDelivery"),
    quarantine: delivered("QuarantineDelivery"),
  });
  const mapping = stats.mappings.UpdateFeaturesStream;
  const answered = (mapping?.succeeded ?? 0) + (mapping?.discarded ?? 0);
  const promise = "every record was handed to update-features, and answered for or given up";
  const metrics = await accountMetrics(lake, definitions.metrics, metricsPipeline, rows, tumblingMs);
  const once = await checkOnce(lake, pipeline, views);
  return {
    views,
    checks: [check(promise, asked.records, answered), ...sinks, ...once, ...metrics.checks],
    metrics: metrics.accounts,
    lake: await measureParts(lake, buckets, failedRecords),
    quarantine: await listQuarantine(lake, join(asked.folder, "quarantined.ndjson")),
    lateness: await measureLateness(lake, definitions.features, definitions.eventSchema.timeColumn),
  };
}
