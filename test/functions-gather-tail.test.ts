import { MOST_SLICE_MS, putTailEnds, TailGoneError, toItemLine } from "@millrace/aws";
import { bucketOf } from "@millrace/lake";
import type { KinesisStreamRecord } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listedItems } from "../functions/recompute/listed-items.ts";
import type { RecomputeTask } from "../functions/recompute/task.ts";
import { memoryRows } from "./functions/fakes.ts";
import { BUCKETS, buy, HOUR, OTHER_SHARD, pipelineWith, SETTLED } from "./functions/recompute-world.ts";
import { contents, USER_LIMIT } from "./functions/shop.ts";

/** gather-tail, and recompute with what it has left. */

const SHARD = "shardId-000000000000";
const NEVER = Number.POSITIVE_INFINITY;
const GATHERED = { itemsPrefix: "work/items/", tailPrefix: "work/tail/" };

describe("recompute with a tail that was gathered", () => {
  it("makes the same items as with the stream alone, wherever the gathered part ends and whatever was lost", async () => {
    await fc.assert(
      fc.asyncProperty(histories(), async (history) => {
        const byStream = await brokenWorld(history);
        await byStream.rest();
        for (const view of ["by_user", "by_item"]) await byStream.world.runAll({ ...history.task, view });
        const byFiles = await brokenWorld(history);
        const { world } = byFiles;
        world.mostListedBytes = history.mostListedBytes;
        world.listedItems = new Map(world.store.items);
        const end = byFiles.folded + Math.floor(history.gathered * (byFiles.all - byFiles.folded));
        await world.gather(end, { pageSize: history.pageSize });
        await byFiles.rest();
        for (const view of ["by_user", "by_item"]) await world.runAll({ ...history.task, ...GATHERED, view });
        expect(world.streamed.filter((sequence) => Number(sequence) <= end)).toEqual([]);
        // What the reader had not come to yet comes now.
        await Promise.all([byStream.world.updateAgain(byStream.late), world.updateAgain(byFiles.late)]);
        expect(contents(world.store.items)).toEqual(contents(byStream.world.store.items));
      }),
      { numRuns: 60 },
    );
  });

  it("needs neither the stream nor the table for items that are right, while traffic goes on", async () => {
    const late = [buy(5, "u1", at(5)), buy(6, "u2", at(6, OTHER_SHARD)), buy(7, "u4", at(7))];
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2"), buy(3, "u3"), buy(4, "u1", at(4))], {
      alsoInTheLake: late,
    });
    world.listedItems = new Map(world.store.items);
    await world.gather();
    await world.updateAgain(late);
    for (const view of ["by_user", "by_item"]) {
      const compared = await world.runAll({ ...GATHERED, view });
      expect(compared).toMatchObject({ different: 0, beyond: 0, streamed: 0, writeUnits: 0 });
      expect(compared.equal).toBeGreaterThan(0);
      const written = await world.runAll({ ...GATHERED, view, mode: "write" });
      expect(written).toMatchObject({ written: 0, conflicts: 0, streamed: 0 });
    }
    expect(world.loads).toBe(0);
  });

  it("looks at the live items of all whose listed ones are too much to hold, and finds the same", async () => {
    const world = await pipelineWith([buy(1, "u1"), buy(2, "u2"), buy(3, "u3"), buy(4, "gone")], {
      notInTheLake: ["4"],
    });
    world.listedItems = new Map(world.store.items);
    await world.gather();
    const held = await world.runAll(GATHERED);
    expect(held).toMatchObject({ equal: 3, rowless: 1 });
    world.loads = 0;
    world.mostListedBytes = 0;
    expect(await world.runAll(GATHERED)).toMatchObject({ equal: 3, rowless: 1 });
    expect(world.loads).toBeGreaterThan(1);
  });

  it("holds all of an entity's listed items or none, and no more bytes than it may", async () => {
    const lines = [...["a", "b", "a", "a"].entries()].map(([n, entity]) =>
      JSON.stringify(toItemLine({ key: { view: "by_item", lane: `${n}`, entity }, bytes: Buffer.alloc(100) })),
    );
    const rows = memoryRows(new Map([["work/items/bucket=0/", lines]]));
    const task = { ...GATHERED, mode: "compare", bucket: 0 } as RecomputeTask;
    const held = async (mostBytes: number) => {
      const items = await listedItems(rows, task, { hasRows: () => false, mostBytes });
      return ["a", "b"].map((entity) => [...(items.get(entity)?.keys() ?? ["none"])].join(" "));
    };
    expect(await held(400)).toEqual(["0 2 3", "1"]);
    expect(await held(299)).toEqual(["none", "1"]);
    expect(await held(199)).toEqual(["none", "none"]);
    expect((await listedItems(rows, task, { hasRows: () => false, mostBytes: 0 })).size).toBe(2);
  });

  it("reads the stream on for an item that is not, from where the gathered part ends", async () => {
    const [lost, late, last] = [buy(2, "u1", { item: "i2" }), buy(5, "u1", at(5)), buy(6, "u1", at(6))];
    const world = await pipelineWith([buy(1, "u1"), buy(3, "u1"), buy(4, "u2")], { alsoInTheLake: [lost, late, last] });
    world.listedItems = new Map(world.store.items);
    await world.gather(5);
    await world.updateAgain([late, last]);
    const task = { ...GATHERED, mode: "write" } as const;
    expect(await world.runAll(task)).toMatchObject({ written: 1, unchanged: 1, streamed: 1, tail: 2 });
    expect(world.streamed).toEqual(["6"]);
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 5 });
    expect(await world.runAll({ ...task, mode: "compare" })).toMatchObject({ different: 0, equal: 2 });
  });

  it("leaves what one bucket has read on to the next, so that all of them read the stream once", async () => {
    const users = ["u1", "u2", "u3", "u4", "u5"];
    expect(new Set(users.map((user) => bucketOf(user, BUCKETS))).size).toBeGreaterThan(1);
    const late = users.map((user, n) => buy(20 + n, user, at(20 + n)));
    const lost = users.map((user, n) => buy(n + 1, user, { item: "i1" }));
    const world = await pipelineWith(
      users.map((user, n) => buy(10 + n, user)),
      { alsoInTheLake: [...lost, ...late] },
    );
    world.listedItems = new Map(world.store.items);
    await world.gather(10);
    await world.updateAgain(late);
    for (const view of ["by_user", "by_item"]) {
      const { written, fewer } = await world.runAll({ ...GATHERED, mode: "write", view });
      expect([(written ?? 0) > 0, fewer]).toEqual([true, 0]);
    }
    expect(world.streamed.toSorted()).toEqual(late.map(({ kinesis }) => kinesis.sequenceNumber));
    for (const user of users) expect(contents(world.store.items)[`by_user  ${user}`]).toMatchObject({ applied: 3 });
  });

  it("hands over to the next invocation where it has not read far enough in its time, which goes on from there", async () => {
    const late = Array.from({ length: 5 }, (_, n) => buy(20 + n, "u1", at(20 + n)));
    const lost = buy(2, "u1", { item: "i2" });
    const world = await pipelineWith([buy(1, "u1"), buy(3, "u1")], { alsoInTheLake: [lost, ...late] });
    world.listedItems = new Map(world.store.items);
    await world.gather(3);
    await world.updateAgain(late);
    const task = { ...GATHERED, mode: "write", bucket: bucketOf("u1", BUCKETS) } as const;
    world.afterPage = () => (world.nowMs += MOST_SLICE_MS);
    const first = await world.run(task);
    expect(first).toMatchObject({ done: false, after: null, waitSeconds: 0, counts: { written: 0, streamed: 1 } });
    let answer = first;
    for (let n = 2; n <= 5; n++) answer = await world.run({ ...task, progress: answer });
    expect(answer).toMatchObject({ done: true, after: "u1", counts: { written: 1, streamed: 5, fewer: 0 } });
    expect(world.streamed).toEqual(late.map(({ kinesis }) => kinesis.sequenceNumber));
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 8 });
  });

  it("reads a shard that came after it from its beginning", async () => {
    const [lost, child] = [buy(2, "u1", { item: "i2" }), buy(5, "u1", at(5, OTHER_SHARD))];
    const world = await pipelineWith([buy(1, "u1"), buy(3, "u1")], { alsoInTheLake: [lost, child] });
    await world.updateAgain([child]);
    world.listedItems = new Map(world.store.items);
    await world.gather(3);
    expect(await world.runAll({ ...GATHERED, mode: "write" })).toMatchObject({ written: 1, streamed: 1 });
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 4 });
  });

  it("looks at the live item where the listed one cannot be read, and says what is wrong with it", async () => {
    const world = await pipelineWith([buy(1, "u1")]);
    world.listedItems = new Map([...world.store.items.keys()].map((id) => [id, Buffer.from("torn")]));
    await world.gather();
    expect(await world.runAll(GATHERED)).toMatchObject({ equal: 1, different: 0 });
    world.store.overwrite({ view: "by_user", entity: "u1", lane: "" }, Buffer.from("torn"));
    await expect(world.runAll(GATHERED)).rejects.toThrow("by_user");
  });

  it("does not call an entity lost that came while the tail was gathered", async () => {
    const world = await pipelineWith([buy(1, "u1")], { alsoInTheLake: [buy(2, "u2", at(2)), buy(3, "u1", at(3))] });
    world.listedItems = new Map(world.store.items);
    await world.gather();
    expect(await world.runAll(GATHERED)).toMatchObject({ equal: 1, different: 0, missing: 0, beyond: 0 });
  });
});

describe("gather-tail", () => {
  it("reads each record once, goes on where its time was over, and leaves the same", async () => {
    const records = Array.from({ length: 20 }, (_, n) =>
      buy(n + 1, `u${n % 5}`, at(n + 1, n % 3 === 0 ? OTHER_SHARD : SHARD)),
    );
    const world = await pipelineWith(records);
    const once = await world.gather();
    expect(once).toEqual({ invocations: 2, read: 20 });
    const left = linesOf(world.files);
    world.files.clear();
    const pieces = await world.gather(20, { mostPages: 1 });
    expect(pieces.invocations).toBeGreaterThan(8);
    // The last record of the piece before is met again, and the page after the time is left.
    expect(pieces.read).toBeLessThanOrEqual(20 + 3 * pieces.invocations);
    expect(linesOf(world.files)).toEqual(left);
    expect(left.filter(([folder]) => folder?.startsWith("work/tail/by_user/"))).toHaveLength(20);
  });

  it("is believed as far as it says, whatever a try before it has left behind that", async () => {
    const [lost, late, later] = [buy(2, "u1", { item: "i2" }), buy(5, "u1", at(5)), buy(6, "u1", at(6))];
    const world = await pipelineWith([buy(1, "u1"), buy(3, "u1")], { alsoInTheLake: [lost, late, later] });
    world.store.lose();
    await world.gather();
    const end = { shard: SHARD, sequence: "5", subSequence: 0, arrivalMs: SETTLED + 5 };
    await putTailEnds(world.tailFiles, "work/tail/", SHARD, [end]);
    const latest = { ...GATHERED, mode: "write", raiseTo: "latest" } as const;
    expect(await world.runAll(latest)).toMatchObject({ written: 1, tail: 1, streamed: 0 });
    await world.updateAgain([later]);
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 5 });
  });

  it("takes nothing from what is believed when a try whose reply was lost still runs, and dies", async () => {
    const [lost, ...late] = [
      buy(2, "u1", { item: "i2" }),
      buy(5, "u1", at(5)),
      buy(6, "u1", at(6)),
      buy(7, "u1", at(7)),
    ];
    const world = await pipelineWith([buy(1, "u1"), buy(3, "u1")], { alsoInTheLake: [lost, ...late] });
    world.store.lose();
    await world.gather();
    const believed = new Map(world.files);
    const ends = [...believed].filter(([key]) => key.includes("/-ends/"));
    // It began when the shard had less, and does not come to say how far it went.
    await world.gather(5);
    for (const [key, lines] of ends) world.files.set(key, lines);
    for (const [key, lines] of believed) expect(world.files.get(key)).toEqual(lines);
    const latest = { ...GATHERED, mode: "write", raiseTo: "latest" } as const;
    expect(await world.runAll(latest)).toMatchObject({ written: 1, fewer: 0, streamed: 0 });
    expect(contents(world.store.items)["by_user  u1"]).toMatchObject({ applied: 6 });
  });

  it("ends where the shard ended when it began, however much comes meanwhile", async () => {
    const records = Array.from({ length: 30 }, (_, n) => buy(n + 1, "u1", { at: SETTLED + n * 10_000 }));
    const world = await pipelineWith(records);
    world.nowMs = SETTLED + 60_000;
    const { read } = await world.gather();
    expect(read).toBeGreaterThanOrEqual(7);
    expect(read).toBeLessThanOrEqual(12);
  });

  it("says so when the stream does not keep what the lake lacks any more", async () => {
    const world = await pipelineWith([buy(1, "u1", at(1))]);
    world.nowMs = SETTLED + 48 * HOUR;
    await expect(world.gather()).rejects.toThrow(TailGoneError);
    await expect(world.gather()).rejects.toThrow("by a run under another name");
  });
});

interface History {
  readonly early: readonly Purchase[];
  readonly late: readonly Purchase[];
  /** Of the early ones, those that the live fold never saw. */
  readonly lost: readonly number[];
  /** How much of what the live fold has not come to when items are listed is gathered; and is folded before the recompute. */
  readonly gathered: number;
  readonly foldedLate: number;
  readonly pageSize: number;
  readonly mostListedBytes: number;
  readonly loses: boolean;
  readonly task: Pick<RecomputeTask, "mode" | "raiseTo">;
}

interface Purchase {
  readonly user: string;
  readonly item: string;
  readonly shard: string;
}

function histories(): fc.Arbitrary<History> {
  const purchases = fc.array(
    fc.record({
      user: fc.constantFrom("u1", "u2", "u3", "u4", "u5"),
      item: fc.constantFrom("i1", "i2"),
      shard: fc.constantFrom(SHARD, OTHER_SHARD),
    }),
    { minLength: 1, maxLength: 14, size: "max" },
  );
  const part = fc.integer({ min: 0, max: 4 }).map((n) => n / 4);
  return fc
    .record({
      ...{ early: purchases, late: purchases, lost: fc.array(fc.nat(13), { maxLength: 4 }), loses: fc.boolean() },
      ...{ gathered: part, foldedLate: part, pageSize: fc.integer({ min: 1, max: 5 }) },
      mostListedBytes: fc.constantFrom(0, 400, NEVER),
    })
    .filter(({ early, late }) => {
      // Beyond it depends on who comes first what an entity refuses.
      const users = [...early, ...late].map(({ user }) => user);
      return users.every((user) => users.filter((other) => other === user).length <= USER_LIMIT);
    })
    .map((history) => {
      const last = (shard: string) => ({ shard, sequence: String(history.early.length), subSequence: 0 });
      const raiseTo = history.loses ? ("latest" as const) : [SHARD, OTHER_SHARD].map(last);
      return { ...history, task: { mode: "write", raiseTo } };
    });
}

/** Up to where the items are listed; `rest` folds what comes while the tail is gathered. */
async function brokenWorld({ early, late, lost, loses, foldedLate }: History) {
  const records = early.map(({ user, ...rest }, n) => buy(n + 1, user, rest));
  const later = late.map(({ user, item, shard }, n) => {
    const number = early.length + n + 1;
    return buy(number, user, { item, ...at(number, shard) });
  });
  const isLost = (_: KinesisStreamRecord, n: number) => lost.includes(n);
  const world = await pipelineWith(
    records.filter((record, n) => !isLost(record, n)),
    { alsoInTheLake: [...records.filter(isLost), ...later] },
  );
  if (loses) world.store.lose();
  const folded = Math.floor(foldedLate * later.length);
  return {
    ...{ world, late: later, folded: early.length, all: early.length + late.length },
    rest: () => world.updateAgain(later.slice(0, folded)),
  };
}

function at(n: number, shard = SHARD) {
  return { at: SETTLED + n, shard };
}

/** Each with its folder: in which object of a folder a line lies does not matter. */
function linesOf(files: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  return [...files]
    .flatMap(([key, lines]) => lines.map((line) => [key.slice(0, key.lastIndexOf("/") + 1), line]))
    .toSorted(([a = "", b = ""], [c = "", d = ""]) => (`${a}${b}` < `${c}${d}` ? -1 : 1));
}
