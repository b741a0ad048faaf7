import { dynamoDbClient, dynamoMetricsStore, powertoolsTelemetry, readConfig, text } from "@millrace/aws";
import { compile, compileMetrics, metricKeepMs } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics as definitions } from "#definitions/metrics.ts";
import { drawPanel } from "./draw-panel.ts";

const config = readConfig(process.env, { metricsTable: text("METRICS_TABLE") });
const metrics = compileMetrics(definitions, compile(features, eventSchema));
const now = () => Date.now();

export const handler = drawPanel({
  definitions,
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
