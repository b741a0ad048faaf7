import type { Horizon } from "./aggregate.ts";
import type { CompiledView, Pipeline, Plan, Resolution, Slot, Test } from "./compile.ts";
import type { Event } from "./decode.ts";
import { add, clear, dropBefore, dropFirst, type Fingerprints, noFingerprints, sizeOf } from "./fingerprints.ts";
import { roundUp, tileIndex } from "./lattice.ts";
import type { Mark } from "./marks.ts";
import { hash48 } from "./md5.ts";
import { clearOrder, noOrder, type Order } from "./reorder.ts";
import type { Row, Scalar } from "./schema.ts";
import { addTile, clearTiles, dropTilesBefore, findSlots, noTiles, type TileList, takeTilesBefore } from "./tiles.ts";

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
  /** Inherited fingerprints that there was no room for: their duplicates would count again. */
  forgotten: number;
  /** Per shard the greatest position that is contained. */
  readonly marks: Mark[];
  /** Of the events that this item has applied; a duplicate's is among them already. */
  readonly fingerprints: Fingerprints;
  /** Of events that the entity's other lanes had applied when this item was made. */
  readonly inherited: Fingerprints;
  /** The producer's numbers; used by views with a sequence only. */
  readonly order: Order;
  /** Per resolution. */
  readonly tiles: readonly TileList[];
}

/** What of an event goes into tiles. */
export type Fact = Pick<Event, "timeMs" | "high" | "low" | "row">;

/** How long a mark is kept after the item has moved on: the longest retention that a stream can have (365 days). */
export const MARK_RETENTION_MS = 365 * 86_400_000;

export function emptyState(view: CompiledView): State {
  return {
    greatestArrivalMs: Number.NEGATIVE_INFINITY,
    applied: 0,
    duplicates: 0,
    outOfHorizon: 0,
    overLimit: 0,
    forgotten: 0,
    marks: [],
    fingerprints: noFingerprints(),
    inherited: noFingerprints(),
    order: noOrder(),
    tiles: view.resolutions.map(noTiles),
  };
}

/** Makes a state empty again, so that one object serves item after item. */
export function clearState(state: State): void {
  state.greatestArrivalMs = Number.NEGATIVE_INFINITY;
  state.applied = 0;
  state.duplicates = 0;
  state.outOfHorizon = 0;
  state.overLimit = 0;
  state.forgotten = 0;
  state.marks.length = 0;
  clear(state.fingerprints);
  clear(state.inherited);
  clearOrder(state.order);
  for (const list of state.tiles) clearTiles(list);
}

/** The most inherited fingerprints that an item keeps, newest first: with its own they stay below DynamoDB's 400 KB. */
export const INHERITED_LIMIT = 10_000;

/**
 * After a reshard a producer's retry may come through a new shard: the new lane must know what the old ones have seen. What it
 * inherits does not count towards the entity's limit, or a busy old lane would shut the new one out.
 */
export function inherit(state: State, parent: Pick<State, "fingerprints" | "inherited">): void {
  for (const { times, highs, lows, from, to } of [parent.fingerprints, parent.inherited]) {
    for (let i = from; i < to; i++) {
      add(state.inherited, times[i] as number, highs[i] as number, lows[i] as number);
    }
  }
  const tooMany = sizeOf(state.inherited) - INHERITED_LIMIT;
  if (tooMany <= 0) return;
  state.forgotten += tooMany;
  dropFirst(state.inherited, tooMany);
}

/** One object for event after event: what an aggregate is given. */
const input = { value: null as Scalar, by: null as Scalar, hash: 0, timeMs: 0, tie: 0 };
/** The answers to a view's tests, and the hashes of its hashed columns (NaN: not asked yet), for the event at hand. */
const met: boolean[] = [];
const hashes: number[] = [];

/** Updates one tile per resolution. */
export function addToTiles(view: CompiledView, tiles: readonly TileList[], { row, timeMs, high }: Fact): void {
  const { tests, hashed, resolutions } = view;
  for (let i = 0; i < tests.length; i++) met[i] = holds(tests[i] as Test, row);
  for (let i = 0; i < hashed.length; i++) hashes[i] = Number.NaN;
  input.timeMs = timeMs;
  input.tie = high;
  const plan = planOf(view);
  for (let r = 0; r < resolutions.length; r++) {
    const touched = plan[r] as readonly number[];
    if (touched.length === 0) continue;
    const resolution = resolutions[r] as Resolution;
    const list = tiles[r] as TileList;
    const index = tileIndex(resolution, timeMs);
    let open = findSlots(resolution, list, index);
    for (let t = 0; t < touched.length; t++) {
      const s = touched[t] as number;
      const slot = resolution.slots[s] as Slot;
      prepare(slot, row, hashed);
      const acc = slot.aggregate.add(open === null ? undefined : open[s], input);
      if (acc === undefined) continue;
      open ??= addTile(resolution, list, index);
      open[s] = acc;
    }
  }
}

/**
 * Which slots an event touches, per resolution, by the answers to the view's tests. Events give few different answers, so each
 * plan is made once and kept.
 */
function planOf({ tests, resolutions, plans }: CompiledView): Plan {
  let answers = 0;
  for (let i = 0; i < tests.length; i++) answers = answers * 2 + (met[i] === true ? 1 : 0);
  const known = plans.get(answers);
  if (known !== undefined) return known;
  const plan = resolutions.map(({ slots }) => slots.flatMap(({ where }, s) => (allMet(where) ? [s] : [])));
  if (plans.size < MOST_PLANS) plans.set(answers, plan);
  return plan;
}

const MOST_PLANS = 4096;

function prepare({ column, by, steps, hash }: Slot, row: Row, hashed: readonly string[]): void {
  input.value = steps === null ? (column === null ? null : (row[column] ?? null)) : stepsMet(steps);
  input.by = by === null ? null : (row[by] ?? null);
  input.hash = hash < 0 || input.value === null ? 0 : hashOf(hash, row[hashed[hash] as string] as Scalar);
}

function hashOf(which: number, value: Scalar): number {
  const known = hashes[which] as number;
  if (!Number.isNaN(known)) return known;
  const made = hash48(typeof value === "string" ? value : String(value));
  hashes[which] = made;
  return made;
}

function stepsMet(steps: readonly (readonly number[])[]): number {
  let bits = 0;
  for (let i = 0; i < steps.length; i++) if (allMet(steps[i] as readonly number[])) bits |= 1 << i;
  return bits;
}

function allMet(where: readonly number[]): boolean {
  for (let i = 0; i < where.length; i++) if (met[where[i] as number] === false) return false;
  return true;
}

function holds({ column, values }: Test, row: Row): boolean {
  const value = row[column] ?? null;
  return values.length === 1 ? values[0] === value : values.includes(value);
}

export function matches(tests: readonly Test[], row: Row): boolean {
  for (let i = 0; i < tests.length; i++) if (!holds(tests[i] as Test, row)) return false;
  return true;
}

/**
 * Forgets what no record can meet and no window can ask for any more. It goes by arrival, never by event time, so an event from
 * the future evicts nothing; and an event that is still to be accepted (at most L late, at most S behind the greatest arrival)
 * finds its tile and its fingerprint.
 */
export function prune(pipeline: Pipeline, view: CompiledView, state: State): void {
  const { marks, greatestArrivalMs } = state;
  const earliestAsOfMs = greatestArrivalMs - pipeline.allowedLatenessMs - pipeline.slackMs;
  dropBefore(state.fingerprints, earliestAsOfMs);
  dropBefore(state.inherited, earliestAsOfMs);
  for (let i = marks.length - 1; i >= 0; i--) {
    if (greatestArrivalMs - (marks[i] as Mark).arrivalMs > MARK_RETENTION_MS) marks.splice(i, 1);
  }
  for (let r = 0; r < view.resolutions.length; r++) {
    const resolution = view.resolutions[r] as Resolution;
    const list = state.tiles[r] as TileList;
    const oldestMs = earliestAsOfMs - resolution.longestMs;
    if (resolution.widthMs === 0) pruneItem(resolution, list, { oldestMs, earliestAsOfMs });
    else if (resolution.forever) mergeIntoBase(resolution, list, earliestAsOfMs);
    else dropTilesBefore(list, tileIndex(resolution, oldestMs));
  }
}

function pruneItem(resolution: Resolution, list: TileList, horizon: Horizon): void {
  const slots = findSlots(resolution, list, 0);
  if (slots === null) return;
  let left = 0;
  for (let s = 0; s < resolution.slots.length; s++) {
    if (slots[s] !== undefined) slots[s] = (resolution.slots[s] as Slot).aggregate.prune?.(slots[s], horizon);
    if (slots[s] !== undefined) left++;
  }
  if (left === 0) clearTiles(list);
}

/** Tiles that every as-of time still to be asked for has behind it are one. */
function mergeIntoBase(resolution: Resolution, list: TileList, earliestAsOfMs: number): void {
  const { widthMs, offsetMs, slots } = resolution;
  const firstAsOfMs = roundUp(earliestAsOfMs, widthMs, offsetMs);
  for (const { slots: from } of takeTilesBefore(resolution, list, tileIndex(resolution, firstAsOfMs))) {
    list.base ??= new Array(slots.length).fill(undefined);
    const base = list.base;
    for (let s = 0; s < slots.length; s++) {
      if (from[s] === undefined) continue;
      base[s] = base[s] === undefined ? from[s] : (slots[s] as Slot).aggregate.merge(base[s], from[s]);
    }
  }
}
