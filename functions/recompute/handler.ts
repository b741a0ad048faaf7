import {
  dynamoDbClient,
  dynamoEntityItems,
  dynamoStateStore,
  firehoseClient,
  firehoseQuarantine,
  keepBatchesYoung,
  kinesisClient,
  kinesisTail,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3RecordArchive,
  s3ResultObjects,
  s3RowObjects,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, ITEM_LIMITS, itemTtlMs, viewOf } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { recompute } from "./recompute.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  featuresTable: text("FEATURES_TABLE"),
  quarantineDelivery: text("QUARANTINE_DELIVERY"),
  lakeBucket: text("LAKE_BUCKET"),
  rawBucket: text("RAW_BUCKET"),
  eventStream: text("EVENT_STREAM"),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
});
const pipeline = compile(features, eventSchema);
const now = () => Date.now();
const table = { client: dynamoDbClient(), table: config.featuresTable };
const lake = { client: s3Client(), bucket: config.lakeBucket };
const ttlMs = (view: string) => itemTtlMs(pipeline, view, config.retentionHours);

export const handler = recompute({
  pipeline,
  rows: s3RowObjects(lake),
  openTail: kinesisTail({
    client: kinesisClient(),
    stream: config.eventStream,
    retentionMs: config.retentionHours * 3_600_000,
    slackMs: pipeline.slackMs,
    now,
  }),
  items: dynamoEntityItems({ ...table, hasLanes: (view) => viewOf(pipeline, view).lanes }),
  store: dynamoStateStore({ ...table, ttlMs, now }),
  archive: s3RecordArchive(lake.client, config.rawBucket),
  quarantine: firehoseQuarantine({
    firehose: firehoseClient(),
    s3: lake.client,
    deliveryStream: config.quarantineDelivery,
    bucket: config.lakeBucket,
  }),
  results: s3ResultObjects(lake),
  mostItemBytes: ITEM_LIMITS.hardBytes,
  ttlMs,
  telemetry: powertoolsTelemetry(),
  now,
});
