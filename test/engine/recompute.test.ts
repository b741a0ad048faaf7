import { type Event, reachMs, readFeatures, type StreamRecord, stateId, summarizeItem } from "@millrace/engine";
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
  type Table,
  toRecords,
} from "./histories.ts";
import { naiveFeatures } from "./oracle.ts";
import { anyOrder, type How, recomputeAll, shuffled, throughTheLake } from "./recomputes.ts";

const ENTITIES = [
  ...["u1", "u2", "ünï"].map((entity) => ({ view: "by_user" as const, entity })),
  ...["i1", "i2", "i3", "i4", "i5"].map((entity) => ({ view: "by_item" as const, entity })),
];
const EMPTY: Table = new Map();
const laterMs = fc.integer({ min: -(LATENESS + SLACK), max: 90_000 });

/** A stream that is resharded at some point, delivered in batches, some of them given up. */
const deliveries = fc
  .record({
    list: arrivals,
    reshardAt: fc.nat(),
    cuts: fc.array(fc.nat(5), { minLength: 41, maxLength: 41, size: "max" }),
    givenUp: fc.array(fc.boolean(), { minLength: 41, maxLength: 41, size: "max" }),
  })
  .map(({ list, reshardAt, cuts, givenUp }) => {
    const at = reshardAt % (list.length + 1);
    const moved = list.map((arrival, i) => (i < at ? arrival : { ...arrival, shard: arrival.shard + 2 }));
    const records = toRecords(moved);
    const batches: StreamRecord[][] = [];
    // A batch is of one shard, and children are read when their parents are through.
    for (const shard of [0, 1, 2, 3]) {
      let rest = records.filter(({ position }) => Number(position.shard.slice(-1)) === shard);
      while (rest.length > 0) {
        const size = 1 + (cuts[batches.length] ?? 0);
        batches.push(rest.slice(0, size));
        rest = rest.slice(size);
      }
    }
    return { list: moved, records, batches, givenUp };
  });

describe("a failed batch", () => {
  it("whose later records were already applied is put in exactly: no loss, no double", () => {
    fc.assert(
      fc.property(deliveries, anyOrder, laterMs, ({ list, records, batches, givenUp }, order, laterMs) => {
        const table = live(batches.filter((_, i) => givenUp[i] === false));
        const failed = batches
          .filter((_, i) => givenUp[i] === true)
          .map((batch) => (batch.at(-1) as StreamRecord).position);
        const repaired = recompute(table, lake(records, order), { raiseTo: failed });
        expectAllFacts(repaired, list, laterMs);
      }),
      { numRuns: 400 },
    );
  });

  it("that was the shard's last is left out at the marks, and put in once they are raised", () => {
    const [first, second, third] = toRecords([view("a", 0), view("b", 1000), view("c", 2000)]) as Three;
    const table = live([[first]]);
    const rows = lake([first, second, third]);

    const atTheMarks = recomputeAll(pipeline, table, rows);
    expect(viewsOf(atTheMarks.table)).toBe(1);
    expect(atTheMarks.recomputed.map(({ beyond }) => beyond)).toEqual([2, 2]);

    expect(viewsOf(recompute(table, rows, { raiseTo: [second.position] }))).toBe(2);
    expect(viewsOf(recompute(table, rows, { raiseTo: [third.position] }))).toBe(3);
    expect(viewsOf(recompute(table, rows, { raiseTo: [{ ...third.position, shard: "shardId-000000000009" }] }))).toBe(
      1,
    );
  });

  it("is then no redelivery's to apply again, and later records are folded onto it", () => {
    const [first, failed, later] = toRecords([view("a", 0), view("b", 1000), view("c", 2000)]) as Three;
    const repaired = recompute(live([[first]]), lake([first, failed]), { raiseTo: [failed.position] });
    expect(viewsOf(foldInto(repaired, eventsOf([failed])).table)).toBe(2);
    expect(viewsOf(foldInto(repaired, eventsOf([failed, later])).table)).toBe(3);
  });
});

describe("recompute at the mark", () => {
  it("gives the live items byte for byte, whatever the order and the copies of the rows", () => {
    fc.assert(
      fc.property(oneShard, fc.nat(), anyOrder, (list, at, order) => {
        const records = toRecords(list);
        const table = live([records.slice(0, at % (records.length + 1))]);
        expect(dump(recompute(table, lake(records, order)))).toEqual(dump(table));
      }),
      { numRuns: 300 },
    );
  });

  it("gives the live features with shards, reshards and duplicates across them", () => {
    fc.assert(
      fc.property(deliveries, fc.nat(), anyOrder, laterMs, ({ list, records, batches }, at, order, laterMs) => {
        const table = live(batches.slice(0, at % (batches.length + 1)));
        const again = recompute(table, lake(records, order));
        const nowMs = newest(list) + laterMs;
        for (const key of ENTITIES) expect(featuresOf(again, key, nowMs)).toEqual(featuresOf(table, key, nowMs));
        expect(counters(again)).toEqual(counters(table));
        expect(recomputeAll(pipeline, again, lake(records)).recomputed.flatMap(changed)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("takes what is not in the lake yet from the stream's tail", () => {
    fc.assert(
      fc.property(deliveries, fc.nat(), anyOrder, laterMs, ({ list, records, batches }, at, order, laterMs) => {
        const table = live(batches);
        const settledMs = START + (at % (newest(list) - START + 2));
        const rows = lake(
          records.filter(({ arrivalMs }) => arrivalMs < settledMs),
          order,
        );
        const tail = eventsOf(records.filter(({ arrivalMs }) => arrivalMs >= settledMs));
        expectAllFacts(recompute(table, rows, { tail }), list, laterMs);
      }),
    );
  });

  it("needs rows only from where the windows begin, and then never counts less than before", () => {
    fc.assert(
      fc.property(oneShard, anyOrder, (list, order) => {
        const records = toRecords(list);
        const table = live([records]);
        for (const [id, { key, bytes }] of table) {
          const { greatestArrivalMs } = summarizeItem(pipeline, key.view, bytes);
          const fromMs = greatestArrivalMs - reachMs(pipeline, key.view);
          const rows = lake(records, order).filter(({ timeMs }) => timeMs >= fromMs);
          const again = recompute(new Map([[id, { key, bytes }]]), rows, { wholeHistory: false });
          expect(again.get(id)?.bytes).toEqual(bytes);
        }
      }),
    );
  });

  it("carries over what was refused: the counters, the marks, and the greatest arrival", () => {
    const [early, refused] = toRecords([view("a", 100_000), view("b", 0)]) as Three;
    const { table, folded } = foldInto(EMPTY, eventsOf([early, refused]));
    expect(folded.rejections.map(({ reason }) => reason)).toEqual(["out_of_horizon", "out_of_horizon"]);
    expect(dump(recompute(table, lake([early])))).toEqual(dump(table));
  });
});

describe("the loss of the table", () => {
  it("is made good from the lake", () => {
    fc.assert(
      fc.property(deliveries, anyOrder, laterMs, ({ list, records }, order, laterMs) => {
        const { table, recomputed } = recomputeAll(pipeline, EMPTY, lake(records, order), { raiseTo: "latest" });
        expectAllFacts(table, list, laterMs);
        expect(recomputed.flatMap(({ rejections }) => rejections)).toEqual([]);
        expect(foldInto(table, eventsOf(records)).folded.states).toEqual([]);
      }),
    );
  });

  it("leaves nothing out of what the live fold began anew since", () => {
    fc.assert(
      fc.property(deliveries, fc.nat(), anyOrder, laterMs, ({ list, records, batches }, at, order, laterMs) => {
        const table = live(batches.slice(at % (batches.length + 1)));
        expectAllFacts(recompute(table, lake(records, order), { raiseTo: "latest" }), list, laterMs);
      }),
    );
  });

  it("takes what nobody refused, however far its arrival is behind", () => {
    const records = toRecords([view("a", 100_000), view("b", 0)]);
    const { table, recomputed } = recomputeAll(pipeline, EMPTY, lake(records), { raiseTo: "latest" });
    expect(recomputed.flatMap(({ rejections }) => rejections)).toEqual([]);
    expect(counters(table)["by_user\u0000\u0000u1"]).toMatchObject({ applied: 2 });
  });
});

describe("a producer's retry through a new shard, after a recompute", () => {
  const [first, second] = toRecords([view("a", 0), { ...view("b", 1000), shard: 2 }]) as Three;
  const [retry] = toRecords([{ ...view("a", 0), arrivalMs: START + 5000, shard: 2 }], 200n) as Three;

  it.each([
    ["of a fact that the live fold had applied", live([[first], [second]]), {}],
    ["of a fact that was in a failed batch", live([[second]]), { raiseTo: [first.position] }],
    ["of a fact that was lost with the table", EMPTY, { raiseTo: "latest" as const }],
  ])("counts once: %s", (_, table, how) => {
    const repaired = recompute(table, lake([first, second]), how);
    expect(eventsOfItem(repaired)).toBe(2);
    expect(eventsOfItem(foldInto(repaired, eventsOf([retry])).table)).toBe(2);
    expect(eventsOfItem(foldInto(recompute(repaired, lake([first, second])), eventsOf([retry])).table)).toBe(2);
  });
});

type Three = readonly [StreamRecord, StreamRecord, StreamRecord];

function live(batches: readonly (readonly StreamRecord[])[]): Table {
  return batches.reduce((table, batch) => foldInto(table, eventsOf(batch)).table, EMPTY);
}

function lake(records: readonly StreamRecord[], order?: Parameters<typeof shuffled>[1]): readonly Event[] {
  const events = eventsOf(records).map((event) => throughTheLake(pipeline, event));
  return order === undefined ? events : shuffled(events, order);
}

function recompute(table: Table, rows: readonly Event[], how: How = {}): Table {
  return recomputeAll(pipeline, table, rows, how).table;
}

function expectAllFacts(table: Table, list: readonly Arrival[], laterMs: number): void {
  const nowMs = newest(list) + laterMs;
  for (const { view, entity } of ENTITIES)
    expect(featuresOf(table, { view, entity }, nowMs)).toEqual(naiveFeatures(accepted(list, view, entity), nowMs));
}

function featuresOf(table: Table, key: { view: string; entity: string }, nowMs: number) {
  return readFeatures(pipeline, key.view, lanesOf(table, key), nowMs);
}

function newest(list: readonly Arrival[]): number {
  return Math.max(START, ...list.map(({ arrivalMs }) => arrivalMs));
}

function view(id: string, laterMs: number): Arrival {
  const fact = { id, time: START + laterMs, user: "u1", item: "i1", kind: "look", amount: null };
  return { fact, arrivalMs: START + laterMs, shard: 0 };
}

function viewsOf(table: Table): unknown {
  return featuresOf(table, { view: "by_user", entity: "u1" }, START + 2001).events_30s;
}

function eventsOfItem(table: Table): unknown {
  return featuresOf(table, { view: "by_item", entity: "i1" }, START + 1001).events_30s;
}

function counters(table: Table) {
  return Object.fromEntries(
    [...table.values()].map(({ key, bytes }) => {
      const { applied, duplicates, marks } = summarizeItem(pipeline, key.view, bytes);
      return [stateId(key), { applied, duplicates, marks }];
    }),
  );
}

function changed({ items }: ReturnType<typeof recomputeAll>["recomputed"][number]) {
  return items.filter(({ bytes, stored }) => stored === null || Buffer.compare(bytes, stored) !== 0);
}
