import type { AlertBus } from "@millrace/aws";
import { type AlertsPipeline, type Event, type Raised, raisedAlerts, type StreamRecord } from "@millrace/engine";
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
 * Cuts a batch so that no part spans more than the slack of arrival times, because an item cannot answer for windows that it has moved too
 * far beyond. A batch is cut only when the function catches up.
 */
export function inRunsOfArrival(
  records: readonly StreamRecord[],
  slackMs: number,
): readonly (readonly StreamRecord[])[] {
  const runs: StreamRecord[][] = [];
  let leastMs = Number.POSITIVE_INFINITY;
  let greatestMs = Number.NEGATIVE_INFINITY;
  for (const record of records) {
    leastMs = Math.min(leastMs, record.arrivalMs);
    greatestMs = Math.max(greatestMs, record.arrivalMs);
    const run = runs.at(-1);
    if (run !== undefined && greatestMs - leastMs <= slackMs) {
      run.push(record);
      continue;
    }
    leastMs = greatestMs = record.arrivalMs;
    runs.push([record]);
  }
  return runs;
}
