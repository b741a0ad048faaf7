import { decodeInto, decodeState, encodeState } from "./codec.ts";
import type { CompiledView, Pipeline } from "./compile.ts";
import type { Event } from "./decode.ts";
import { add, has, sizeOf } from "./fingerprints.ts";
import { contains, raise } from "./marks.ts";
import type { Rejection } from "./rejection.ts";
import { isBehind, stopWaiting, takeTurn } from "./reorder.ts";
import { FINGERPRINT_BYTES, ITEM_BYTES, SOFT_ITEM_BYTES } from "./size.ts";
import { addToTiles, clearState, emptyState, inherit, matches, prune, type State } from "./state.ts";

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

/** The events of a batch that touch one item, in order. */
export interface Touched {
  readonly key: StateKey;
  readonly id: string;
  readonly events: readonly Event[];
}

export interface Grouped {
  /** Per item, in order of first touch, view after view. */
  readonly touched: readonly Touched[];
  readonly notMatching: number;
}

/** With its events: what to fold again when the write meets a conflict. */
export interface FoldedState extends Touched {
  readonly bytes: Uint8Array;
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

/** Which items a batch touches. */
export function groupByItem(pipeline: Pipeline, events: readonly Event[]): Grouped {
  const touched: Touched[] = [];
  let notMatching = 0;
  for (const view of pipeline.views) {
    const groups = new Map<string, Event[]>();
    for (const event of events) {
      const entity = matches(view.where, event.row) ? (event.row[view.entity] ?? null) : null;
      if (entity === null) {
        notMatching++;
        continue;
      }
      const text = typeof entity === "string" ? entity : String(entity);
      const place = view.lanes ? `${event.record.position.shard}\u0000${text}` : `\u0000${text}`;
      const group = groups.get(place);
      if (group !== undefined) group.push(event);
      else {
        const own = [event];
        groups.set(place, own);
        const lane = view.lanes ? event.record.position.shard : "";
        touched.push({ key: { view: view.name, entity: text, lane }, id: `${view.name}\u0000${place}`, events: own });
      }
    }
  }
  return { touched, notMatching };
}

/** Folds events, in the order of their positions, into the stored items. Pure: nothing that is passed in changes. */
export function fold(pipeline: Pipeline, stored: Items, events: readonly Event[]): Folded {
  return foldGrouped(pipeline, stored, groupByItem(pipeline, events));
}

/** The same where the events are grouped already. */
export function foldGrouped(pipeline: Pipeline, stored: Items, { touched, notMatching }: Grouped): Folded {
  const states: FoldedState[] = [];
  const rejections: Rejection[] = [];
  const counts: Counts = { applied: 0, duplicates: 0, redelivered: 0, rejected: 0, notMatching };
  let folding: Folding | null = null;
  for (const { key, id, events } of touched) {
    if (folding === null || folding.view.name !== key.view) folding = foldingOf(pipeline, key.view, counts, rejections);
    const { view, item } = folding;
    load(view, item, id, stored);
    if (foldItem(folding, events)) states.push({ key, id, events, bytes: encodeState(view, item.state) });
  }
  return { states, rejections, counts };
}

/** What is at hand while the items of one view are folded. */
interface Folding {
  readonly pipeline: Pipeline;
  readonly view: CompiledView;
  readonly item: Item;
  readonly counts: Counts;
  readonly rejections: Rejection[];
}

/** One object for item after item. */
interface Item {
  readonly state: State;
  /** How large the item was when it was last encoded, and the most that the events since may have added. */
  measuredBytes: number;
  grownBytes: number;
}

function foldingOf(pipeline: Pipeline, name: string, counts: Counts, rejections: Rejection[]): Folding {
  const view = pipeline.views.find((candidate) => candidate.name === name) as CompiledView;
  const item = { state: emptyState(view), measuredBytes: 0, grownBytes: 0 };
  return { pipeline, view, item, counts, rejections };
}

function load(view: CompiledView, item: Item, id: string, { items, siblings }: Items): void {
  const { state } = item;
  const bytes = items.get(id);
  item.measuredBytes = bytes?.length ?? 0;
  item.grownBytes = 0;
  if (bytes !== undefined) {
    decodeInto(view, bytes, state);
    return;
  }
  clearState(state);
  for (const sibling of siblings.get(id) ?? []) inherit(state, decodeState(view, sibling));
  item.measuredBytes = FINGERPRINT_BYTES * sizeOf(state.inherited);
}

/** Applies the events to one item; false when all were redeliveries and nothing changed. */
function foldItem(folding: Folding, events: readonly Event[]): boolean {
  const { pipeline, view, item, counts, rejections } = folding;
  let fresh = 0;
  for (const event of events) {
    if (contains(item.state.marks, event.record.position)) {
      counts.redelivered++;
      continue;
    }
    if (++fresh % PRUNE_EVERY === 0) prune(pipeline, view, item.state);
    const rejection = apply(folding, event);
    if (rejection === null) continue;
    counts.rejected++;
    rejections.push(rejection);
  }
  if (fresh > 0) prune(pipeline, view, item.state);
  return fresh > 0;
}

function apply(folding: Folding, event: Event): Rejection | null {
  const { pipeline, view, item, counts } = folding;
  const { state } = item;
  const { position, arrivalMs } = event.record;
  const behindMs = state.greatestArrivalMs - arrivalMs;
  if (behindMs < 0) state.greatestArrivalMs = arrivalMs;
  raise(state.marks, position, arrivalMs);
  if (view.sequence !== null) release(folding);

  if (behindMs > pipeline.slackMs) {
    state.outOfHorizon++;
    const detail = `arrived ${behindMs} ms behind the greatest arrival of its entity, ${pipeline.slackMs} ms are allowed`;
    return reject(view, event, "out_of_horizon", detail);
  }
  const { timeMs, high, low } = event;
  if (has(state.fingerprints, timeMs, high, low) || has(state.inherited, timeMs, high, low)) {
    state.duplicates++;
    counts.duplicates++;
    return null;
  }
  const full = fullness(folding);
  if (full !== null) {
    state.overLimit++;
    return reject(view, event, "entity_over_limit", full);
  }
  const number = view.sequence === null ? null : (event.row[view.sequence.column] ?? null);
  if (number !== null) {
    const rejection = admit(folding, event, number as number);
    if (rejection !== null) return rejection;
  } else addToTiles(view, state.tiles, event);
  add(state.fingerprints, timeMs, high, low);
  item.grownBytes += view.growthBytes;
  state.applied++;
  counts.applied++;
  return null;
}

/** Takes in an event that its producer has numbered: it goes into tiles when its turn has come. */
function admit({ view, item }: Folding, event: Event, number: number): Rejection | null {
  const { state } = item;
  const sequence = view.sequence as NonNullable<CompiledView["sequence"]>;
  if (!isBehind(state.order, number)) {
    const held = { number, arrivalMs: event.record.arrivalMs, fact: event };
    for (const fact of takeTurn(state.order, sequence, held)) addToTiles(view, state.tiles, fact);
    return null;
  }
  state.order.behind++;
  if (sequence.behind === "quarantine") {
    return reject(view, event, "out_of_order", `${sequence.column} is ${number}, but ${state.order.next} is next`);
  }
  addToTiles(view, state.tiles, event);
  return null;
}

/** Events held back go into tiles once nothing that they wait for could be accepted any more. */
function release({ pipeline, view, item: { state } }: Folding): void {
  const beforeMs = state.greatestArrivalMs - pipeline.allowedLatenessMs - pipeline.slackMs;
  for (const fact of stopWaiting(state.order, beforeMs)) addToTiles(view, state.tiles, fact);
}

/**
 * Why the entity can take no further event now; null when it can. As many events as allowed may be live; and the item must stay
 * well below what DynamoDB takes, whatever the events hold.
 */
function fullness(folding: Folding): string | null {
  const { pipeline, view, item } = folding;
  const { state } = item;
  if (sizeOf(state.fingerprints) >= view.entityLimit) {
    prune(pipeline, view, state);
    if (sizeOf(state.fingerprints) >= view.entityLimit)
      return `the entity has more than ${view.entityLimit} live events`;
  }
  if (item.measuredBytes + item.grownBytes + view.growthBytes > ITEM_BYTES) {
    prune(pipeline, view, state);
    item.measuredBytes = encodeState(view, state).length;
    item.grownBytes = 0;
  }
  return item.measuredBytes > SOFT_ITEM_BYTES ? `the entity's item has ${item.measuredBytes} bytes already` : null;
}

function reject(view: CompiledView, event: Event, reason: Rejection["reason"], detail: string): Rejection {
  return { reason, stage: "fold", view: view.name, detail, record: event.record };
}
