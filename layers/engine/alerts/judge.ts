import type { FeatureValue } from "../aggregate.ts";
import { decodeState } from "../codec.ts";
import type { Resolution } from "../compile.ts";
import { composeWindow } from "../compose.ts";
import type { Event } from "../decode.ts";
import { roundUp, tileStartMs } from "../lattice.ts";
import type { State } from "../state.ts";
import { allTiles, slotsOf, type TileList } from "../tiles.ts";
import type { AlertsPipeline, CompiledAlert, CompiledThreshold } from "./compile.ts";

/**
 * Which alerts an item's windows raise. It goes by the item and the events alone, never by a clock: the same events give the same alerts
 * whatever the order, the batches and the redeliveries in which they came. A window is judged when a feature of the condition got something
 * in its last step and one of the given events lies in it: an old burst does not ring in every window that still contains it.
 *
 * An item answers for windows that end up to lateness and slack before its greatest arrival. So the events given must have arrived at most the
 * slack before it; `update-features` sees to that.
 */
export interface Raised {
  /** Of the alert, the entity and the window: the same again is the same alert. */
  readonly id: string;
  readonly alert: string;
  readonly version: number;
  readonly view: string;
  readonly entity: string;
  /** Half-open (epoch ms). */
  readonly startMs: number;
  readonly endMs: number;
  /** Of the condition's features. */
  readonly values: Readonly<Record<string, FeatureValue>>;
}

/** In the order of alerts and windows; each id once. `events` need not be in it. */
export function raisedAlerts(
  { pipeline, alerts }: AlertsPipeline,
  { view, entity }: { readonly view: string; readonly entity: string },
  bytes: Uint8Array,
  events: readonly Pick<Event, "timeMs">[],
): readonly Raised[] {
  const own = alerts.filter((alert) => alert.view.name === view);
  const [first] = own;
  if (first === undefined) return [];
  const state = decodeState(first.view, bytes);
  const earliestMs = state.greatestArrivalMs - pipeline.allowedLatenessMs - pipeline.slackMs;
  return own.flatMap((alert) => raisedBy(alert, entity, state, earliestMs, events));
}

function raisedBy(
  alert: CompiledAlert,
  entity: string,
  state: State,
  earliestMs: number,
  events: readonly Pick<Event, "timeMs">[],
): readonly Raised[] {
  const { view, window, resolution: r, thresholds, onceInMs } = alert;
  const resolution = view.resolutions[r] as Resolution;
  const list = state.tiles[r] as TileList;
  const filled = allTiles(list).map((tile) => ({ index: tile.index, slots: slotsOf(resolution, list, tile) }));
  const tiles = view.resolutions.map((_, i) => (i === r ? filled : []));
  const ends = filled
    .filter(({ slots }) => thresholds.some(({ compiled }) => slots[compiled.slot] !== undefined))
    .map(({ index }) => roundUp(tileStartMs(resolution, index + 1), window.stepMs, window.offsetMs));

  const raised = new Map<string, Raised>();
  for (const endMs of [...new Set(ends)].sort((a, b) => a - b)) {
    const startMs = endMs - window.sizeMs;
    if (endMs < earliestMs || !events.some(({ timeMs }) => timeMs >= startMs && timeMs < endMs)) continue;
    const judged = ({ compiled }: CompiledThreshold) => composeWindow(view, compiled, tiles, { startMs, endMs });
    const values = thresholds.map(judged);
    if (!thresholds.some((threshold, i) => isPassed(threshold, values[i] as FeatureValue))) continue;
    const id = idOf(alert, entity, Math.floor(endMs / onceInMs) * onceInMs);
    if (raised.has(id)) continue;
    const named = Object.fromEntries(thresholds.map(({ feature }, i) => [feature, values[i] as FeatureValue]));
    const { name, version } = alert;
    raised.set(id, { id, alert: name, version, view: view.name, entity, startMs, endMs, values: named });
  }
  return [...raised.values()];
}

function idOf({ name, version }: CompiledAlert, entity: string, atMs: number): string {
  return `${name}@${version}#${new Date(atMs).toISOString()}#${entity}`;
}

function isPassed({ kind, value: bound }: CompiledThreshold, value: FeatureValue): boolean {
  const number = numberIn(value);
  return number !== null && (kind === "above" ? number > bound : number >= bound);
}

/** Beyond its limit a distinct count says what it is at least. */
function numberIn(value: FeatureValue): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "object" || value === null) return null;
  if ("estimate" in value) return value.estimate;
  return "atLeast" in value ? value.atLeast : null;
}
