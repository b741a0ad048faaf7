import {
  countItems,
  deliveryCreatedMs,
  dynamoDbClient,
  firehoseClient,
  flag,
  kinesisClient,
  kinesisReader,
  number,
  readConfig,
  s3Client,
  s3GivenUp,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, compileMetrics, itemTtlMs, partitionBounds } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics } from "#definitions/metrics.ts";
import { planReconcile } from "./plan-reconcile.ts";

const config = readConfig(process.env, {
  bucket: text("LAKE_BUCKET"),
  stream: text("EVENT_STREAM"),
  featuresTable: text("FEATURES_TABLE"),
  failedBucket: text("FAILED_BUCKET"),
  rawDelivery: text("RAW_DELIVERY"),
  curatedDelivery: text("CURATED_DELIVERY"),
  pastHours: wholeNumber("PARTITION_PAST_HOURS", { least: 1 }),
  futureHours: wholeNumber("PARTITION_FUTURE_HOURS", { least: 0 }),
  deliverySeconds: wholeNumber("DELIVERY_BUFFER_SECONDS", { least: 0 }),
  transformSeconds: wholeNumber("TRANSFORM_BUFFER_SECONDS", { least: 0 }),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
  metricsSeconds: wholeNumber("METRICS_WINDOW_SECONDS", { least: 1 }),
  samplePerMille: wholeNumber("SAMPLE_PER_MILLE", { least: 0 }),
  thresholdPercent: number("THRESHOLD_PERCENT", { least: 0 }),
  wholeHistory: flag("WHOLE_HISTORY"),
  readStream: flag("READ_STREAM"),
  selfRepair: flag("SELF_REPAIR"),
});
const pipeline = compile(features, eventSchema);
const firehose = firehoseClient();
const dynamo = dynamoDbClient();
const HOUR_MS = 3_600_000;

/** Deliveries take up to one and a half times their buffer, a window of metrics two minutes after its end; and some are tried again. */
const settleSeconds = 2 * (config.deliverySeconds + config.transformSeconds) + config.metricsSeconds + 600;

export const handler = planReconcile({
  metrics: compileMetrics(metrics, pipeline),
  defaults: config,
  settings: {
    bucket: config.bucket,
    settleMs: settleSeconds * 1000,
    ...partitionBounds(pipeline, config),
    buckets: 16,
    ttlMs: (view) => itemTtlMs(pipeline, view, config.retentionHours),
  },
  stream: kinesisReader({ client: kinesisClient(), stream: config.stream }),
  retentionMs: config.retentionHours * HOUR_MS,
  countItems: () => countItems(dynamo, config.featuresTable),
  givenUp: s3GivenUp(s3Client(), config.failedBucket),
  deliveriesCreatedMs: () =>
    Promise.all([config.rawDelivery, config.curatedDelivery].map((name) => deliveryCreatedMs(firehose, name))),
});
