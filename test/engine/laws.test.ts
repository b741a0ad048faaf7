import { readFeatures, sizeOfView, stateId, summarizeItem } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Arrival,
  accepted,
  arrivals,
  dump,
  eventsOf,
  foldInto,
  LATENESS,
  lanesOf,
  oneShard,
  pipeline,
  SLACK,
  START,
  stored,
  type Table,
  toRecords,
} from "./histories.ts";
import { naiveFeatures } from "./oracle.ts";

const ENTITIES = [
  ...["u1", "u2", "ünï"].map((entity) => ({ view: "by_user" as const, entity })),
  ...["i1", "i2", "i3", "i4", "i5"].map((entity) => ({ view: "by_item" as const, entity })),
];
/** From as far back as items keep everything to well after the end. */
const laterMs = fc.integer({ min: -(LATENESS + SLACK), max: 90_000 });
const EMPTY: Table = new Map();

describe("the engine's laws", () => {
  it("gives exactly the features that nested loops over the accepted facts give", () => {
    fc.assert(
      fc.property(arrivals, laterMs, (list, laterMs) => {
        const { table } = foldInto(EMPTY, eventsOf(toRecords(list)));
        const nowMs = newest(list) + laterMs;
        for (const { view, entity } of ENTITIES) {
          const facts = accepted(list, view, entity);
          expect(readFeatures(pipeline, view, lanesOf(table, { view, entity }), nowMs)).toEqual(
            naiveFeatures(facts, nowMs),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it("split: folding two batches one after the other leaves the bytes that one batch leaves", () => {
    fc.assert(
      fc.property(oneShard, fc.nat(), (list, at) => {
        const events = eventsOf(toRecords(list));
        const cut = at % (events.length + 1);
        const halves = foldInto(foldInto(EMPTY, events.slice(0, cut)).table, events.slice(cut)).table;
        expect(dump(halves)).toEqual(dump(foldInto(EMPTY, events).table));
      }),
      { numRuns: 300 },
    );
  });

  it("redelivery: any suffix of what was delivered, delivered again, changes nothing and writes nothing", () => {
    fc.assert(
      fc.property(arrivals, fc.nat(), (list, at) => {
        const events = eventsOf(toRecords(list));
        const { table } = foldInto(EMPTY, events);
        const again = foldInto(table, events.slice(at % (events.length + 1)));
        expect(again.folded.states).toEqual([]);
        expect(again.folded.rejections).toEqual([]);
        expect(dump(again.table)).toEqual(dump(table));
      }),
    );
  });

  it("torn write: any subset of items saved, then the batch again, equals once", () => {
    fc.assert(
      fc.property(oneShard, fc.nat(), fc.infiniteStream(fc.boolean()), (list, at, saved) => {
        const events = eventsOf(toRecords(list));
        const cut = at % (events.length + 1);
        const before = foldInto(EMPTY, events.slice(0, cut)).table;
        const once = foldInto(before, events.slice(cut));
        const kept = once.folded.states.filter(() => saved.next().value);
        const torn = new Map([...before, ...kept.map((state) => [stateId(state.key), state] as const)]);
        expect(dump(foldInto(torn, events.slice(cut)).table)).toEqual(dump(once.table));
      }),
    );
  });

  it("torn write across shards: the features heal, whatever was saved", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.boolean()), (list, saved) => {
        const events = eventsOf(toRecords(list));
        const kept = foldInto(EMPTY, events).folded.states.filter(() => saved.next().value);
        const torn = new Map(kept.map((state) => [stateId(state.key), state] as const));
        const nowMs = newest(list);
        for (const { view, entity } of ENTITIES) {
          const facts = accepted(list, view, entity);
          const healed = foldInto(torn, events).table;
          expect(featuresOf(healed, { view, entity }, nowMs)).toEqual(naiveFeatures(facts, nowMs));
        }
      }),
    );
  });

  it("permutation: arrival orders within the slack, with duplicates, give the same features", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.nat(SLACK - 1)), laterMs, (list, jitter, laterMs) => {
        const keyed = list.map((arrival) => ({ arrival, key: arrival.arrivalMs + jitter.next().value }));
        const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ arrival }) => arrival);
        const nowMs = newest(list) + laterMs;
        const one = foldInto(EMPTY, eventsOf(toRecords(byArrival(list)))).table;
        const other = foldInto(EMPTY, eventsOf(toRecords(shuffled))).table;
        for (const key of ENTITIES) expect(featuresOf(other, key, nowMs)).toEqual(featuresOf(one, key, nowMs));
      }),
      { numRuns: 300 },
    );
  });

  it("merge: an entity's lanes, read together in any order, are the entity", () => {
    fc.assert(
      fc.property(arrivals, (list) => {
        const { table } = foldInto(EMPTY, eventsOf(toRecords(list)));
        for (const key of ENTITIES) {
          const lanes = lanesOf(table, key);
          const nowMs = newest(list);
          expect(readFeatures(pipeline, key.view, [...lanes].reverse(), nowMs)).toEqual(
            readFeatures(pipeline, key.view, lanes, nowMs),
          );
        }
      }),
    );
  });

  it("recompute: folding from nothing what lies at or below an item's marks gives the live item's features", () => {
    fc.assert(
      fc.property(oneShard, fc.nat(), (list, at) => {
        const events = eventsOf(toRecords(list));
        const cut = at % (events.length + 1);
        const { table } = foldInto(EMPTY, events.slice(0, cut));
        for (const { key, bytes } of table.values()) {
          const marks = summarizeItem(pipeline, key.view, bytes).marks;
          const below = events.filter(({ record: { position } }) =>
            marks.some((mark) => mark.shard === position.shard && BigInt(position.sequence) <= BigInt(mark.sequence)),
          );
          const again = foldInto(EMPTY, below).table.get(stateId(key));
          expect(again?.bytes).toEqual(bytes);
        }
      }),
    );
  });

  it("size: no item is larger than what the view says that it can be", () => {
    const most = new Map(pipeline.views.map((view) => [view.name, sizeOfView(pipeline, view).bytes]));
    fc.assert(
      fc.property(arrivals, (list) => {
        const { table } = foldInto(EMPTY, eventsOf(toRecords(list)));
        for (const { key, bytes } of table.values())
          expect(bytes.length).toBeLessThanOrEqual(most.get(key.view) as number);
      }),
    );
  });

  it("conservation: matching = applied + duplicates + rejected, in every item and over all of them", () => {
    fc.assert(
      fc.property(arrivals, (list) => {
        const events = eventsOf(toRecords(list));
        const { table, folded } = foldInto(EMPTY, events);
        const summaries = [...table.values()].map(({ key, bytes }) => summarizeItem(pipeline, key.view, bytes));
        const held = summaries.reduce((sum, s) => sum + s.applied + s.duplicates + s.outOfHorizon + s.overLimit, 0);
        expect(held).toBe(events.length * pipeline.views.length - folded.counts.notMatching);
        expect(folded.rejections).toHaveLength(folded.counts.rejected);
      }),
    );
  });

  it("keeps one item per entity where the entity is the partition key, and one per shard elsewhere", () => {
    fc.assert(
      fc.property(arrivals, (list) => {
        const { table } = foldInto(EMPTY, eventsOf(toRecords(list)));
        for (const { key, bytes } of table.values()) {
          const shards = summarizeItem(pipeline, key.view, bytes).marks.map(({ shard }) => shard);
          if (key.view === "by_user") expect(key.lane).toBe("");
          else expect(shards).toEqual([key.lane]);
        }
      }),
    );
  });

  it("leaves its arguments as they were", () => {
    fc.assert(
      fc.property(arrivals, (list) => {
        const events = eventsOf(toRecords(list));
        const half = foldInto(EMPTY, events.slice(0, events.length / 2)).table;
        const before = dump(half);
        foldInto(half, events);
        expect(dump(half)).toEqual(before);
        expect(stored(half, events).items.size).toBeLessThanOrEqual(half.size);
      }),
    );
  });
});

describe("a reshard", () => {
  it("counts a producer's retry once when the first copy went through the parent shard", () => {
    fc.assert(
      fc.property(arrivals, fc.nat(), (list, at) => {
        const cut = at % (list.length + 1);
        const moved = [
          ...list.slice(0, cut),
          ...list.slice(cut).map((arrival) => ({ ...arrival, shard: arrival.shard + 2 })),
        ];
        const events = eventsOf(toRecords(moved));
        const parents = eventsOf(toRecords(moved).slice(0, cut)).length;
        const { table } = foldInto(foldInto(EMPTY, events.slice(0, parents)).table, events.slice(parents));
        const nowMs = newest(list);
        for (const { view, entity } of ENTITIES) {
          const facts = accepted(list, view, entity);
          expect(featuresOf(table, { view, entity }, nowMs)).toEqual(naiveFeatures(facts, nowMs));
        }
      }),
      { numRuns: 300 },
    );
  });
});

function featuresOf(table: Table, key: { view: string; entity: string }, nowMs: number) {
  return readFeatures(pipeline, key.view, lanesOf(table, key), nowMs);
}

function newest(list: readonly Arrival[]): number {
  return Math.max(START, ...list.map(({ arrivalMs }) => arrivalMs));
}

function byArrival(list: readonly Arrival[]): readonly Arrival[] {
  return [...list].sort((a, b) => a.arrivalMs - b.arrivalMs);
}
