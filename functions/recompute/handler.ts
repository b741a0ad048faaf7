import {
  alertKeepSeconds,
  dynamoDbClient,
  dynamoEntityItems,
  dynamoStateStore,
  eventBridgeAlerts,
  eventBridgeClient,
  firehoseClient,
  firehoseQuarantine,
  idempotentOnce,
  keepBatchesYoung,
  kinesisClient,
  kinesisTail,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  s3LakeStamps,
  s3RecordArchive,
  s3ReplayControl,
  s3ResultObjects,
  s3RowObjects,
  s3TailFiles,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, compileAlerts, ITEM_LIMITS, itemTtlMs, viewOf } from "@millrace/engine";
import { alerts as alertDefinitions } from "#definitions/alerts.ts";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { MOST_LISTED_BYTES } from "./listed-items.ts";
import { recompute } from "./recompute.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  featuresTable: text("FEATURES_TABLE"),
  quarantineDelivery: text("QUARANTINE_DELIVERY"),
  lakeBucket: text("LAKE_BUCKET"),
  rawBucket: text("RAW_BUCKET"),
  eventStream: text("EVENT_STREAM"),
  alertBus: text("ALERT_BUS"),
  idempotencyTable: text("IDEMPOTENCY_TABLE"),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
});
const pipeline = compile(features, eventSchema);
const now = () => Date.now();
const table = { client: dynamoDbClient(), table: config.featuresTable };
const lake = { client: s3Client(), bucket: config.lakeBucket };
const alerts = compileAlerts(alertDefinitions, features, pipeline);
const keepSeconds = alertKeepSeconds(config.retentionHours);
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
  tailFiles: s3TailFiles(lake),
  mostListedBytes: MOST_LISTED_BYTES,
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
  control: s3ReplayControl(lake.client, lake.bucket),
  stamps: s3LakeStamps(lake.client, lake.bucket),
  ...(alerts.alerts.length > 0 && {
    alerting: {
      alerts,
      keepMs: keepSeconds * 1000,
      bus: eventBridgeAlerts({
        client: eventBridgeClient(),
        bus: config.alertBus,
        // As update-features does: what one has raised the other does not.
        once: idempotentOnce({ client: table.client, table: config.idempotencyTable, actor: "raise", keepSeconds }),
      }),
    },
  }),
  mostItemBytes: ITEM_LIMITS.hardBytes,
  ttlMs,
  telemetry: powertoolsTelemetry(),
  now,
});
