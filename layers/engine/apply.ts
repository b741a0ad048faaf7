import { encodeState } from "./codec.ts";
import type { CompiledView, Pipeline } from "./compile.ts";
import type { Event } from "./decode.ts";
import { add, type Fingerprints, has, sizeOf } from "./fingerprints.ts";
import { raise } from "./marks.ts";
import type { Rejection } from "./rejection.ts";
import { isBehind, stopWaiting, takeTurn } from "./reorder.ts";
import { ITEM_BYTES, SOFT_ITEM_BYTES } from "./size.ts";
import { addToTiles, emptyState, prune, type State } from "./state.ts";

/** One event meets one item that does not contain its position yet: what the live fold and a recompute have in common. */

export interface Counts {
  applied: number;
  duplicates: number;
  redelivered: number;
  rejected: number;
  notMatching: number;
}

/** What is at hand while the items of one view are folded. */
export interface Folding {
  readonly pipeline: Pipeline;
  readonly view: CompiledView;
  readonly item: Item;
  readonly counts: Counts;
  readonly rejections: Rejection[];
}

/** One object for item after item. */
export interface Item {
  readonly state: State;
  /** How large the item was when it was last encoded, and the most that the events since may have added. */
  measuredBytes: number;
  grownBytes: number;
}

/** What may refuse an event. Under any terms the same events leave the same state. */
export interface Terms {
  /** It may have arrived any time behind the item's greatest arrival. */
  readonly anyArrival: boolean;
  /** It is in the item already, or must be: nothing refuses it. */
  readonly obliged: boolean;
  /** All that was applied to the entity so far; null where the item itself must know. */
  readonly seen: Fingerprints | null;
}

export const LIVE: Terms = { anyArrival: false, obliged: false, seen: null };

export function foldingOf(pipeline: Pipeline, view: CompiledView, counts: Counts, rejections: Rejection[]): Folding {
  const item = { state: emptyState(view), measuredBytes: 0, grownBytes: 0 };
  return { pipeline, view, item, counts, rejections };
}

/** Raises the mark over the event and takes it in, unless it is a duplicate; or says why not. */
export function apply(folding: Folding, event: Event, terms: Terms): Rejection | null {
  const { pipeline, view, item, counts } = folding;
  const { state } = item;
  const { position, arrivalMs } = event.record;
  const behindMs = state.greatestArrivalMs - arrivalMs;
  if (behindMs < 0) state.greatestArrivalMs = arrivalMs;
  raise(state.marks, position, arrivalMs);
  if (view.sequence !== null) release(folding);

  if (behindMs > pipeline.slackMs && !terms.anyArrival) {
    state.outOfHorizon++;
    const detail = `arrived ${behindMs} ms behind the greatest arrival of its entity, ${pipeline.slackMs} ms are allowed`;
    return reject(view, event, "out_of_horizon", detail);
  }
  const { timeMs, high, low } = event;
  if (isDuplicate(state, terms.seen, event)) {
    state.duplicates++;
    counts.duplicates++;
    return null;
  }
  const full = terms.obliged ? null : fullness(folding);
  if (full !== null) {
    state.overLimit++;
    return reject(view, event, "entity_over_limit", full);
  }
  const number = view.sequence === null ? null : (event.row[view.sequence.column] ?? null);
  if (number !== null) {
    const rejection = admit(folding, event, number as number, terms);
    if (rejection !== null) return rejection;
  } else addToTiles(view, state.tiles, event);
  add(state.fingerprints, timeMs, high, low);
  if (terms.seen !== null) add(terms.seen, timeMs, high, low);
  item.grownBytes += view.growthBytes;
  state.applied++;
  counts.applied++;
  return null;
}

function isDuplicate({ fingerprints, inherited }: State, seen: Fingerprints | null, event: Event): boolean {
  const { timeMs, high, low } = event;
  if (seen !== null) return has(seen, timeMs, high, low);
  return has(fingerprints, timeMs, high, low) || has(inherited, timeMs, high, low);
}

/** Takes in an event that its producer has numbered: it goes into tiles when its turn has come. */
function admit({ view, item }: Folding, event: Event, number: number, terms: Terms): Rejection | null {
  const { state } = item;
  const sequence = view.sequence as NonNullable<CompiledView["sequence"]>;
  if (!isBehind(state.order, number)) {
    const held = { number, arrivalMs: event.record.arrivalMs, fact: event };
    for (const fact of takeTurn(state.order, sequence, held)) addToTiles(view, state.tiles, fact);
    return null;
  }
  state.order.behind++;
  if (sequence.behind === "quarantine" && !terms.obliged) {
    return reject(view, event, "out_of_order", `${sequence.column} is ${number}, but ${state.order.next} is next`);
  }
  addToTiles(view, state.tiles, event);
  return null;
}

/** Events held back go into tiles once nothing that they wait for could be accepted any more. */
export function release({ pipeline, view, item: { state } }: Folding): void {
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
  return { reason, stage: "fold", view: view.name, detail, record: event.record, timeMs: event.timeMs };
}
