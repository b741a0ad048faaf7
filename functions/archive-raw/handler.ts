import { keepBatchesYoung, powertoolsTelemetry } from "@millrace/aws";
import { archiveRaw } from "./archive-raw.ts";

keepBatchesYoung();

export const handler = archiveRaw({ telemetry: powertoolsTelemetry() });
