import {
  chunkReader,
  firehoseClient,
  firehoseReturns,
  firehoseSink,
  keepBatchesYoung,
  kinesisClient,
  kinesisReader,
  kinesisSink,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3LakeStamps,
  s3ReplayControl,
  s3WorkFiles,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { replayRecords } from "./replay-records.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  lakeBucket: text("LAKE_BUCKET"),
  repairDelivery: text("REPAIR_DELIVERY"),
  quarantineDelivery: text("QUARANTINE_DELIVERY"),
  replayStream: text("REPLAY_STREAM"),
  eventStream: text("EVENT_STREAM"),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
  bufferSeconds: wholeNumber("DELIVERY_BUFFER_SECONDS", { least: 0 }),
});
const s3 = s3Client();
const firehose = firehoseClient();
const curated = firehoseSink({ firehose, deliveryStream: config.repairDelivery });
const kinesis = kinesisClient();
const replayStream = kinesisSink({ client: kinesis, stream: config.replayStream });

export const handler = replayRecords({
  pipeline: compile(features, eventSchema),
  read: chunkReader({
    s3,
    stream: kinesisReader({ client: kinesis, stream: config.eventStream }),
    retentionMs: config.retentionHours * 3_600_000,
    now: () => Date.now(),
  }),
  sinkOf: (target) => (target === "replay-stream" ? replayStream : curated),
  returns: firehoseReturns({ firehose, s3, deliveryStream: config.quarantineDelivery, bucket: config.lakeBucket }),
  control: s3ReplayControl(s3, config.lakeBucket),
  stamps: s3LakeStamps(s3, config.lakeBucket),
  files: s3WorkFiles(s3, config.lakeBucket),
  bufferSeconds: config.bufferSeconds,
  telemetry: powertoolsTelemetry(),
  now: () => Date.now(),
});
