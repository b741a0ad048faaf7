import {
  dynamoDbClient,
  idempotentClaim,
  powertoolsTelemetry,
  readConfig,
  s3ArchiveObjects,
  s3Client,
  s3ReplayControl,
  s3WorkFiles,
  text,
} from "@millrace/aws";
import { planReplay } from "./plan-replay.ts";

const config = readConfig(process.env, {
  rawBucket: text("RAW_BUCKET"),
  lakeBucket: text("LAKE_BUCKET"),
  idempotencyTable: text("IDEMPOTENCY_TABLE"),
});
/** Whoever asks for the same within this time is told that it was done. */
const KEEP_SECONDS = 90 * 86_400;
const s3 = s3Client();

export const handler = planReplay({
  objects: s3ArchiveObjects(s3, config.rawBucket),
  claim: idempotentClaim({
    client: dynamoDbClient(),
    table: config.idempotencyTable,
    actor: "replay",
    keepSeconds: KEEP_SECONDS,
  }),
  control: s3ReplayControl(s3, config.lakeBucket),
  files: s3WorkFiles(s3, config.lakeBucket),
  telemetry: powertoolsTelemetry(),
});
