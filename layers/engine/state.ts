import type { Horizon } from "./aggregate.ts";
import type { CompiledView, Pipeline, Resolution, Slot } from "./compile.ts";
import type { Event } from "./decode.ts";
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
  /** Ascending by (time, high, low). */
  readonly fingerprints: { readonly times: number[]; readonly highs: number[]; readonly lows: number[] };
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
    fingerprints: { times: [], highs: [], lows: [] },
    tiles: view.resolutions.map(() => []),
  };
}

/** Whether the item already contains this position: a redelivery. */
export function contains(state: State, position: Position): boolean {
  const mark = state.marks.get(position.shard);
  return mark !== undefined && comparePositions(position, mark.position) <= 0;
}

/** Adds a fingerprint; false when it is there already: a duplicate. */
export function addFingerprint({ fingerprints }: State, timeMs: number, high: number, low: number): boolean {
  const { times, highs, lows } = fingerprints;
  // Events come nearly in order of time, so the place is close to the end.
  let at = times.length;
  while (at > 0 && compare(at - 1) > 0) at--;
  if (at > 0 && compare(at - 1) === 0) return false;
  times.splice(at, 0, timeMs);
  highs.splice(at, 0, high);
  lows.splice(at, 0, low);
  return true;

  function compare(i: number): number {
    return (times[i] as number) - timeMs || (highs[i] as number) - high || (lows[i] as number) - low;
  }
}

/** Updates one tile per resolution. */
export function addToTiles(view: CompiledView, state: State, event: Event): void {
  for (let r = 0; r < view.resolutions.length; r++) {
    const resolution = view.resolutions[r] as Resolution;
    const { widthMs, slots } = resolution;
    let open: unknown[] | null = null;
    for (let s = 0; s < slots.length; s++) {
      const { aggregate, column, where } = slots[s] as Slot;
      if (!matches(where, event)) continue;
      const index = widthMs === 0 ? 0 : Math.floor(event.timeMs / widthMs);
      open ??= openSlots(resolution, tileAt(resolution, state.tiles[r] as Tile[], index));
      const value = column === null ? null : (event.row[column] ?? null);
      open[s] = aggregate.add(open[s], { value, timeMs: event.timeMs, tie: event.high });
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
  const { times, highs, lows } = state.fingerprints;
  let expired = 0;
  while (expired < times.length && (times[expired] as number) + behindMs < state.greatestArrivalMs) expired++;
  for (const column of [times, highs, lows]) column.splice(0, expired);

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
