import type { Event } from "../decode.ts";
import { foldGrouped, type Items, type StateKey, stateId } from "../fold.ts";
import { comparePositions } from "../position.ts";
import { summarizeItem } from "../read.ts";
import { inStreamOrder } from "../stream-order.ts";
import type { AlertsPipeline } from "./compile.ts";
import { type Raised, raisedAlerts } from "./judge.ts";

/**
 * Alerts of events that span more arrival time than an item can answer for. They are folded in memory, run by run of arrival, and the item is
 * judged after each run: what it was then answers for that run's events.
 */

/** Of runs in stream order, folded into what is stored. Each id once. */
export function raisedInRuns(
  alerts: AlertsPipeline,
  stored: Items,
  key: StateKey,
  runs: readonly (readonly Event[])[],
): readonly Raised[] {
  const id = stateId(key);
  const raised = new Map<string, Raised>();
  let { items } = stored;
  for (const events of runs) {
    const part = { touched: [{ key, id, events }], notMatching: 0 };
    const [state] = foldGrouped(alerts.pipeline, { ...stored, items }, part).states;
    if (state !== undefined) items = new Map([[id, state.bytes]]);
    const bytes = items.get(id);
    if (bytes === undefined) continue;
    for (const alert of raisedAlerts(alerts, key, bytes, events)) raised.set(alert.id, alert);
  }
  return [...raised.values()];
}

/** Events cut so that no run spans more arrival time than the slack. */
export function inRunsOfArrival(events: readonly Event[], slackMs: number): readonly (readonly Event[])[] {
  const runs: Event[][] = [];
  let leastMs = Number.POSITIVE_INFINITY;
  let greatestMs = Number.NEGATIVE_INFINITY;
  for (const event of events) {
    const { arrivalMs } = event.record;
    leastMs = Math.min(leastMs, arrivalMs);
    greatestMs = Math.max(greatestMs, arrivalMs);
    const run = runs.at(-1);
    if (run !== undefined && greatestMs - leastMs <= slackMs) {
      run.push(event);
      continue;
    }
    leastMs = arrivalMs;
    greatestMs = arrivalMs;
    runs.push([event]);
  }
  return runs;
}

export interface JudgedItem {
  readonly key: StateKey;
  /** Its marks say which of the events are in it. */
  readonly bytes: Uint8Array;
  /** In any order, a position any number of times. */
  readonly events: readonly Event[];
  /** Only what cannot have been raised before (epoch ms). */
  readonly sinceMs: number;
}

/** What the events that an item contains raised or should have raised while they came in. */
export function raisedOverHistory(
  alerts: AlertsPipeline,
  { key, bytes, events, sinceMs }: JudgedItem,
): readonly Raised[] {
  const { pipeline } = alerts;
  if (!alerts.alerts.some(({ view }) => view.name === key.view)) return [];
  const { marks } = summarizeItem(pipeline, key.view, bytes);
  const contained = events.filter(({ record: { position } }) =>
    marks.some((mark) => mark.shard === position.shard && comparePositions(position, mark) <= 0),
  );
  const runs = inRunsOfArrival(inStreamOrder(contained, pipeline.slackMs), pipeline.slackMs);
  const raised = raisedInRuns(alerts, { items: new Map(), siblings: new Map() }, key, runs);
  return raised.filter((alert) => earliestRaiseMs(alerts, alert) >= sinceMs);
}

/** Before that nobody can have raised this id: the first window that has it holds no event that can have arrived earlier. */
function earliestRaiseMs({ alerts, pipeline }: AlertsPipeline, { alert: name, startMs, endMs }: Raised): number {
  const onceInMs = alerts.find((alert) => alert.name === name)?.onceInMs ?? 0;
  return Math.floor(endMs / onceInMs) * onceInMs - (endMs - startMs) - pipeline.maxSkewMs;
}
