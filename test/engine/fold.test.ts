import {
  type Condition,
  compile,
  count,
  decode,
  defineFeatures,
  defineView,
  distinct,
  type Event,
  fold,
  groupByItem,
  hopping,
  ITEM_LIMITS,
  readFeatures,
  type StateKey,
  stateId,
  summarizeItem,
  toCuratedRow,
} from "@millrace/engine";
import { describe, expect, it } from "vitest";
import {
  type Arrival,
  type Fact,
  features,
  LATENESS,
  pipeline,
  SKEW,
  SLACK,
  START,
  schema,
  toRecords,
} from "./histories.ts";

describe("verdicts", () => {
  it.each([
    ["accepts an event that is exactly as late as allowed", { time: START - LATENESS }, null],
    ["refuses one a millisecond later", { time: START - LATENESS - 1 }, "too_late"],
    ["accepts one exactly as early as the skew allows", { time: START + SKEW }, null],
    ["refuses one a millisecond earlier", { time: START + SKEW + 1 }, "future_event"],
  ])("%s", (_, change, reason) => {
    const decoded = decodeOne(change);
    expect(decoded.kind === "rejection" ? decoded.rejection.reason : null).toBe(reason);
    expect(toCuratedRow(pipeline, decoded, 7)).toMatchObject({ _verdict: reason ?? "accepted", _pipeline_version: 7 });
  });

  it("refuses bytes that are no JSON or no UTF-8, and JSON that breaks the schema, without a row", () => {
    for (const [data, reason] of [
      [Buffer.from("{"), "malformed_json"],
      [Buffer.from([0x22, 0xff, 0x22]), "malformed_json"],
      [Buffer.from("[]"), "schema_violation"],
    ] as const) {
      const decoded = decode(pipeline, { ...record({}), data });
      expect(decoded).toMatchObject({
        kind: "rejection",
        event: null,
        rejection: { reason, stage: "decode", view: null },
      });
      expect(toCuratedRow(pipeline, decoded, 1)).toBeNull();
    }
  });

  it("never cuts a character in two in what it says", () => {
    const decoded = decode(pipeline, { ...record({}), data: Buffer.from('{"a":😀}') });
    const detail = decoded.kind === "rejection" ? decoded.rejection.detail : "";
    expect(detail).toContain("JSON");
    expect(detail.isWellFormed()).toBe(true);
  });

  it("refuses an event whose key is not the record's partition key", () => {
    const decoded = decode(pipeline, { ...record({ user: "u1" }), partitionKey: "u2" });
    expect(decoded).toMatchObject({ rejection: { reason: "wrong_key", detail: expect.stringContaining('"u1"') } });
  });

  it("writes decimals as numbers and times with Z in the lake's row", () => {
    expect(toCuratedRow(pipeline, decodeOne({ amount: 1234, time: START + 5 }), 1)).toEqual({
      id: "a",
      time: new Date(START + 5).toISOString(),
      user: "u1",
      item: "i1",
      kind: "buy",
      amount: 12.34,
      _arrival: new Date(START).toISOString(),
      _shard: "shardId-000000000000",
      _sequence: "98",
      _subsequence: 0,
      _verdict: "accepted",
      _pipeline_version: 1,
    });
  });
});

describe("an item", () => {
  it("keeps its last values when an event from the future comes, and leaves that out until its time has come", () => {
    const list = [0, 1, 2, 3].map((i) => arrival({ id: `${i}`, item: `i${i}`, time: START - 4000 + i * 1000 }));
    const ahead = arrival({ id: "x", item: "future", time: START + SKEW });
    const items = foldAll([...list, ahead]);
    expect(readFeatures(pipeline, "by_user", items, START).recent_30s).toEqual(["i3", "i2", "i1"]);
    expect(readFeatures(pipeline, "by_user", items, START + SKEW + 1).recent_30s).toEqual(["future", "i3", "i2"]);
  });

  it("does not let an event after the as-of time leak through its tile", () => {
    const items = foldAll([arrival({ id: "now", time: START }), arrival({ id: "later", time: START + 9_999 })]);
    expect(readFeatures(pipeline, "by_user", items, START)).toMatchObject({ events_30s: 0 });
    expect(readFeatures(pipeline, "by_user", items, START + 1)).toMatchObject({ events_30s: 1 });
    expect(readFeatures(pipeline, "by_user", items, START + 9_999)).toMatchObject({ events_30s: 2 });
  });

  it("quarantines what arrives further behind the greatest arrival than the slack, and counts it", () => {
    const events = eventsOf([
      arrival({ id: "a" }),
      arrival({ id: "b" }, START - SLACK),
      arrival({ id: "c", time: START - SLACK - 1 }, START - SLACK - 1),
    ]);
    const folded = fold(pipeline, NOTHING, events);
    expect(folded.rejections.map(({ reason, view }) => [reason, view])).toEqual([
      ["out_of_horizon", "by_user"],
      ["out_of_horizon", "by_item"],
    ]);
    expect(summarizeItem(pipeline, "by_user", bytesOf(folded, "by_user"))).toMatchObject({
      applied: 2,
      outOfHorizon: 1,
    });
  });

  it("finds a duplicate that is as late as can be, after pruning, while a slightly older arrival was still to come", () => {
    const first = arrival({ id: "a", time: START - LATENESS }, START);
    const newest = arrival({ id: "b", time: START + SLACK }, START + SLACK);
    const again = arrival({ id: "a", time: START - LATENESS }, START);
    const items = foldAll([first, newest], [again]);
    expect(summarizeItem(pipeline, "by_user", items[0] as Uint8Array)).toMatchObject({ applied: 2, duplicates: 1 });
  });

  it("counts two users' events of one id and one time as two facts of the item that they share", () => {
    const folded = fold(pipeline, NOTHING, eventsOf([arrival({ user: "u1" }), arrival({ user: "u2" })]));
    expect(summarizeItem(pipeline, "by_item", bytesOf(folded, "by_item"))).toMatchObject({ applied: 2, duplicates: 0 });
  });

  it("stops at its limit of live events, marks itself, and goes on when they have expired", () => {
    const small = compile(
      { ...features, views: [{ ...(features.views[0] as (typeof features.views)[number]), entityLimit: 3 }] },
      schema,
    );
    const burst = eventsOf([1, 2, 3, 4, 5].map((i) => arrival({ id: `${i}` })));
    const folded = fold(small, NOTHING, burst);
    expect(folded.rejections.map(({ reason }) => reason)).toEqual(["entity_over_limit", "entity_over_limit"]);
    const later = START + LATENESS + SLACK + 1;
    const [event] = eventsOf([arrival({ id: "z", time: later }, later)], 200n);
    const next = fold(small, { items: table(folded), siblings: new Map() }, [event as Event]);
    expect(summarizeItem(small, "by_user", bytesOf(next, "by_user"))).toMatchObject({ applied: 4, overLimit: 2 });
  });

  it("is refused, not misread, when another set of features wrote it", () => {
    const items = table(fold(pipeline, NOTHING, eventsOf([arrival({})])));
    const other = compile(
      defineFeatures({
        ...features,
        views: [defineView("by_user", { entity: "user", features: [count("n", { windows: [hopping(1000, 1000)] })] })],
      }),
      schema,
    );
    expect(() => fold(other, { items, siblings: new Map() }, eventsOf([arrival({ id: "b" })]))).toThrow(
      "Raise the view's version",
    );
  });

  it("is refused when its bytes are damaged", () => {
    const items = table(fold(pipeline, NOTHING, eventsOf([arrival({})])));
    const longer = new Map([...items].map(([id, bytes]) => [id, Buffer.concat([bytes, Buffer.from([0])])]));
    expect(() => fold(pipeline, { items: longer, siblings: new Map() }, eventsOf([arrival({ id: "b" })]))).toThrow(
      "1 bytes more",
    );
  });

  it("does not let a new lane be shut out by what it inherits, and still knows the old lane's events", () => {
    const small = compile(
      { ...features, views: [{ ...(features.views[1] as (typeof features.views)[number]), entityLimit: 3 }] },
      schema,
    );
    const old = eventsOf([1, 2, 3].map((i) => arrival({ id: `${i}` })));
    const oldLane = bytesOf(fold(small, NOTHING, old), "by_item");
    const moved = eventsOf([1, 4, 5].map((i) => ({ ...arrival({ id: `${i}` }), shard: 1 })));
    const [key] = groupByItem(small, moved).touched.map((one) => one.key);
    const siblings = new Map([[stateId(key as StateKey), [oldLane]]]);
    const folded = fold(small, { items: new Map(), siblings }, moved);
    expect(folded.rejections).toEqual([]);
    expect(summarizeItem(small, "by_item", bytesOf(folded, "by_item"))).toMatchObject({ applied: 2, duplicates: 1 });
  });

  it("bounds what it inherits, and says how much it had to forget", () => {
    const [view] = features.views.slice(1);
    const wide = compile(
      { ...features, views: [{ ...(view as (typeof features.views)[number]), entityLimit: 20_000 }] },
      schema,
    );
    const old = eventsOf(Array.from({ length: 10_500 }, (_, i) => arrival({ id: `${i}`, time: START - 10_500 + i })));
    const oldLane = bytesOf(fold(wide, NOTHING, old), "by_item");
    const moved = eventsOf([
      { ...arrival({ id: "0", time: START - 10_500 }), shard: 1 },
      { ...arrival({ id: "10499", time: START - 1 }), shard: 1 },
    ]);
    const [key] = groupByItem(wide, moved).touched.map((one) => one.key);
    const folded = fold(wide, { items: new Map(), siblings: new Map([[stateId(key as StateKey), [oldLane]]]) }, moved);
    expect(summarizeItem(wide, "by_item", bytesOf(folded, "by_item"))).toMatchObject({
      applied: 1,
      duplicates: 1,
      forgotten: 500,
    });
  });

  it.each([
    ["the view's condition", { where: { kind: "buy" } }],
    ["the entity", { entity: "item", lane: "shard" as const }],
    ["a window's length", { features: [count("events", { windows: [hopping(40_000, 5_000)] })] }],
  ])("is refused when %s has changed since", (_, change) => {
    const view = defineView("by_user", {
      entity: "user",
      where: { kind: ["buy", "look"] },
      lane: "shard",
      features: [count("events", { windows: [hopping(30_000, 5_000)] })],
    });
    const before = compile({ ...features, views: [view] }, schema);
    const after = compile({ ...features, views: [{ ...view, ...change }] }, schema);
    const [state] = fold(before, NOTHING, eventsOf([arrival({})])).states;
    expect(() => readFeatures(after, "by_user", [state?.bytes as Uint8Array], START)).toThrow(
      "Raise the view's version",
    );
  });

  it("does not let an event from the future evict a tile that can still be asked for", () => {
    const old = arrival({ id: "old", time: START - 25_000 });
    const ahead = arrival({ id: "ahead", time: START + SKEW });
    const items = foldAll([old, ahead]);
    expect(readFeatures(pipeline, "by_user", items, START)).toMatchObject({ events_30s: 1, events_2m: 1 });
    expect(readFeatures(pipeline, "by_user", items, START - LATENESS - SLACK)).toMatchObject({ events_2m: 0 });
    expect(readFeatures(pipeline, "by_user", items, START - 25_000 + 1)).toMatchObject({ events_30s: 1 });
  });

  it("never grows beyond what DynamoDB takes: from a size on, further events are refused and counted", () => {
    const wide = defineView("wide", {
      entity: "user",
      entityLimit: 20_000,
      features: [distinct("items", "item", { limit: 1000, windows: [hopping(3_600_000, 10_000)] })],
    });
    const pipeline = compile({ ...features, views: [wide] }, schema);
    const all = Array.from({ length: 200_000 }, (_, i) =>
      arrival({ id: `${i}`, item: `item ${i}`, time: START + i * 10 }),
    );
    let items = new Map<string, Uint8Array>();
    let refused = 0;
    for (let from = 0; from < all.length; from += 5000) {
      const batch = all.slice(from, from + 5000).map((one) => ({ ...one, arrivalMs: one.fact.time }));
      const folded = fold(pipeline, { items, siblings: new Map() }, eventsOf(batch, 98n + BigInt(from)));
      items = table(folded);
      refused += folded.rejections.filter(({ reason }) => reason === "entity_over_limit").length;
      expect([...items.values()][0]?.length).toBeLessThan(ITEM_LIMITS.hardBytes);
    }
    const summary = summarizeItem(pipeline, "wide", [...items.values()][0] as Uint8Array);
    expect(refused).toBeGreaterThan(0);
    expect(summary).toMatchObject({ overLimit: refused, applied: all.length - refused });
  });

  it("stays small however many events a hot entity sends", () => {
    const burst = eventsOf(Array.from({ length: 20_000 }, (_, i) => arrival({ id: `${i}`, item: `i${i}` })));
    const folded = fold(pipeline, NOTHING, burst);
    expect(bytesOf(folded, "by_user").length).toBeLessThan(64 * 1024);
    expect(folded.counts.applied + folded.rejections.length).toBe(burst.length * 2);
  });

  it("compares decimals and times in conditions with what people write in an event", () => {
    const view = features.views[0] as (typeof features.views)[number];
    const bought = (where: Condition) =>
      fold(
        compile({ ...features, views: [{ ...view, where }] }, schema),
        NOTHING,
        eventsOf([arrival({ amount: 1250 })]),
      ).counts;
    expect(bought({ amount: 12.5 }).applied).toBe(1);
    expect(bought({ amount: ["1.00", "12.50"] }).applied).toBe(1);
    expect(bought({ amount: 1250 }).applied).toBe(0);
    expect(bought({ time: new Date(START).toISOString() }).applied).toBe(1);
    expect(bought({ time: START }).applied).toBe(1);
  });
});

const NOTHING = { items: new Map<string, Uint8Array>(), siblings: new Map<string, readonly Uint8Array[]>() };

function arrival(change: Partial<Fact>, arrivalMs = START): Arrival {
  return {
    fact: { id: "a", time: arrivalMs, user: "u1", item: "i1", kind: "buy", amount: null, ...change },
    arrivalMs,
    shard: 0,
  };
}

function record(change: Partial<Fact>) {
  return toRecords([arrival(change, START)])[0] as ReturnType<typeof toRecords>[number];
}

function decodeOne(change: Partial<Fact>) {
  return decode(pipeline, record(change));
}

function eventsOf(list: readonly Arrival[], firstSequence = 98n): Event[] {
  return toRecords(list, firstSequence).map((one) => {
    const decoded = decode(pipeline, one);
    if (decoded.kind !== "event") throw new Error(decoded.rejection.detail);
    return decoded.event;
  });
}

function table(folded: ReturnType<typeof fold>): Map<string, Uint8Array> {
  return new Map(folded.states.map(({ key, bytes }) => [stateId(key), bytes]));
}

function bytesOf(folded: ReturnType<typeof fold>, view: string): Uint8Array {
  return folded.states.find(({ key }) => key.view === view)?.bytes as Uint8Array;
}

/** The by_user item after folding the lists one after the other, each as one batch. */
function foldAll(...lists: (readonly Arrival[])[]): Uint8Array[] {
  let items = new Map<string, Uint8Array>();
  lists.forEach((list, i) => {
    items = new Map([
      ...items,
      ...table(fold(pipeline, { items, siblings: new Map() }, eventsOf(list, 98n + 1000n * BigInt(i)))),
    ]);
  });
  return [...items].filter(([id]) => id.startsWith("by_user")).map(([, bytes]) => bytes);
}
