import {
  columnsFor,
  compile,
  count,
  curatedEvent,
  defineView,
  type Event,
  lastK,
  lifetime,
  type Pipeline,
  readFeatures,
  recomputeEntity,
  summarizeItem,
  toCuratedRow,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Arrival,
  dump,
  eventsWith,
  features,
  foldWith,
  START,
  schema,
  type Table,
  toRecords,
} from "./histories.ts";
import { anyOrder, recomputeAll, shuffled, throughTheLake } from "./recomputes.ts";

const EMPTY: Table = new Map();

describe("a view that obeys a producer's sequence", () => {
  const numbers = fc.array(fc.record({ step: fc.constantFrom(1, 1, 1, 2, 3), shift: fc.nat(4) }), {
    maxLength: 40,
    size: "max",
  });

  it.each(["count", "quarantine"] as const)("is recomputed with its gaps and its buffer (behind: %s)", (behind) => {
    const pipeline = sequenced(behind);
    fc.assert(
      fc.property(numbers, fc.nat(40), anyOrder, (draws, at, order) => {
        const events = eventsWith(pipeline, toRecords(numbered(draws)));
        const { table, refused } = live(pipeline, [events.slice(0, at), events.slice(at)]);
        const rows = events.filter((event) => !refused.has(event.record.position.sequence));
        const again = recomputeAll(
          pipeline,
          table,
          shuffled(
            rows.map((e) => throughTheLake(pipeline, e)),
            order,
          ),
        ).table;
        expect(shown(pipeline, again)).toEqual(shown(pipeline, table));
        if (behind === "count") expect(dump(again)).toEqual(dump(table));
      }),
    );
  });

  it("takes a failed batch in its turn, so that the gap which it left is none", () => {
    const pipeline = sequenced("quarantine");
    const list = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((seq) => arrival({ id: String(seq), seq }, seq));
    const events = eventsWith(pipeline, toRecords(list));
    const { table } = live(pipeline, [events.slice(0, 2), events.slice(5)]);
    expect(summary(pipeline, table)).toMatchObject({ applied: 6, gaps: 3 });
    const again = recomputeAll(pipeline, table, events).table;
    expect(summary(pipeline, again)).toMatchObject({ applied: 9, gaps: 0, behind: 0, held: 0 });
  });
});

describe("an event held back for its turn", () => {
  it("is let go by the greatest arrival, also when that was a refused event's", () => {
    const pipeline = sequenced("quarantine");
    const late = { ...arrival({ id: "late", seq: 1, time: START + 190_000 }, 0), arrivalMs: START + 200_000 };
    const list = [arrival({ id: "1", seq: 1 }, 1), arrival({ id: "3", seq: 3 }, 2), late];
    const events = eventsWith(pipeline, toRecords(list));
    const { table, refused } = live(pipeline, [events]);
    expect([...refused]).toEqual(["100"]);
    expect(summary(pipeline, table)).toMatchObject({ held: 0, applied: 2 });
    expect(dump(recomputeAll(pipeline, table, events.slice(0, 2)).table)).toEqual(dump(table));
  });
});

describe("an entity beyond its limit", () => {
  const pipeline = compile({ ...features, views: features.views.map((view) => ({ ...view, entityLimit: 3 })) }, schema);
  const events = eventsWith(pipeline, toRecords([..."abcdefg"].map((id, i) => arrival({ id }, i))));

  it("is recomputed without the events that were refused, and stays marked", () => {
    const { table, refused } = live(pipeline, [events]);
    const rows = events.filter((event) => !refused.has(event.record.position.sequence));
    expect(rows).toHaveLength(3);
    expect(dump(recomputeAll(pipeline, table, rows).table)).toEqual(dump(table));
  });

  it("has the rest refused by name where nothing was refused before, as in a view that is new", () => {
    const { recomputed, table } = recomputeAll(pipeline, EMPTY, events, { raiseTo: "latest" });
    const { rejections } = recomputed[0] as (typeof recomputed)[number];
    expect(rejections.map(({ reason, view, stage }) => [reason, view, stage])).toEqual(
      Array.from({ length: 4 }, () => ["entity_over_limit", "by_user", "fold"]),
    );
    expect(dump(table)).toEqual(dump(live(pipeline, [events]).table));
  });

  it("takes what the live fold has taken, even where it would be one too many now", () => {
    const { table } = live(pipeline, [events.slice(1, 4)]);
    const again = recomputeAll(pipeline, table, events.slice(0, 4)).table;
    expect(summary(pipeline, again, "by_user")).toMatchObject({ applied: 4, overLimit: 0 });
  });

  it("has the live fold's own refusals in the stream's tail neither counted nor reported again", () => {
    const { table } = live(pipeline, [events]);
    const { recomputed, table: again } = recomputeAll(pipeline, table, [], { tail: events });
    expect(recomputed.flatMap(({ rejections }) => rejections)).toEqual([]);
    expect(dump(again)).toEqual(dump(table));
  });
});

describe("a curated row", () => {
  const pipeline = compile(features, schema);
  const row = {
    id: "a",
    time: "2026-01-02 03:04:05.678",
    user: "u1",
    amount: "12.50",
    seq: "7",
    _arrival: "2026-01-02T03:04:06.001Z",
    _shard: "shardId-000000000001",
    _sequence: "49590338271490256608559692538361571095921575989136588898",
    _subsequence: 2,
  };

  it("becomes an event again, in whatever form times, decimals and whole numbers were unloaded", () => {
    const timeMs = Date.parse("2026-01-02T03:04:05.678Z");
    expect(curatedEvent(pipeline, row)).toMatchObject({
      id: "a",
      timeMs,
      row: { id: "a", time: timeMs, user: "u1", item: null, kind: null, amount: 1250, seq: 7 },
      record: {
        position: { shard: row._shard, sequence: row._sequence, subSequence: 2 },
        partitionKey: "u1",
        arrivalMs: Date.parse(row._arrival),
      },
    });
    const same = curatedEvent(pipeline, { ...row, time: "2026-01-02T03:04:05.678Z", amount: 12.5, seq: 7 });
    expect(same).toEqual(curatedEvent(pipeline, row));
  });

  it("has the identity of the record that it was made of", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 0, max: 4e12 }), (id, timeMs) => {
        const list = [arrival({ id: id.toWellFormed(), time: timeMs }, timeMs - START)];
        const [event] = eventsWith(pipeline, toRecords(list)) as [Event];
        const { high, low } = throughTheLake(pipeline, event);
        expect({ high, low }).toEqual({ high: event.high, low: event.low });
      }),
    );
  });

  it.each([
    ["user", undefined, "user should be a value, because it is required, got nothing"],
    ["time", "yesterday", 'time should be a time, got "yesterday"'],
    ["amount", "1.234", 'amount should be a decimal of at most 2 places, got "1.234"'],
    ["seq", 1.5, "seq should be a whole number, got 1.5"],
    ["kind", 4, "kind should be text, got 4"],
    ["_sequence", 49, "_sequence should be text, got 49"],
    ["_arrival", undefined, "_arrival should be a time, got nothing"],
  ])("is refused where %s is %j", (column, value, message) => {
    expect(() => curatedEvent(pipeline, { ...row, [column]: value })).toThrow(message);
  });

  it("needs no more columns than its view names, and these give the same items", () => {
    const [byUser] = pipeline.views as [Pipeline["views"][number]];
    const columns = columnsFor(pipeline, byUser);
    expect(columns.map(({ name }) => name)).toEqual(["id", "time", "user", "item", "kind", "amount"]);
    const windows = [lifetime()];
    const small = { entity: "user", where: { item: "i1" }, sequence: { column: "seq" } };
    const { views } = compile(
      { ...features, views: [defineView("v", { ...small, features: [count("events", { windows })] })] },
      schema,
    );
    expect(columnsFor(pipeline, views[0] as typeof byUser).map(({ name }) => name)).toEqual([
      ...["id", "time", "user", "item", "seq"],
    ]);
    const [event] = eventsWith(pipeline, toRecords([arrival({ id: "a", kind: "buy", amount: 5 }, 0)])) as [Event];
    const full = toCuratedRow(pipeline, { kind: "event", event }, 1) ?? {};
    const history = { items: new Map(), wholeHistory: true, raiseTo: "latest" } as const;
    const [slim, whole] = [columns, schema.columns].map((some) => {
      const events = [curatedEvent(pipeline, full, some)];
      return recomputeEntity(pipeline, "by_user", "u1", { ...history, events }).items;
    });
    expect(slim).toEqual(whole);
  });
});

describe("what is left of an entity", () => {
  it("is an item without events where its rows are gone: what the lake does not have, a recompute cannot give", () => {
    const pipeline = compile(features, schema);
    const events = eventsWith(pipeline, toRecords([arrival({ id: "a" }, 0)]));
    const { table } = live(pipeline, [events]);
    const again = recomputeAll(pipeline, table, []).table;
    expect(summary(pipeline, again, "by_user")).toMatchObject({ applied: 0, marks: [events[0]?.record.position] });
  });

  it("is nothing where there were no rows and no item", () => {
    const pipeline = compile(features, schema);
    const none = { events: [], items: new Map(), wholeHistory: true };
    expect(recomputeEntity(pipeline, "by_user", "u1", none)).toEqual({ items: [], rejections: [], beyond: 0 });
  });
});

function arrival(fact: Partial<Arrival["fact"]> & { readonly seq?: number }, laterMs: number): Arrival {
  const base = { id: "a", time: START + laterMs, user: "u1", item: "i1", kind: "look", amount: null };
  return { fact: { ...base, ...fact }, arrivalMs: START + laterMs, shard: 0 };
}

/** Nearly in order, with gaps. */
function numbered(draws: readonly { readonly step: number; readonly shift: number }[]): readonly Arrival[] {
  let seq = 10;
  const keyed = draws.map(({ step, shift }, i) => {
    seq += step;
    return { seq, place: i + shift };
  });
  return keyed.sort((a, b) => a.place - b.place).map(({ seq }, i) => arrival({ id: `${seq}`, seq }, i));
}

function sequenced(behind: "count" | "quarantine"): Pipeline {
  const windows = [lifetime()];
  const view = defineView("v", {
    entity: "user",
    sequence: { column: "seq", reorder: 3, behind },
    features: [count("events", { windows }), lastK("recent", "item", { k: 3, windows })],
  });
  return compile({ ...features, views: [view] }, schema);
}

/** What the live fold leaves, and the positions that it refused. */
function live(pipeline: Pipeline, batches: readonly (readonly Event[])[]) {
  const refused = new Set<string>();
  const table = batches.reduce(
    (table, batch) => foldWith(pipeline, table, batch, ({ record }) => refused.add(record.position.sequence)),
    EMPTY,
  );
  return { table, refused };
}

function summary(pipeline: Pipeline, table: Table, view = "v") {
  const [item] = [...table.values()].filter(({ key }) => key.view === view);
  return summarizeItem(pipeline, view, (item as NonNullable<typeof item>).bytes);
}

function shown(pipeline: Pipeline, table: Table) {
  const items = [...table.values()].map(({ bytes }) => bytes);
  return readFeatures(pipeline, "v", items, START + 10_000_000);
}
