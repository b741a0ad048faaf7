import type { AlertBus } from "@millrace/aws";
import {
  type AlertsPipeline,
  type Event,
  type FoldedState,
  type Items,
  inRunsOfArrival,
  type Raised,
  raisedAlerts,
  raisedInRuns,
} from "@millrace/engine";
import type { Failure, Settled } from "./commit.ts";

export interface AlertDeps {
  readonly alerts: AlertsPipeline;
  readonly bus: AlertBus;
}

export interface Alerted {
  readonly raised: number;
  /** What must be delivered again: where the items begin whose alerts could not be published. */
  readonly failures: readonly Failure[];
}

/**
 * Judges every item that a batch touched, also when all of its events were redeliveries: the function may have died between the commit and the
 * alert. That an alert goes out once is the bus's to see to.
 */
export async function raiseAlerts({ alerts, bus }: AlertDeps, settled: readonly Settled[]): Promise<Alerted> {
  const origin = new Map<Raised, Settled>();
  for (const item of settled)
    for (const alert of raisedAlerts(alerts, item.key, item.bytes, item.events)) origin.set(alert, item);
  if (origin.size === 0) return { raised: 0, failures: [] };
  const unpublished = await bus.publish([...origin.keys()]);
  const failures = unpublished.map(({ alert, cause }) => {
    const { events } = origin.get(alert) as Settled;
    return { position: (events[0] as Event).record.position, cause: `alert: ${cause}` };
  });
  return { raised: origin.size, failures };
}

/**
 * Alerts of what an item leaves behind: where its events span more arrival time than the slack, as when a reader catches up, the item as
 * it will be saved cannot answer for the first of them any more. They are judged part by part in memory, and their alerts go out before the item is
 * saved: afterwards nothing could raise them again. Gives the items that must not be saved, with the reason.
 */
export async function raiseEarlier(
  { alerts, bus }: AlertDeps,
  stored: Items,
  folded: readonly FoldedState[],
): Promise<ReadonlyMap<string, string>> {
  const origin = new Map<Raised, string>();
  for (const { key, id, events } of folded) {
    const earlier = inRunsOfArrival(events, alerts.pipeline.slackMs).slice(0, -1);
    for (const alert of raisedInRuns(alerts, stored, key, earlier)) origin.set(alert, id);
  }
  if (origin.size === 0) return new Map();
  const unpublished = await bus.publish([...origin.keys()]);
  return new Map(unpublished.map(({ alert, cause }) => [origin.get(alert) as string, `alert: ${cause}`]));
}
