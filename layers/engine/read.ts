import type { FeatureValue } from "./aggregate.ts";
import { decodeState } from "./codec.ts";
import type { CompiledView, Pipeline } from "./compile.ts";
import { composeFeatures } from "./compose.ts";
import { DefinitionError } from "./define.ts";
import { positionOf } from "./marks.ts";
import type { Position } from "./position.ts";
import type { State } from "./state.ts";
import { allTiles, slotsOf, type TileList } from "./tiles.ts";

/**
 * Features are composed at read time: the tiles of all lanes that lie in a window are merged, then projected. *Now* may lie back as
 * far as the items keep everything: lateness plus slack before the newest arrival they have seen. An earlier *now* is answered as
 * of then.
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
  /** Of the producer's own numbers, in a view with a sequence: how many were passed over, came late, and wait for their turn. */
  readonly gaps: number;
  readonly behind: number;
  readonly held: number;
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
  const clampedMs = Math.max(nowMs, ...states.map(({ greatestArrivalMs }) => greatestArrivalMs - behindMs));
  return composeFeatures(view, tilesOfAll(view, states), clampedMs);
}

export function summarizeItem(pipeline: Pipeline, viewName: string, bytes: Uint8Array): ItemSummary {
  const { marks, order, applied, duplicates, outOfHorizon, overLimit, forgotten, greatestArrivalMs } = decodeState(
    viewOf(pipeline, viewName),
    bytes,
  );
  const { gaps, behind, held } = order;
  return {
    ...{ applied, duplicates, outOfHorizon, overLimit, forgotten, gaps, behind, greatestArrivalMs },
    held: held.length,
    marks: marks.map(positionOf),
  };
}

/** The marks of an item whose record arrived at `sinceMs` or later. */
export function marksSince(
  pipeline: Pipeline,
  viewName: string,
  bytes: Uint8Array,
  sinceMs: number,
): readonly Position[] {
  const { marks } = decodeState(viewOf(pipeline, viewName), bytes);
  return marks.filter(({ arrivalMs }) => arrivalMs >= sinceMs).map(positionOf);
}

/**
 * How long after its last write an item may still matter (ms): the view's longest window plus lateness, slack and a day; infinite
 * where a window never ends.
 */
export function stateTtlMs(pipeline: Pipeline, viewName: string): number {
  return viewOf(pipeline, viewName).longestMs + pipeline.allowedLatenessMs + pipeline.slackMs + 86_400_000;
}

const HOUR_MS = 3_600_000;
/** DynamoDB counts from the last write and Lambda may deliver until the very end of retention. */
const TTL_MARGIN_MS = 24 * HOUR_MS;

/**
 * How long after its last write an item is kept (ms): as long as a window can ask for it and as long as the stream can deliver one of its
 * records again, because without its marks a redelivery would count twice.
 */
export function itemTtlMs(pipeline: Pipeline, viewName: string, retentionHours: number): number {
  return Math.max(stateTtlMs(pipeline, viewName), retentionHours * HOUR_MS + TTL_MARGIN_MS);
}

/**
 * How far behind its greatest arrival an item's events may have happened and still be in it (ms): the longest window behind the
 * earliest as-of, to the start of a tile. Infinite where a window never ends.
 */
export function reachMs(pipeline: Pipeline, viewName: string): number {
  const { longestMs, resolutions } = viewOf(pipeline, viewName);
  // A day of a time zone can have an hour more.
  const widestMs = Math.max(...resolutions.map(({ widthMs, zone }) => widthMs + (zone === null ? 0 : 3_600_000)));
  return longestMs + widestMs + pipeline.allowedLatenessMs + pipeline.slackMs;
}

export function viewOf(pipeline: Pipeline, name: string): CompiledView {
  const view = pipeline.views.find((candidate) => candidate.name === name);
  if (view === undefined)
    throw new DefinitionError(
      `unknown view "${name}": the definitions have ${pipeline.views.map((v) => v.name).join(", ")}`,
    );
  return view;
}

/** Per resolution the tiles of all lanes; a base stands before all tiles. */
function tilesOfAll(view: CompiledView, states: readonly State[]) {
  return view.resolutions.map((resolution, r) =>
    states.flatMap(({ tiles }) => {
      const list = tiles[r] as TileList;
      const own = allTiles(list).map((tile) => ({ index: tile.index, slots: slotsOf(resolution, list, tile) }));
      return list.base === null ? own : [...own, { index: Number.NEGATIVE_INFINITY, slots: list.base }];
    }),
  );
}
