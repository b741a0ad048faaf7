import { dynamoDbClient, idempotentOnce, powertoolsTelemetry, readConfig, text } from "@millrace/aws";
import { notify } from "./notify.ts";

const config = readConfig(process.env, { idempotencyTable: text("IDEMPOTENCY_TABLE") });
/** Longer than a message can wait in its queue and among the dead letters (14 days each). */
const KEEP_SECONDS = 30 * 86_400;

export const handler = notify({
  once: idempotentOnce({
    client: dynamoDbClient(),
    table: config.idempotencyTable,
    actor: "notify",
    keepSeconds: KEEP_SECONDS,
  }),
  telemetry: powertoolsTelemetry(),
});
