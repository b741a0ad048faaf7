import type { AlertBus } from "@millrace/aws";
import { type AlertsPipeline, type Event, type Raised, type Recomputed, raisedOverHistory } from "@millrace/engine";
import type { RecomputeTask } from "./task.ts";

export interface Alerting {
  readonly alerts: AlertsPipeline;
  readonly bus: AlertBus;
  /** How long it is known what was raised (ms). */
  readonly keepMs: number;
}

/** Longer than a run of recompute takes, and than clocks differ. */
const MARGIN_MS = 3_600_000;

/**
 * What an entity's events raise that come into its item by a recompute. What rang while they came in is among it: the bus knows and does not
 * raise it again, so nothing is judged that it may have forgotten. Of an item that comes from nothing under `latest` (its table was lost, or the view
 * is new) nothing is: all of its events are older than the loss, and rang or did not then. Where failed batches or recovered records are repaired an item
 * is judged also when it stays as it is: the run before may have died between its write and an alert, and so may the batch that was given up.
 */
export function alertsOf(
  { alerts, keepMs }: Alerting,
  { raiseTo }: RecomputeTask,
  { items }: Recomputed,
  events: readonly Event[],
  nowMs: number,
): readonly Raised[] {
  return items.flatMap(({ key, bytes, stored }) => {
    if (raiseTo === "latest" && stored === null) return [];
    const isRepaired = Array.isArray(raiseTo) || stored === null || Buffer.compare(bytes, stored) !== 0;
    return isRepaired ? raisedOverHistory(alerts, { key, bytes, events, sinceMs: nowMs - keepMs + MARGIN_MS }) : [];
  });
}

/** Before the items are written, since afterwards an item that is as it should be may not be judged again. Throws when one could not be published. */
export async function publish({ bus }: Alerting, raised: readonly Raised[]): Promise<number> {
  if (raised.length === 0) return 0;
  const unpublished = await bus.publish(raised);
  const [first] = unpublished;
  if (first !== undefined) throw new Error(`${unpublished.length} alerts could not be published: ${first.cause}`);
  return raised.length;
}
