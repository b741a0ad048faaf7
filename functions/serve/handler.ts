import {
  cloudWatchClient,
  cloudWatchLag,
  dynamoDbClient,
  dynamoFeatureReader,
  dynamoMetricsStore,
  powertoolsTelemetry,
  readConfig,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, compileMetrics, metricKeepMs } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics as definitions } from "#definitions/metrics.ts";
import { serve } from "./serve.ts";

const config = readConfig(process.env, {
  featuresTable: text("FEATURES_TABLE"),
  metricsTable: text("METRICS_TABLE"),
  featuresFunction: text("FEATURES_FUNCTION"),
  metricsFunction: text("METRICS_FUNCTION"),
  eventStream: text("EVENT_STREAM"),
  objectiveSeconds: wholeNumber("FRESHNESS_OBJECTIVE_SECONDS", { least: 1 }),
});
const metrics = compileMetrics(definitions, compile(features, eventSchema));
const now = () => Date.now();
const dynamo = dynamoDbClient();
const cloudWatch = cloudWatchClient();
const lagOf = (functionName: string) =>
  cloudWatchLag({ client: cloudWatch, stream: config.eventStream, functionName, now });

export const handler = serve({
  metrics,
  reader: dynamoFeatureReader({ client: dynamo, table: config.featuresTable }),
  store: dynamoMetricsStore({
    client: dynamo,
    table: config.metricsTable,
    keepMs: (metric) => metricKeepMs(metrics, metric),
    now,
  }),
  lag: { features: lagOf(config.featuresFunction), metrics: lagOf(config.metricsFunction) },
  objectiveMs: config.objectiveSeconds * 1000,
  telemetry: powertoolsTelemetry(),
  now,
});
