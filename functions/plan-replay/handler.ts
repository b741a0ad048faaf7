import {
  dynamoDbClient,
  dynamoMetricsStore,
  idempotentClaim,
  kinesisClient,
  kinesisReader,
  powertoolsTelemetry,
  readConfig,
  s3ArchiveObjects,
  s3Client,
  s3FailedBatches,
  s3LakeSize,
  s3LakeStamps,
  s3RepairErrors,
  s3ReplayControl,
  s3RowObjects,
  s3WorkFiles,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, compileMetrics, itemTtlMs, metricKeepMs, partitionBounds } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { metrics as definitions } from "#definitions/metrics.ts";
import { planReplay } from "./plan-replay.ts";

const config = readConfig(process.env, {
  rawBucket: text("RAW_BUCKET"),
  lakeBucket: text("LAKE_BUCKET"),
  failedBucket: text("FAILED_BUCKET"),
  eventStream: text("EVENT_STREAM"),
  featuresFunction: text("FEATURES_FUNCTION"),
  idempotencyTable: text("IDEMPOTENCY_TABLE"),
  metricsTable: text("METRICS_TABLE"),
  replayStream: text("REPLAY_STREAM"),
  bufferSeconds: wholeNumber("DELIVERY_BUFFER_SECONDS", { least: 0 }),
  transformSeconds: wholeNumber("TRANSFORM_BUFFER_SECONDS", { least: 0 }),
  pastHours: wholeNumber("PARTITION_PAST_HOURS", { least: 1 }),
  futureHours: wholeNumber("PARTITION_FUTURE_HOURS", { least: 0 }),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
  pipelineVersion: wholeNumber("PIPELINE_VERSION", { least: 1 }),
  windowSeconds: wholeNumber("METRICS_WINDOW_SECONDS", { least: 1 }),
});
/** Whoever asks for the same within this time is told that it was done. */
const KEEP_SECONDS = 90 * 86_400;
/** Delivery may take 1.5 times its buffer, after the transform's; and a minute for all else. */
const lagSeconds = config.transformSeconds + 1.5 * config.bufferSeconds + 60;
const retentionMs = config.retentionHours * 3_600_000;
const s3 = s3Client();
const dynamoDb = dynamoDbClient();
const pipeline = compile(features, eventSchema);
const metrics = compileMetrics(definitions, pipeline);

const files = s3WorkFiles(s3, config.lakeBucket);

export const handler = planReplay({
  objects: s3ArchiveObjects(s3, config.rawBucket),
  stream: kinesisReader({ client: kinesisClient(), stream: config.eventStream }),
  streamName: config.eventStream,
  retentionMs,
  claim: idempotentClaim({
    client: dynamoDb,
    table: config.idempotencyTable,
    actor: "replay",
    keepSeconds: KEEP_SECONDS,
  }),
  control: s3ReplayControl(s3, config.lakeBucket),
  stamps: s3LakeStamps(s3, config.lakeBucket),
  files,
  lake: s3LakeSize(s3, config.lakeBucket),
  rows: s3RowObjects({ client: s3, bucket: config.lakeBucket }),
  repairErrors: s3RepairErrors(s3, files),
  pipelineVersion: config.pipelineVersion,
  pipeline,
  metrics,
  tumblingMs: config.windowSeconds * 1000,
  store: dynamoMetricsStore({
    client: dynamoDb,
    table: config.metricsTable,
    keepMs: (metric) => metricKeepMs(metrics, metric),
    now: () => Date.now(),
  }),
  ...partitionBounds(pipeline, config),
  hasReplayStream: config.replayStream !== "none",
  failed: s3FailedBatches(s3, {
    bucket: config.failedBucket,
    functionName: config.featuresFunction,
    retentionMs,
  }),
  ttlMs: (view) => itemTtlMs(pipeline, view, config.retentionHours),
  lagMs: lagSeconds * 1000,
  telemetry: powertoolsTelemetry(),
  now: () => Date.now(),
});
