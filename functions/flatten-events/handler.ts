import { keepBatchesYoung, powertoolsTelemetry, readConfig, wholeNumber } from "@millrace/aws";
import { compile } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { flattenEvents } from "./flatten-events.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  pipelineVersion: wholeNumber("PIPELINE_VERSION", { least: 1 }),
  pastHours: wholeNumber("PARTITION_PAST_HOURS", { least: 0 }),
  futureHours: wholeNumber("PARTITION_FUTURE_HOURS", { least: 0 }),
});

export const handler = flattenEvents({
  pipeline: compile(features, eventSchema),
  ...config,
  telemetry: powertoolsTelemetry(),
});
