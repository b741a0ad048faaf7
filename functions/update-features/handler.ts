import {
  alertKeepSeconds,
  dynamoDbClient,
  dynamoStateStore,
  eventBridgeAlerts,
  eventBridgeClient,
  firehoseClient,
  firehoseQuarantine,
  idempotentOnce,
  keepBatchesYoung,
  powertoolsTelemetry,
  readConfig,
  s3Client,
  text,
  wholeNumber,
} from "@millrace/aws";
import { compile, compileAlerts, itemTtlMs } from "@millrace/engine";
import { alerts as alertDefinitions } from "#definitions/alerts.ts";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { refuseSharedLanes } from "./refuse-shared-lanes.ts";
import { updateFeatures } from "./update-features.ts";

keepBatchesYoung();
const config = readConfig(process.env, {
  featuresTable: text("FEATURES_TABLE"),
  quarantineDelivery: text("QUARANTINE_DELIVERY"),
  lakeBucket: text("LAKE_BUCKET"),
  alertBus: text("ALERT_BUS"),
  idempotencyTable: text("IDEMPOTENCY_TABLE"),
  parallelizationFactor: wholeNumber("PARALLELIZATION_FACTOR", { least: 1 }),
  retentionHours: wholeNumber("RETENTION_HOURS", { least: 24 }),
});
const pipeline = compile(features, eventSchema);
refuseSharedLanes(pipeline, config.parallelizationFactor);
const now = () => Date.now();
const dynamo = dynamoDbClient();
const alerts = compileAlerts(alertDefinitions, features, pipeline);
const keepSeconds = alertKeepSeconds(config.retentionHours);

export const handler = updateFeatures({
  pipeline,
  store: dynamoStateStore({
    client: dynamo,
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
  ...(alerts.alerts.length > 0 && {
    alerting: {
      alerts,
      bus: eventBridgeAlerts({
        client: eventBridgeClient(),
        bus: config.alertBus,
        once: idempotentOnce({ client: dynamo, table: config.idempotencyTable, actor: "raise", keepSeconds }),
      }),
    },
  }),
  telemetry: powertoolsTelemetry(),
  now,
});
