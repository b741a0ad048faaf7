import { powertoolsTelemetry, readConfig, s3Client, s3WorkFiles, text } from "@millrace/aws";
import { reportReplay } from "./report-replay.ts";

const config = readConfig(process.env, { lakeBucket: text("LAKE_BUCKET") });

export const handler = reportReplay({
  files: s3WorkFiles(s3Client(), config.lakeBucket),
  telemetry: powertoolsTelemetry(),
  now: () => Date.now(),
});
