import { apply, type Counts, type Folding, foldingOf, release, type Terms } from "./apply.ts";
import { decodeState, encodeState } from "./codec.ts";
import type { CompiledView, Pipeline } from "./compile.ts";
import type { Event } from "./decode.ts";
import { add, type Fingerprints, has, noFingerprints } from "./fingerprints.ts";
import { PRUNE_EVERY, type StateKey } from "./fold.ts";
import { contains, type Mark, positionOf, raise } from "./marks.ts";
import { comparePositions, type Position, type StreamRecord } from "./position.ts";
import { viewOf } from "./read.ts";
import type { Rejection } from "./rejection.ts";
import { inherit, MARK_RETENTION_MS, prune, type State } from "./state.ts";
import { inStreamOrder } from "./stream-order.ts";

/**
 * An entity's items anew from its history. The mark of an item is a consistent cut: it says exactly which records the item contains. So
 * all that has to be repaired is repaired in one way: fold the entity's events up to the marks, from nothing, and write the result
 * over the version that was read. Where records below the marks are missing in the live item (a batch that was given up while later
 * ones were applied), they are in the result; where they are its last, the marks are raised first.
 *
 * Law: at the live items' marks the features equal the live items', for any order of the rows and any number of copies of each, with
 * lanes, reshards, redeliveries and duplicates; and where the rows are the whole history, so do the bytes of the first lane.
 */
export interface EntityHistory {
  /** Accepted events from the lake, in any order, a position any number of times; without those that the view's live fold refused. */
  readonly events: readonly Event[];
  /**
   * What arrived later than the lake's rows, from the stream: all of the entity's events up to the marks, accepted by `decode`. Nobody
   * knows yet what the live fold said of them, so its rules are applied again.
   */
  readonly tail?: readonly Event[];
  /** The entity's items as they are stored, by lane. */
  readonly items: ReadonlyMap<string, Uint8Array>;
  /** How far the marks are raised before: to positions (per shard), or over all the events given. Not at all unless given. */
  readonly raiseTo?: readonly Position[] | "latest";
  /**
   * Whether the events are all that the entity ever had. Then the counters are exact. Else they are the greater of what the live item
   * says and what the events come to: true as long as nothing was lost before the events begin.
   */
  readonly wholeHistory: boolean;
}

export interface RecomputedItem {
  readonly key: StateKey;
  readonly bytes: Uint8Array;
  /** As it is stored; null when there is none. */
  readonly stored: Uint8Array | null;
}

export interface Recomputed {
  /** One per lane that is stored or has events, ascending. */
  readonly items: readonly RecomputedItem[];
  /** Of events above the stored marks: what the view refused now. To be put into quarantine before the items are written. */
  readonly rejections: readonly Rejection[];
  /** Of the lake's events, those above the marks, which were left out. */
  readonly beyond: number;
}

/** Throws DefinitionError when another set of features wrote a stored item. */
export function recomputeEntity(
  pipeline: Pipeline,
  viewName: string,
  entity: string,
  history: EntityHistory,
): Recomputed {
  const view = viewOf(pipeline, viewName);
  const stored = new Map([...history.items].map(([lane, bytes]) => [lane, decodeState(view, bytes)]));
  const recompute: Recompute = { pipeline, view, stored, seen: noFingerprints(), lanes: new Map(), rejections: [] };
  for (const lane of stored.keys()) laneOf(recompute, lane);

  const raiseTo = history.raiseTo ?? [];
  const isTail = new Set(history.tail);
  const all = inStreamOrder([...history.events, ...isTail], pipeline.slackMs);
  let beyond = 0;
  for (const event of all) {
    const lane = view.lanes ? event.record.position.shard : "";
    const contained = isContained(stored.get(lane), event.record);
    const late = isTail.has(event);
    if (contained || isRaisedOver(raiseTo, event.record.position)) take(recompute, lane, event, { contained, late });
    else if (!late) beyond++;
  }

  const lanes = [...recompute.lanes].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [lane, { folding }] of lanes) settle(folding, stored.get(lane) ?? null, history.wholeHistory);
  if (view.lanes) for (const [lane] of lanes) inheritFromOthers(recompute, lane);
  return {
    items: lanes.map(([lane, { folding }]) => {
      const key = { view: view.name, entity, lane };
      return { key, bytes: encodeState(view, folding.item.state), stored: history.items.get(lane) ?? null };
    }),
    rejections: recompute.rejections,
    beyond,
  };
}

interface Recompute {
  readonly pipeline: Pipeline;
  readonly view: CompiledView;
  readonly stored: ReadonlyMap<string, State>;
  /** Of all lanes, and never pruned: what is recomputed may have arrived in no order that the slack allows for. */
  readonly seen: Fingerprints;
  readonly lanes: Map<string, Lane>;
  readonly rejections: Rejection[];
}

interface Lane {
  readonly folding: Folding;
  taken: number;
}

function laneOf({ pipeline, view, lanes }: Recompute, name: string): Lane {
  const known = lanes.get(name);
  if (known !== undefined) return known;
  const counts: Counts = { applied: 0, duplicates: 0, redelivered: 0, rejected: 0, notMatching: 0 };
  const made = { folding: foldingOf(pipeline, view, counts, []), taken: 0 };
  lanes.set(name, made);
  return made;
}

/** A mark is kept as long as a stream can keep records; what arrived before that is in. */
function isContained(stored: State | undefined, { position, arrivalMs }: StreamRecord): boolean {
  if (stored === undefined) return false;
  return contains(stored.marks, position) || stored.greatestArrivalMs - arrivalMs > MARK_RETENTION_MS;
}

function isRaisedOver(raiseTo: readonly Position[] | "latest", position: Position): boolean {
  if (raiseTo === "latest") return true;
  return raiseTo.some((to) => to.shard === position.shard && comparePositions(position, to) <= 0);
}

interface Standing {
  /** The stored marks say that it is in. */
  readonly contained: boolean;
  /** It is from the stream's tail. */
  readonly late: boolean;
}

function take(recompute: Recompute, name: string, event: Event, { contained, late }: Standing): void {
  const { pipeline, view, seen, rejections } = recompute;
  const lane = laneOf(recompute, name);
  const { state } = lane.folding.item;
  const { outOfHorizon, overLimit } = state;
  const terms: Terms = { anyArrival: !late, obliged: contained && !late, seen };
  const rejection = apply(lane.folding, event, terms);
  if (++lane.taken % PRUNE_EVERY === 0) prune(pipeline, view, state);
  if (rejection === null) return;
  if (!contained) {
    rejections.push(rejection);
    return;
  }
  // The stored item has counted this refusal.
  state.outOfHorizon = outOfHorizon;
  state.overLimit = overLimit;
}

/** What cannot be recomputed, because what was refused is not among the events, is carried over: counters, marks, the greatest arrival. */
function settle(folding: Folding, stored: State | null, wholeHistory: boolean): void {
  const { pipeline, view, item } = folding;
  const { state } = item;
  if (stored !== null) {
    state.greatestArrivalMs = Math.max(state.greatestArrivalMs, stored.greatestArrivalMs);
    state.outOfHorizon += stored.outOfHorizon;
    state.overLimit += stored.overLimit;
    state.forgotten = stored.forgotten;
    for (const mark of stored.marks) raiseToStored(state.marks, mark);
    if (view.sequence !== null) release(folding);
    if (!wholeHistory) keepGreater(state, stored);
    if (!wholeHistory || view.sequence?.behind === "quarantine")
      state.order.behind = Math.max(state.order.behind, stored.order.behind);
  }
  prune(pipeline, view, state);
}

function raiseToStored(marks: Mark[], mark: Mark): void {
  const position = positionOf(mark);
  if (!contains(marks, position)) raise(marks, position, mark.arrivalMs);
}

function keepGreater(state: State, stored: State): void {
  state.applied = Math.max(state.applied, stored.applied);
  state.duplicates = Math.max(state.duplicates, stored.duplicates);
  state.order.gaps = Math.max(state.order.gaps, stored.order.gaps);
}

/**
 * A lane knows what the entity's others had applied when it was made, for the producer's retry that comes through a new shard. What was
 * recomputed into others since is added; a lane that is made now inherits all.
 */
function inheritFromOthers({ view, pipeline, stored, lanes }: Recompute, name: string): void {
  const { state } = (lanes.get(name) as Lane).folding.item;
  const before = stored.get(name);
  if (before !== undefined) inherit(state, { fingerprints: noFingerprints(), inherited: before.inherited });
  for (const [other, { folding }] of lanes) {
    if (other === name) continue;
    const { fingerprints } = folding.item.state;
    const theirs = stored.get(other);
    if (before === undefined) inherit(state, { fingerprints, inherited: theirs?.inherited ?? noFingerprints() });
    else inherit(state, { fingerprints: added(fingerprints, theirs), inherited: noFingerprints() });
  }
  prune(pipeline, view, state);
}

/** The fingerprints that an item has now and did not have before. */
function added(fingerprints: Fingerprints, before: State | undefined): Fingerprints {
  if (before === undefined) return fingerprints;
  const fresh = noFingerprints();
  const { times, highs, lows, from, to } = fingerprints;
  for (let i = from; i < to; i++) {
    const [timeMs, high, low] = [times[i] as number, highs[i] as number, lows[i] as number];
    if (!has(before.fingerprints, timeMs, high, low)) add(fresh, timeMs, high, low);
  }
  return fresh;
}
