import {
  dynamoDbClient,
  dynamoStateStore,
  firehoseClient,
  firehoseQuarantine,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { itemTtlMs } from "./item-ttl.ts";
import { refuseSharedLanes } from "./refuse-shared-lanes.ts";
import { updateFeatures } from "./update-features.ts";

const config = readConfig(process.env, {
  featuresTable: text("FEATURES_TABLE"),
  quarantineDelivery: text("QUARANTINE_DELIVERY"),
  lakeBucket: text("LAKE_BUCKET"),
  parallelizationFactor: wholeNumber("PARALLELIZATION_FACTOR", { least: 1 }),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
});
const pipeline = compile(features, eventSchema);
refuseSharedLanes(pipeline, config.parallelizationFactor);
const now = () => Date.now();

export const handler = updateFeatures({
  pipeline,
  store: dynamoStateStore({
    client: dynamoDbClient(),
    table: config.featuresTable,
    ttlMs: (view) => itemTtlMs(pipeline, view, config.retentionHours),
    now,
  }),
  quarantine: firehoseQuarantine({
    firehose: firehoseClient(),
    s3: s3Client(),
    deliveryStream: config.quarantineDelivery,
    bucket: config.lakeBucket,
  }),
  telemetry: powertoolsTelemetry(),
  now,
});
