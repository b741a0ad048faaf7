import {
  dynamoDbClient,
  dynamoMetricsStore,
  keepBatchesYoung,
  powertoolsTelemetry,
  readConfig,
  text,
} from "@millrace/aws";
import { compile, compileMetrics, metricKeepMs } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics as definitions } from "#definitions/metrics.ts";
import { rollUpMetrics } from "./roll-up-metrics.ts";

keepBatchesYoung();
const config = readConfig(process.env, { metricsTable: text("METRICS_TABLE") });
const metrics = compileMetrics(definitions, compile(features, eventSchema));
const now = () => Date.now();

export const handler = rollUpMetrics({
  metrics,
  store: dynamoMetricsStore({
    client: dynamoDbClient(),
    table: config.metricsTable,
    keepMs: (metric) => metricKeepMs(metrics, metric),
    now,
  }),
  telemetry: powertoolsTelemetry(),
  now,
});
