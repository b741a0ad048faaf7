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
  wholeNumber,
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
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
});
/** A repair begins when a person has read of it. */
const STREAM_MARGIN_MS = 3_600_000;
const lake = { client: s3Client(), bucket: config.bucket };

/** The local runtime gives its functions its address, and CloudFormation does not know its stack. */
const { AWS_ENDPOINT_URL: endpoint = "" } = process.env;

export const handler = reconcile({
  metrics: compileMetrics(metrics, compile(features, eventSchema)),
  rows: s3RowObjects(lake),
  results: s3ResultObjects(lake),
  reports: s3ReportObjects(lake),
  store: dynamoMetricsStore({
    client: dynamoDbClient(),
    table: config.metricsTable,
    // It only reads.
    keepMs: () => 0,
    now: () => 0,
  }),
  streamFromMs: () => Date.now() - config.retentionHours * 3_600_000 + STREAM_MARGIN_MS,
  stack: config.stack,
  place: endpoint === "" ? `--stack ${config.stack}` : `--endpoint ${endpoint}`,
  telemetry: powertoolsTelemetry(),
});
