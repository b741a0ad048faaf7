import {
  keepBatchesYoung,
  kinesisClient,
  kinesisReader,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3TailFiles,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { gatherTail } from "./gather-tail.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  eventStream: text("EVENT_STREAM"),
  lakeBucket: text("LAKE_BUCKET"),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
});

export const handler = gatherTail({
  pipeline: compile(features, eventSchema),
  stream: kinesisReader({ client: kinesisClient(), stream: config.eventStream }),
  files: s3TailFiles({ client: s3Client(), bucket: config.lakeBucket }),
  retentionMs: config.retentionHours * 3_600_000,
  telemetry: powertoolsTelemetry(),
  now: () => Date.now(),
});
