import {
  dynamoDbClient,
  dynamoMetricsStore,
  keepBatchesYoung,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3ReplayControl,
  s3ResultObjects,
  s3RowObjects,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, compileMetrics, metricKeepMs } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics as definitions } from "#definitions/metrics.ts";
import { finalizeMetrics } from "./finalize-metrics.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  metricsTable: text("METRICS_TABLE"),
  bucket: text("LAKE_BUCKET"),
  windowSeconds: wholeNumber("METRICS_WINDOW_SECONDS", { least: 1 }),
});
const metrics = compileMetrics(definitions, compile(features, eventSchema));
const client = s3Client();

export const handler = finalizeMetrics({
  metrics,
  tumblingMs: config.windowSeconds * 1000,
  rows: s3RowObjects({ client, bucket: config.bucket }),
  results: s3ResultObjects({ client, bucket: config.bucket }),
  store: dynamoMetricsStore({
    client: dynamoDbClient(),
    table: config.metricsTable,
    keepMs: (metric) => metricKeepMs(metrics, metric),
    now: () => Date.now(),
  }),
  control: s3ReplayControl(client, config.bucket),
  telemetry: powertoolsTelemetry(),
});
