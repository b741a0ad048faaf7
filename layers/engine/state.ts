import type { Horizon } from "./aggregate.ts";
import type { CompiledView, Pipeline, Resolution, Slot } from "./compile.ts";
import type { Event } from "./decode.ts";
import { add, dropBefore, dropFirst, type Fingerprints, noFingerprints } from "./fingerprints.ts";
import { hash48 } from "./md5.ts";
import { comparePositions, type Position } from "./position.ts";
import { isEmpty, openSlots, slotsOf, type Tile, tileAt } from "./tiles.ts";

/**
 * The state of one (view, entity, lane): tiles, marks, fingerprints, counters. After `prune` it is a function of the set of
 * events applied, the marks, the counters and the greatest arrival alone, whatever the order and the batches in which they came.
 */
export interface State {
  greatestArrivalMs: number;
  applied: number;
  duplicates: number;
  outOfHorizon: number;
  overLimit: number;
  /** Per shard the greatest position that is contained. */
  marks: Map<string, Mark>;
  /** Inherited fingerprints that there was no room for: their duplicates would count again. */
  forgotten: number;
  /** Of the events that this item has applied; a duplicate's is among them already. */
  readonly fingerprints: Fingerprints;
  /** Of events that the entity's other lanes had applied when this item was made. */
  readonly inherited: Fingerprints;
  /** Per resolution. */
  readonly tiles: Tile[][];
}

export interface Mark {
  readonly position: Position;
  readonly arrivalMs: number;
}

/** How long a mark is kept after the item has moved on: the longest retention that a stream can have (365 days). */
const MARK_RETENTION_MS = 365 * 86_400_000;

export function emptyState(view: CompiledView): State {
  return {
    greatestArrivalMs: Number.NEGATIVE_INFINITY,
    applied: 0,
    duplicates: 0,
    outOfHorizon: 0,
    overLimit: 0,
    marks: new Map(),
    forgotten: 0,
    fingerprints: noFingerprints(),
    inherited: noFingerprints(),
    tiles: view.resolutions.map(() => []),
  };
}

/** Whether the item already contains this position: a redelivery. */
export function contains(state: State, position: Position): boolean {
  const mark = state.marks.get(position.shard);
  return mark !== undefined && comparePositions(position, mark.position) <= 0;
}

/** The most inherited fingerprints that an item keeps, newest first: with its own they stay below DynamoDB's 400 KB. */
export const INHERITED_LIMIT = 10_000;

/**
 * After a reshard a producer's retry may come through a new shard: the new lane must know what the old ones have seen. What it
 * inherits does not count towards the entity's limit, or a busy old lane would shut the new one out.
 */
export function inherit(state: State, parent: State): void {
  for (const { times, highs, lows } of [parent.fingerprints, parent.inherited]) {
    for (let i = 0; i < times.length; i++) {
      add(state.inherited, times[i] as number, highs[i] as number, lows[i] as number);
    }
  }
  const tooMany = state.inherited.times.length - INHERITED_LIMIT;
  if (tooMany <= 0) return;
  state.forgotten += tooMany;
  dropFirst(state.inherited, tooMany);
}

/** Updates one tile per resolution. */
export function addToTiles(view: CompiledView, state: State, event: Event): void {
  for (let r = 0; r < view.resolutions.length; r++) {
    const resolution = view.resolutions[r] as Resolution;
    const { widthMs, slots } = resolution;
    let open: unknown[] | null = null;
    for (let s = 0; s < slots.length; s++) {
      const { aggregate, column, hashed, where } = slots[s] as Slot;
      if (!matches(where, event)) continue;
      const index = widthMs === 0 ? 0 : Math.floor(event.timeMs / widthMs);
      open ??= openSlots(resolution, tileAt(resolution, state.tiles[r] as Tile[], index));
      const value = column === null ? null : (event.row[column] ?? null);
      const hash = hashed && value !== null ? hash48(String(value)) : 0;
      open[s] = aggregate.add(open[s], { value, by: null, hash, timeMs: event.timeMs, tie: event.high });
    }
  }
}

export function matches(tests: CompiledView["where"], event: Event): boolean {
  for (const { column, values } of tests) if (!values.includes(event.row[column] ?? null)) return false;
  return true;
}

/**
 * Forgets what no record can meet and no window can ask for any more. It goes by arrival, never by event time, so an event from
 * the future evicts nothing; and an event that is still to be accepted (at most L late, at most S behind the greatest arrival)
 * finds its tile and its fingerprint.
 */
export function prune(pipeline: Pipeline, view: CompiledView, state: State): void {
  const behindMs = pipeline.allowedLatenessMs + pipeline.slackMs;
  for (const list of [state.fingerprints, state.inherited]) dropBefore(list, state.greatestArrivalMs - behindMs);
  for (const [shard, mark] of state.marks) {
    if (state.greatestArrivalMs - mark.arrivalMs > MARK_RETENTION_MS) state.marks.delete(shard);
  }
  view.resolutions.forEach((resolution, r) => {
    const { widthMs, longestMs } = resolution;
    const tiles = state.tiles[r] as Tile[];
    const earliestAsOfMs = state.greatestArrivalMs - behindMs;
    const oldestMs = earliestAsOfMs - longestMs;
    if (widthMs === 0) {
      for (const tile of tiles) pruneSlots(resolution, tile, { oldestMs, earliestAsOfMs });
      return;
    }
    let old = 0;
    while (old < tiles.length && ((tiles[old] as Tile).index + 1) * widthMs <= oldestMs) old++;
    tiles.splice(0, old);
  });
  // A tile that only holds empty accumulators (all its values were null) is no tile.
  state.tiles.forEach((tiles, r) => {
    if (tiles.some(isEmpty)) state.tiles[r] = tiles.filter((tile) => !isEmpty(tile));
  });
}

function pruneSlots(resolution: Resolution, tile: Tile, horizon: Horizon): void {
  const before = slotsOf(resolution, tile);
  const after = before.map((acc, s) => acc && (resolution.slots[s] as Slot).aggregate.prune?.(acc, horizon));
  if (after.every((acc, s) => acc === before[s])) return;
  tile.slots = after;
  tile.packed = null;
}
