import { reachMs, stateId } from "@millrace/engine";
import { bucketOf } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { RECOMPUTE_TRIES } from "../functions/recompute/recompute.ts";
import type { WriteFate } from "./functions/fakes.ts";
import { BUCKETS, buy, HOUR, OTHER_SHARD, pipelineWith, SETTLED } from "./functions/recompute-world.ts";
import { contents, kinesisRecord, pipeline, SLACK, START } from "./functions/shop.ts";

describe("compare", () => {
  it("finds nothing where the items are what the rows come to, and writes nothing", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2"), buy(2, "u2"), buy(3, "u1", { item: "i2" })]);
    const before = new Map(world.store.items);
    expect(await world.runAll({})).toMatchObject({ rows: 4, entities: 2, equal: 2, different: 0, written: 0, tail: 0 });
    expect(await world.runAll({ view: "by_item" })).toMatchObject({ entities: 2, equal: 2, different: 0, beyond: 0 });
    expect(world.store.items).toEqual(before);
    expect(world.results.objects.size).toBe(0);
  });

  it("counts the rows that arrived in a time beside all of them", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2"), buy(3, "u2")]);
    expect(await world.runAll({ since: new Date(START + 2).toISOString() })).toMatchObject({ rows: 3, recent: 2 });
    expect(await world.runAll({})).toMatchObject({ rows: 3, recent: 3 });
  });

  it("names what differs, as of when, and the entity's events", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u1", { item: "i2" }), buy(3, "u2")]);
    const [wrong] = world.foldedAlone([buy(2, "u1", { item: "i2" })], "by_user");
    world.store.overwrite({ view: "by_user", entity: "u1", lane: "" }, wrong as Uint8Array);
    expect(await world.runAll({})).toMatchObject({ equal: 1, different: 1, missing: 0 });
    expect(world.telemetry.reports.filter(({ level }) => level === "warn")).toHaveLength(1);
    expect(world.findings()).toEqual([
      {
        kind: "different",
        view: "by_user",
        entity: "u1",
        asOf: new Date(START + 2).toISOString(),
        differences: {
          events_1h_tumbling: { online: 1, offline: 2 },
          items_1h_tumbling: { online: 1, offline: 2 },
        },
        marks: { "": [{ shard: "shardId-000000000000", sequence: "2", subSequence: 0 }] },
        events: [2, 1].map((n) => ({
          id: `e${n}`,
          time: new Date(START + n).toISOString(),
          arrival: new Date(START + n).toISOString(),
          shard: "shardId-000000000000",
          sequence: String(n),
          subSequence: 0,
        })),
        eventsInAll: 2,
      },
    ]);
  });

  it("finds what shows in the next window only, and a counter that is wrong where the rows are the whole history", async () => {
    const ahead = kinesisRecord(2, { id: "e2", user: "u1", time: START + HOUR }, { arrivalMs: START + HOUR - 5000 });
    const again = { ...buy(1, "u1"), ...kinesisRecord(3, { id: "e1", user: "u1", item: "i1", time: START + 1 }) };
    const last = buy(4, "u1", { at: START + HOUR - 4000 });
    const records = [buy(1, "u1"), ahead, last];
    const key = { view: "by_user", entity: "u1", lane: "" };
    const world = await pipelineWith(records);
    world.store.overwrite(key, world.foldedAlone([buy(1, "u1"), last], "by_user")[0] as Uint8Array);
    const historyFrom = new Date(START - 10 * HOUR).toISOString();
    expect(await world.runAll({ historyFrom })).toMatchObject({ different: 1 });
    expect(world.findings()[0]).toMatchObject({ differences: { events_1h_tumbling: { online: 0, offline: 1 } } });

    const twice = await pipelineWith([buy(1, "u1"), again, last]);
    twice.store.overwrite(key, twice.foldedAlone([buy(1, "u1"), last], "by_user")[0] as Uint8Array);
    expect(await twice.runAll({})).toMatchObject({ different: 1 });
    expect(twice.findings()[0]).toMatchObject({ asOf: null, differences: { duplicates: { online: 0, offline: 1 } } });
  });

  it("misses an item that is gone, and a lane that is gone beside another", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2", { shard: OTHER_SHARD })]);
    world.store.items.delete(stateId({ view: "by_user", entity: "u1", lane: "" }));
    world.store.items.delete(stateId({ view: "by_item", entity: "i1", lane: OTHER_SHARD }));
    expect(await world.runAll({})).toMatchObject({ different: 1, missing: 1, equal: 1 });
    expect(await world.runAll({ view: "by_item" })).toMatchObject({ different: 1, missing: 0 });
    expect(world.findings().map(({ kind, entity }) => [kind, entity])).toEqual([
      ["different", "i1"],
      ["missing", "u1"],
    ]);
  });

  it("misses the item of the elder lane, beside one in a new lane only", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2", { shard: OTHER_SHARD })]);
    world.store.items.delete(stateId({ view: "by_item", entity: "i1", lane: "shardId-000000000000" }));
    expect(await world.runAll({ view: "by_item" })).toMatchObject({ different: 1, missing: 0 });
    expect(world.findings()).toMatchObject([{ kind: "different", entity: "i1" }]);
  });

  it("names an item whose rows are all gone, which the table alone knows of, in a new lane too", async () => {
    const records = [buy(1, "u1"), buy(2, "u2", { item: "i2", shard: OTHER_SHARD }), buy(3, "u3", { at: SETTLED + 1 })];
    const world = await pipelineWith(records, { notInTheLake: ["2"] });
    expect(await world.runAll({})).toMatchObject({ rowless: 0, different: 0 });
    world.listed.push("u1", "u2", "u3", "u4");
    expect(await world.runAll({ itemsPrefix: "work/items/" })).toMatchObject({ rowless: 1, different: 1, equal: 2 });
    expect(world.findings()).toMatchObject([
      { kind: "rowless", entity: "u2", differences: { events_1h_tumbling: { online: 1, offline: 0 } }, events: [] },
    ]);
    world.listed.push("i1", "i2");
    const lanes = await world.runAll({ view: "by_item", itemsPrefix: "work/items/" });
    expect(lanes).toMatchObject({ rowless: 1, different: 1, equal: 1 });
  });

  it("names it where rows of some entities were asked for: of those by name, or with the newest arrival in the time", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(5, "u2")], { notInTheLake: ["1", "5"] });
    world.listed.push("u1", "u2");
    const during = (from: number, to: number) =>
      world.runAll({
        itemsPrefix: "work/items/",
        among: { from: new Date(START + from).toISOString(), to: new Date(START + to).toISOString() },
      });
    expect(await during(0, 9)).toMatchObject({ rowless: 2 });
    expect(await during(1, 5)).toMatchObject({ rowless: 1 });
    expect(await during(6, 9)).toMatchObject({ rowless: 0, different: 0 });
    expect(await world.runAll({ among: ["u2", "u9"] })).toMatchObject({ rowless: 1 });
    expect(await world.runAll({ mode: "write", among: ["u2"] })).toMatchObject({ written: 0, entities: 0 });
  });

  it("leaves out what lies so far back that the rows do not reach to its beginning, and writes it no less", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u1")], { notInTheLake: ["1"] });
    const reach = reachMs(pipeline, "by_user");
    const from = (ms: number) => ({ historyFrom: new Date(ms).toISOString() });
    expect(await world.runAll(from(START + 2 - reach))).toMatchObject({ different: 1, older: 0 });
    expect(await world.runAll(from(START + 3 - reach))).toMatchObject({ different: 0, older: 1 });
    const before = contents(world.store.items);
    expect(await world.runAll({ ...from(START + 3 - reach), mode: "write" })).toMatchObject({ written: 0, older: 1 });
    expect(contents(world.store.items)).toEqual(before);
    world.store.lose();
    expect(await world.runAll(from(START + 3 - reach))).toMatchObject({ missing: 1, older: 0 });
  });

  it("tells by counters, where the rows begin late, that an item counted too few, and not that it counted too many", async () => {
    const again = kinesisRecord(2, { id: "e1", user: "u1", item: "i1", time: START + 1 });
    const historyFrom = new Date(START - 10 * HOUR).toISOString();
    const few = await pipelineWith([buy(1, "u1")], { alsoInTheLake: [again, buy(3, "u1")] });
    const key = { view: "by_user", entity: "u1", lane: "" };
    few.store.overwrite(key, few.foldedAlone([buy(1, "u1"), buy(3, "u1")], "by_user")[0] as Uint8Array);
    expect(await few.runAll({ historyFrom })).toMatchObject({ different: 1 });
    expect(few.findings()[0]).toMatchObject({ asOf: null, differences: { duplicates: { online: 0, offline: 1 } } });
    const many = await pipelineWith([buy(1, "u1"), again], { notInTheLake: ["2"] });
    expect(await many.runAll({ historyFrom })).toMatchObject({ different: 0, equal: 1 });
    expect(await many.runAll({})).toMatchObject({ different: 1 });
  });

  it("does not tell by them of lanes, where another one may have applied what this one recognised", async () => {
    const fact = { id: "e1", user: "u1", item: "i1", time: START + 1 };
    const first = kinesisRecord(1, fact, { arrivalMs: START + 1 });
    const second = kinesisRecord(2, fact, { arrivalMs: START + 2, shard: OTHER_SHARD });
    const world = await pipelineWith([second], { alsoInTheLake: [first] });
    await world.updateAgain([first]);
    const historyFrom = new Date(START - 10 * HOUR).toISOString();
    for (const task of [{ historyFrom }, {}])
      expect(await world.runAll({ view: "by_item", ...task })).toMatchObject({ equal: 1, different: 0 });
  });

  it("does not miss an item whose time is over", async () => {
    const world = await pipelineWith([buy(1, "u1")]);
    world.store.lose();
    world.nowMs = START + 100 * 86_400_000;
    expect(await world.runAll({})).toMatchObject({ expired: 1, different: 0 });
    expect(await world.runAll({ mode: "write", raiseTo: "latest" })).toMatchObject({ expired: 1, written: 0 });
  });

  it("counts what stands above the marks, and does not call it a difference", async () => {
    const world = await pipelineWith([buy(1, "u1")], { alsoInTheLake: [buy(2, "u1")] });
    expect(await world.runAll({})).toMatchObject({ equal: 1, beyond: 1 });
  });
});

describe("write", () => {
  it("puts in a failed batch whose later records were applied, once", async () => {
    const all = [
      buy(1, "u1"),
      buy(2, "u1", { item: "i2" }),
      buy(3, "u1", { item: "i3" }),
      buy(3, "u1", { item: "i3" }),
    ];
    const whole = contents((await pipelineWith(all)).store.items);
    const world = await pipelineWith([all[0], all[2], all[3]] as typeof all, {
      alsoInTheLake: [all[1] as (typeof all)[0]],
    });
    for (const view of ["by_user", "by_item"]) {
      const raiseTo = [{ shard: "shardId-000000000000", sequence: "2", subSequence: 0 }];
      await world.runAll({ view, mode: "write", raiseTo });
    }
    expect(contents(world.store.items)).toEqual(whole);
    expect(await world.runAll({ mode: "write" })).toMatchObject({ written: 0, unchanged: 1 });
    expect(await world.runAll({})).toMatchObject({ equal: 1, different: 0 });
  });

  it("makes good a table that is gone, also for those who came since the lake was settled, each in one bucket", async () => {
    const late = [buy(5, "u1", { at: SETTLED + 5 }), buy(6, "u9", { at: SETTLED + 6 })];
    const records = [buy(1, "u1"), buy(2, "u2"), ...late];
    const world = await pipelineWith(records);
    const before = contents(world.store.items);
    world.store.lose();
    const whole = { mode: "write", raiseTo: "latest" } as const;
    expect(await world.runAll(whole)).toMatchObject({ entities: 3, written: 3 });
    await world.runAll({ ...whole, view: "by_item" });
    expect(contents(world.store.items)).toEqual(before);
    expect((await world.updateAgain(records)).batchItemFailures).toEqual([]);
    expect(contents(world.store.items)).toEqual(before);
  });

  it("takes the units that a comparison has told before", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2"), buy(3, "u2", { item: "i2" })]);
    world.store.lose();
    const raiseTo = "latest" as const;
    const told = await world.runAll({ raiseTo });
    expect(told).toMatchObject({ readUnits: 2, writeUnits: 2 });
    expect(await world.runAll({ mode: "write", raiseTo })).toMatchObject({ written: 2, readUnits: 2, writeUnits: 2 });
    expect(await world.runAll({ mode: "write", raiseTo })).toMatchObject({ written: 0, readUnits: 2, writeUnits: 0 });
  });

  it("reads the stream's tail as far as the items go, and only then", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2"), buy(3, "u2", { at: SETTLED + 1 })]);
    expect(await world.runAll({ mode: "write" })).toMatchObject({ written: 0, unchanged: 2, tail: 1 });
    expect(world.streamed).toEqual(["3"]);
    const quiet = await pipelineWith([buy(1, "u1"), buy(2, "u2", { at: SETTLED - SLACK - 1 })]);
    expect(await quiet.runAll({ mode: "write" })).toMatchObject({ written: 0, unchanged: 2, tail: 0 });
    expect(quiet.streamed).toEqual([]);
  });

  it("reads again when somebody else has written, and folds what came since", async () => {
    const records = [buy(1, "u1"), buy(2, "u1", { item: "i2" }), buy(9, "u1", { item: "i9", at: SETTLED + 9 })];
    const key = { view: "by_user", entity: "u1", lane: "" };
    const world = await pipelineWith([records[0]] as typeof records, { alsoInTheLake: records.slice(1) });
    // The live fold, which never saw the second, takes the third just as the repair is written.
    const [live] = world.foldedAlone([records[0], records[2]] as typeof records, "by_user");
    world.beforeWrite = () => {
      world.beforeWrite = () => {};
      world.store.overwrite(key, live as Uint8Array);
    };
    const raiseTo = [{ shard: "shardId-000000000000", sequence: "2", subSequence: 0 }];
    expect(await world.runAll({ mode: "write", raiseTo })).toMatchObject({ conflicts: 1, written: 1, tail: 1 });
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 3, events_1h_tumbling: 2 });
  });

  it("gives up with an error when others write on and on, when a write fails, and when quarantine does", async () => {
    const broken = async (fate: WriteFate) => {
      const world = await pipelineWith([buy(1, "u1")]);
      world.store.lose();
      world.fate = fate;
      return world.runAll({ mode: "write", raiseTo: "latest" });
    };
    await expect(broken("lost")).resolves.toMatchObject({ conflicts: 1, written: 0, unchanged: 1 });
    await expect(broken("failed")).rejects.toThrow("1 items of by_user could not be written: Error: the table is gone");

    const busy = await pipelineWith([buy(1, "u1")], { alsoInTheLake: [buy(2, "u1")] });
    const [item] = [...busy.store.items.values()];
    busy.beforeWrite = () => busy.store.overwrite({ view: "by_user", entity: "u1", lane: "" }, item as Uint8Array);
    await expect(busy.runAll({ mode: "write", raiseTo: "latest" })).rejects.toThrow(
      `1 entities of by_user were still written by others after ${RECOMPUTE_TRIES} tries`,
    );
  });

  it("does not take events from an item without being told to: the lake may be what is wrong", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u1")], { notInTheLake: ["2"] });
    expect(await world.runAll({ mode: "write" })).toMatchObject({ written: 0, fewer: 1 });
    expect(world.findings()).toMatchObject([
      { kind: "fewer", entity: "u1", differences: { applied: { online: 2, offline: 1 } }, eventsInAll: 1 },
    ]);
    expect(await world.runAll({ mode: "write", fewer: "write" })).toMatchObject({ written: 1, fewer: 0 });
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 1 });
  });
});

describe("a task", () => {
  it("is told of in one line, with its counts and without any event", async () => {
    const world = await pipelineWith([buy(1, "u1")]);
    await world.run({ bucket: bucketOf("u1", BUCKETS) });
    expect(world.telemetry.reports).toEqual([
      {
        message: "recompute",
        counts: expect.objectContaining({ Rows: 1, Entities: 1, Equal: 1, Different: 0, Written: 0 }),
        context: { view: "by_user", mode: "compare", bucket: bucketOf("u1", BUCKETS) },
        level: "info",
      },
    ]);
  });

  it.each([
    [{ mode: "repair" as "write" }, 'expected mode to be "compare" or "write", got "repair"'],
    [{ rowsPrefix: "work/x" }, 'expected rowsPrefix to be a prefix that ends in "/", got "work/x"'],
    [{ bucket: BUCKETS }, "expected bucket to be the number of a bucket, got 4"],
    [{ settledUntil: "yesterday" }, 'expected settledUntil to be a time, ISO 8601, got "yesterday"'],
    [{ raiseTo: [{ shard: "s", sequence: "x", subSequence: 0 }] }, 'expected raiseTo to be "latest" or positions'],
    [{ view: "nobody" }, 'unknown view "nobody"'],
  ])("is refused as %j", async (task, message) => {
    await expect((await pipelineWith([])).run(task)).rejects.toThrow(message);
  });

  it("is refused with rows of another view", async () => {
    const world = await pipelineWith([buy(1, "u1", { item: null })]);
    const bucket = bucketOf("u1", BUCKETS);
    await expect(world.run({ view: "by_item", bucket }, { rowsOf: "by_user" })).rejects.toThrow(
      `a row below work/rows/bucket=${bucket}/ is not one of view by_item`,
    );
  });
});
