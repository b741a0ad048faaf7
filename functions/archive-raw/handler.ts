import { powertoolsTelemetry } from "@millrace/aws";
import { archiveRaw } from "./archive-raw.ts";

export const handler = archiveRaw({ telemetry: powertoolsTelemetry() });
