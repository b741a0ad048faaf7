import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { Raised } from "@millrace/engine";
import type { AlertBus, Unpublished } from "./alert-bus.ts";
import { mapAtMost } from "./at-most.ts";
import type { Once } from "./once.ts";

export const ALERT_SOURCE = "millrace";
export const ALERT_TYPE = "alert";
/** Alerts under way at one time. */
const CONCURRENCY = 8;

/** What is known of an alert that was raised: as long as the stream can deliver a record again, and a day longer. */
export function alertKeepSeconds(retentionHours: number): number {
  return (retentionHours + 24) * 3600;
}

export interface EventBridgeAlertsOptions {
  readonly client: Pick<EventBridgeClient, "send">;
  readonly bus: string;
  readonly once: Once;
}

/** What consumers get as `detail`: times are ISO. */
export type AlertDetail = Omit<Raised, "startMs" | "endMs"> & { readonly start: string; readonly end: string };

export function eventBridgeAlerts({ client, bus, once }: EventBridgeAlertsOptions): AlertBus {
  const put = async (alert: Raised): Promise<void> => {
    const entry = {
      EventBusName: bus,
      Source: ALERT_SOURCE,
      DetailType: ALERT_TYPE,
      Detail: JSON.stringify(toDetail(alert)),
    };
    const { FailedEntryCount: failed, Entries: entries } = await client.send(
      new PutEventsCommand({ Entries: [entry] }),
    );
    if (failed !== 0) throw new Error(`${entries?.[0]?.ErrorCode}: ${entries?.[0]?.ErrorMessage}`);
  };
  return {
    async publish(alerts) {
      const outcomes = await mapAtMost(CONCURRENCY, alerts, async (alert): Promise<Unpublished | null> => {
        try {
          await once(alert.id, () => put(alert));
          return null;
        } catch (error) {
          return { alert, cause: String(error) };
        }
      });
      return outcomes.filter((outcome) => outcome !== null);
    },
  };
}

function toDetail({ startMs, endMs, ...rest }: Raised): AlertDetail {
  return { ...rest, start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}
