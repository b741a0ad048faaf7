import { type AlertDetail, forEachMessage, type Once, type Telemetry } from "@millrace/aws";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";

export interface Deps {
  readonly once: Once;
  readonly telemetry: Telemetry;
}

/**
 * Acts on each alert once, by its id: EventBridge and SQS may deliver one twice. Here the act is a line in the log and a count; a team puts its
 * own in the place of `act`. Messages that fail are reported and come again, at last into the queue of dead letters.
 */
export function notify(deps: Deps) {
  return (event: SQSEvent): Promise<SQSBatchResponse> =>
    forEachMessage(event, async (body) => {
      const alert = fromMessage(body);
      await deps.once(alert.id, async () => act(deps, alert));
    });
}

function act({ telemetry }: Deps, alert: AlertDetail): void {
  telemetry.batch({ counts: { Alerts: 1 }, context: { ...alert }, level: "warn", message: "alert" });
}

/** Throws for what is no alert: the message then ends among the dead letters, where somebody looks at it. */
function fromMessage(body: string): AlertDetail {
  const { detail } = JSON.parse(body) as { readonly detail?: AlertDetail };
  if (typeof detail?.id === "string" && typeof detail.alert === "string") return detail;
  throw new TypeError(`expected an event of EventBridge with an alert as "detail", got ${body.slice(0, 100)}`);
}
