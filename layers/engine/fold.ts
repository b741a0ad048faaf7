import { decodeState, encodeState } from "./codec.ts";
import type { CompiledView, Pipeline } from "./compile.ts";
import type { Event } from "./decode.ts";
import { add, has } from "./fingerprints.ts";
import type { Rejection } from "./rejection.ts";
import { addToTiles, contains, emptyState, inherit, matches, prune, type State } from "./state.ts";

/**
 * Folds a batch of events into the items that it touches. Two kinds of "again" have two mechanisms. A redelivery keeps its
 * position: at or below the item's mark for that shard it is already in. A duplicate from a producer has a new position: its
 * fingerprint is found. Both marks and fingerprints live in the item, so one conditional write commits everything or nothing.
 *
 * Laws (each a property test): split, redelivery, torn write, permutation, merge, codec, recompute, conservation.
 */

/** One item: the lane is empty where the entity is the partition key, the shard elsewhere, so two shards never share an item. */
export interface StateKey {
  readonly view: string;
  readonly entity: string;
  readonly lane: string;
}

/** What the store holds, by `stateId`. */
export interface Items {
  readonly items: ReadonlyMap<string, Uint8Array>;
  /** For an absent item with a lane: the entity's items in other lanes, whose live fingerprints it inherits. */
  readonly siblings: ReadonlyMap<string, readonly Uint8Array[]>;
}

export interface FoldedState {
  readonly key: StateKey;
  readonly bytes: Uint8Array;
  /** The events that touch this item, in order: what to fold again when the write meets a conflict. */
  readonly events: readonly Event[];
}

export interface Folded {
  /** Only items that changed. */
  readonly states: readonly FoldedState[];
  /** Stage `fold`: to be put into quarantine before any state is written. */
  readonly rejections: readonly Rejection[];
  /** Summed over views: matching = applied + duplicates + redelivered + rejected. */
  readonly counts: Counts;
}

export interface Counts {
  applied: number;
  duplicates: number;
  redelivered: number;
  rejected: number;
  notMatching: number;
}

/** An item's hot entity is pruned inside a batch too, so that its bookkeeping stays small. */
const PRUNE_EVERY = 512;

export function stateId({ view, entity, lane }: StateKey): string {
  return `${view}\u0000${lane}\u0000${entity}`;
}

/** The distinct items that these events touch, in order of first touch. */
export function stateKeysOf(pipeline: Pipeline, events: readonly Event[]): readonly StateKey[] {
  return pipeline.views.flatMap((view) => groupByItem(view, events).groups.map(({ key }) => key));
}

/** Folds events, in the order of their positions, into the stored items. Pure: nothing that is passed in changes. */
export function fold(pipeline: Pipeline, stored: Items, events: readonly Event[]): Folded {
  const states: FoldedState[] = [];
  const rejections: Rejection[] = [];
  const counts: Counts = { applied: 0, duplicates: 0, redelivered: 0, rejected: 0, notMatching: 0 };
  for (const view of pipeline.views) {
    const { groups, notMatching } = groupByItem(view, events);
    counts.notMatching += notMatching;
    for (const { key, events: touching } of groups) {
      const state = load(view, key, stored);
      if (!foldItem(pipeline, view, state, touching, counts, rejections)) continue;
      states.push({ key, bytes: encodeState(view, state), events: touching });
    }
  }
  return { states, rejections, counts };
}

interface Group {
  readonly key: StateKey;
  readonly events: Event[];
}

function groupByItem(view: CompiledView, events: readonly Event[]): { groups: readonly Group[]; notMatching: number } {
  const groups = new Map<string, Group>();
  let notMatching = 0;
  for (const event of events) {
    const entity = matches(view.where, event) ? (event.row[view.entity] ?? null) : null;
    if (entity === null) {
      notMatching++;
      continue;
    }
    const key = { view: view.name, entity: String(entity), lane: view.lanes ? event.record.position.shard : "" };
    const id = stateId(key);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { key, events: [event] });
    else group.events.push(event);
  }
  return { groups: [...groups.values()], notMatching };
}

function load(view: CompiledView, key: StateKey, { items, siblings }: Items): State {
  const id = stateId(key);
  const bytes = items.get(id);
  if (bytes !== undefined) return decodeState(view, bytes);
  const state = emptyState(view);
  for (const sibling of siblings.get(id) ?? []) inherit(state, decodeState(view, sibling));
  return state;
}

/** Applies the events to one item; false when all were redeliveries and nothing changed. */
function foldItem(
  pipeline: Pipeline,
  view: CompiledView,
  state: State,
  events: readonly Event[],
  counts: Counts,
  rejections: Rejection[],
): boolean {
  let fresh = 0;
  for (const event of events) {
    if (contains(state, event.record.position)) {
      counts.redelivered++;
      continue;
    }
    if (++fresh % PRUNE_EVERY === 0) prune(pipeline, view, state);
    const rejection = apply(pipeline, view, state, event, counts);
    if (rejection !== null) {
      counts.rejected++;
      rejections.push(rejection);
    }
  }
  if (fresh > 0) prune(pipeline, view, state);
  return fresh > 0;
}

function apply(pipeline: Pipeline, view: CompiledView, state: State, event: Event, counts: Counts): Rejection | null {
  const { position, arrivalMs } = event.record;
  const behindMs = state.greatestArrivalMs - arrivalMs;
  state.greatestArrivalMs = Math.max(state.greatestArrivalMs, arrivalMs);
  state.marks.set(position.shard, { position, arrivalMs });

  if (behindMs > pipeline.slackMs) {
    state.outOfHorizon++;
    return reject(
      view,
      event,
      "out_of_horizon",
      `arrived ${behindMs} ms behind the greatest arrival of its entity, ${pipeline.slackMs} ms are allowed`,
    );
  }
  const { timeMs, high, low } = event;
  if (has(state.fingerprints, timeMs, high, low) || has(state.inherited, timeMs, high, low)) {
    state.duplicates++;
    counts.duplicates++;
    return null;
  }
  if (isFull(pipeline, view, state)) {
    state.overLimit++;
    const detail = `the entity has more than ${view.entityLimit} live events`;
    return reject(view, event, "entity_over_limit", detail);
  }
  add(state.fingerprints, timeMs, high, low);
  addToTiles(view, state, event);
  state.applied++;
  counts.applied++;
  return null;
}

/** Whether as many events as allowed are live, what has expired left out. */
function isFull(pipeline: Pipeline, view: CompiledView, state: State): boolean {
  if (state.fingerprints.times.length < view.entityLimit) return false;
  prune(pipeline, view, state);
  return state.fingerprints.times.length >= view.entityLimit;
}

function reject(view: CompiledView, event: Event, reason: Rejection["reason"], detail: string): Rejection {
  return { reason, stage: "fold", view: view.name, detail, record: event.record };
}
