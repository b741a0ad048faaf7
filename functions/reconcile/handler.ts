import {
  dynamoDbClient,
  dynamoMetricsStore,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3ReportObjects,
  s3ResultObjects,
  s3RowObjects,
  text,
} from "@millrace/aws";
import { compile, compileMetrics } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics } from "#definitions/metrics.ts";
import { reconcile } from "./reconcile.ts";

const config = readConfig(process.env, {
  metricsTable: text("METRICS_TABLE"),
  bucket: text("LAKE_BUCKET"),
  stack: text("STACK_NAME"),
});
const place = { client: s3Client(), bucket: config.bucket };

export const handler = reconcile({
  metrics: compileMetrics(metrics, compile(features, eventSchema)),
  rows: s3RowObjects(place),
  results: s3ResultObjects(place),
  reports: s3ReportObjects(place),
  store: dynamoMetricsStore({
    client: dynamoDbClient(),
    table: config.metricsTable,
    // It only reads.
    keepMs: () => 0,
    now: () => 0,
  }),
  stack: config.stack,
  telemetry: powertoolsTelemetry(),
});
