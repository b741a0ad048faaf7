import type { Bounds, FeatureValue } from "./aggregate.ts";
import { decodeState } from "./codec.ts";
import type { CompiledFeature, CompiledView, Pipeline, Resolution, Slot } from "./compile.ts";
import { DefinitionError } from "./define.ts";
import type { Position } from "./position.ts";
import type { State } from "./state.ts";
import { slotsOf, type Tile } from "./tiles.ts";

/**
 * Features are composed at read time: the tiles of all lanes that lie in the window are merged, then projected. As-of is a
 * multiple of the feature's step, *now* rounded up; the window is [asOf - size, asOf), so an event at or after as-of is in no
 * window yet. *Now* may lie back as far as the items keep everything: lateness plus slack before the newest arrival they have
 * seen. An earlier *now* is answered as of then.
 */

/** What an item says about itself. */
export interface ItemSummary {
  readonly applied: number;
  readonly duplicates: number;
  readonly outOfHorizon: number;
  /** Above zero: the entity passed its limit and its features are incomplete. */
  readonly overLimit: number;
  /** Above zero: after a reshard so many live fingerprints found no room, and their duplicates would count again. */
  readonly forgotten: number;
  readonly greatestArrivalMs: number;
  /** Per shard, everything at or below it is contained. */
  readonly marks: readonly Position[];
}

/** Every feature of one entity, from all its items (lanes), as of `nowMs`. No items: the features of an entity never seen. */
export function readFeatures(
  pipeline: Pipeline,
  viewName: string,
  items: readonly Uint8Array[],
  nowMs: number,
): Record<string, FeatureValue> {
  const view = viewOf(pipeline, viewName);
  const states = items.map((bytes) => decodeState(view, bytes));
  const behindMs = pipeline.allowedLatenessMs + pipeline.slackMs;
  const asOfMs = Math.max(nowMs, ...states.map(({ greatestArrivalMs }) => greatestArrivalMs - behindMs));
  return Object.fromEntries(
    view.features.map((feature) => [feature.name, featureValue(view, feature, states, asOfMs)]),
  );
}

export function summarizeItem(pipeline: Pipeline, viewName: string, bytes: Uint8Array): ItemSummary {
  const state = decodeState(viewOf(pipeline, viewName), bytes);
  const { applied, duplicates, outOfHorizon, overLimit, forgotten, greatestArrivalMs } = state;
  const marks = [...state.marks.values()].map(({ position }) => position);
  return { applied, duplicates, outOfHorizon, overLimit, forgotten, greatestArrivalMs, marks };
}

/** How long after its last write an item may still matter (ms): the view's longest window plus lateness, slack and a day. */
export function stateTtlMs(pipeline: Pipeline, viewName: string): number {
  return viewOf(pipeline, viewName).longestMs + pipeline.allowedLatenessMs + pipeline.slackMs + 86_400_000;
}

function viewOf(pipeline: Pipeline, name: string): CompiledView {
  const view = pipeline.views.find((candidate) => candidate.name === name);
  if (view === undefined)
    throw new DefinitionError(
      `unknown view "${name}": the definitions have ${pipeline.views.map((v) => v.name).join(", ")}`,
    );
  return view;
}

function featureValue(
  view: CompiledView,
  feature: CompiledFeature,
  states: readonly State[],
  nowMs: number,
): FeatureValue {
  const { sizeMs, stepMs } = feature.window;
  const endMs = Math.ceil(nowMs / stepMs) * stepMs;
  const window = { startMs: endMs - sizeMs, endMs };
  const resolution = view.resolutions[feature.resolution] as Resolution;
  const { aggregate } = resolution.slots[feature.slot] as Slot;
  let merged: unknown;
  for (const state of states) {
    for (const tile of state.tiles[feature.resolution] as Tile[]) {
      if (!lies(tile, resolution.widthMs, window)) continue;
      const acc = slotsOf(resolution, tile)[feature.slot];
      if (acc === undefined) continue;
      merged = merged === undefined ? acc : aggregate.merge(merged, acc);
    }
  }
  return aggregate.result(merged, window);
}

/** Tile bounds divide window bounds, so a tile lies in the window or outside it, never half. */
function lies({ index }: Tile, widthMs: number, { startMs, endMs }: Bounds): boolean {
  return widthMs === 0 || (index * widthMs >= startMs && (index + 1) * widthMs <= endMs);
}
