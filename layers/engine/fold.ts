import { apply, type Counts, type Folding, foldingOf, type Item, LIVE } from "./apply.ts";
import { decodeInto, decodeState, encodeState } from "./codec.ts";
import type { CompiledView, Pipeline } from "./compile.ts";
import type { Event } from "./decode.ts";
import { sizeOf } from "./fingerprints.ts";
import { contains } from "./marks.ts";
import { viewOf } from "./read.ts";
import type { Rejection } from "./rejection.ts";
import { FINGERPRINT_BYTES } from "./size.ts";
import { clearState, inherit, matches, prune } from "./state.ts";

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

/** An item's hot entity is pruned inside a batch too, so that its bookkeeping stays small. */
export const PRUNE_EVERY = 512;

export function stateId({ view, entity, lane }: StateKey): string {
  return `${view}\u0000${lane}\u0000${entity}`;
}

/** Whose features an event goes into; null when the view leaves it out. */
export function entityOf({ where, entity }: CompiledView, { row }: Event): string | null {
  const value = matches(where, row) ? (row[entity] ?? null) : null;
  return value === null || typeof value === "string" ? value : String(value);
}

/** Which items a batch touches. */
export function groupByItem(pipeline: Pipeline, events: readonly Event[]): Grouped {
  const touched: Touched[] = [];
  let notMatching = 0;
  for (const view of pipeline.views) {
    let lane = "";
    let groups = new Map<string, Event[]>();
    const lanes = new Map([[lane, groups]]);
    for (const event of events) {
      const entity = entityOf(view, event);
      if (entity === null) {
        notMatching++;
        continue;
      }
      if (view.lanes && event.record.position.shard !== lane) {
        lane = event.record.position.shard;
        groups = lanes.get(lane) ?? new Map<string, Event[]>();
        lanes.set(lane, groups);
      }
      const group = groups.get(entity);
      if (group !== undefined) group.push(event);
      else {
        const own = [event];
        groups.set(entity, own);
        const key = { view: view.name, entity, lane };
        touched.push({ key, id: stateId(key), events: own });
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
    if (folding === null || folding.view.name !== key.view)
      folding = foldingOf(pipeline, viewOf(pipeline, key.view), counts, rejections);
    const { view, item } = folding;
    load(view, item, id, stored);
    if (foldItem(folding, events)) states.push({ key, id, events, bytes: encodeState(view, item.state) });
  }
  return { states, rejections, counts };
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
    const rejection = apply(folding, event, LIVE);
    if (rejection === null) continue;
    counts.rejected++;
    rejections.push(rejection);
  }
  if (fresh > 0) prune(pipeline, view, item.state);
  return fresh > 0;
}
