import { NO_COUNTS, type RowsPlan, readReplayRequest, replayId, TABLE_SEGMENTS } from "@millrace/aws";
import { historyFromMs, MOST_BUCKETS } from "@millrace/lake";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LEAST_BUCKETS } from "../functions/plan-replay/plan-rows.ts";
import { RESTORE_SECONDS } from "../functions/plan-replay/thaw.ts";
import { pipeline } from "./functions/shop.ts";
import { batch, benchOf, keyOf, LAG_MS, request, STARTED } from "./replay-plans.ts";

describe("plan-replay", () => {
  it("lists the hours in which records of the time may be filed, in order, and no others", async () => {
    const { plan, keysOf } = benchOf([]);
    expect(await plan()).toMatchObject({ kind: "ready", chunks: 0 });
    const hours = ["03-01/09", "03-01/10", "03-01/23", "03-02/00", "03-01/08", "03-02/01", "02-28/10"].map(keyOf);
    const bench = benchOf(hours.map((key) => ({ Key: key })));
    expect(await bench.plan()).toMatchObject({ kind: "ready", chunks: 4 });
    expect(bench.keysOf()).toEqual(hours.slice(0, 4).toSorted());
    expect(keysOf()).toEqual([]);
  });

  it("asks for what lies frozen, once, waits for it, and reads it when it is there", async () => {
    const bench = benchOf([
      { Key: keyOf("03-01/10"), StorageClass: "GLACIER_IR" },
      { Key: keyOf("03-01/11"), StorageClass: "GLACIER" },
      { Key: keyOf("03-01/12"), StorageClass: "DEEP_ARCHIVE" },
    ]);
    expect(await bench.plan()).toMatchObject({ kind: "restoring", objects: 2, waitSeconds: RESTORE_SECONDS });
    expect(bench.restored).toEqual([keyOf("03-01/11"), keyOf("03-01/12")]);
    expect(await bench.plan()).toMatchObject({ kind: "restoring", objects: 2 });
    expect(bench.restored).toHaveLength(2);
    bench.thaw();
    expect(await bench.plan()).toMatchObject({ kind: "ready", chunks: 3 });
  });

  it("asks for what lies frozen before Athena looks into the archive, which would pass over it without a word", async () => {
    const [asked, before, reached] = ["03-01/11", "02-28/10", "03-04/23"].map(keyOf);
    const frozen = [asked, before, reached].map((Key = "") => ({ Key, StorageClass: "GLACIER" }));
    const restored = async (over: object, since: object = {}) => {
      const bench = benchOf(frozen);
      const plan = await bench.plan("one", over, since);
      if (bench.restored.length > 0)
        expect(plan).toMatchObject({
          kind: "restoring",
          objects: bench.restored.length,
          request: { target: "curated", ...over },
        });
      return bench.restored;
    };
    expect(await restored({ source: "errors" })).toEqual([asked]);
    const hours = { from: "2026-03-01T11:00:00.000Z", to: "2026-03-01T13:00:00.000Z" };
    expect(await restored({ target: "metrics", ...hours })).toEqual([asked]);
    // Items are made of what their windows reach, not of the time that was asked for.
    expect(await restored({ target: "features" })).toEqual([reached]);
    expect(await restored({ target: "features", lake: "as-it-is" })).toEqual([]);
    expect(await restored({ target: "features", dryRun: true })).toEqual([]);
    expect(await restored({ source: "quarantine", target: "features" })).toEqual([]);
  });

  it("says what to deploy where the stack has no stream for replays", async () => {
    await expect(benchOf([]).plan("one", { target: "replay-stream" })).rejects.toThrow(
      "deploy it with ReplayStream=true",
    );
  });

  it("hands a request to the first who brings it, and lets a dry run pass", async () => {
    const bench = benchOf([]);
    expect(await bench.plan("first")).toMatchObject({ kind: "ready" });
    expect(await bench.plan("second")).toEqual({ kind: "already", execution: "first" });
    // Tried again, or redriven.
    expect(await bench.plan("first")).toMatchObject({ kind: "ready" });
    expect(await bench.plan("third", { dryRun: true })).toMatchObject({ kind: "ready" });
    expect(await bench.plan("fourth", { name: "again" })).toMatchObject({ kind: "ready" });
  });
});

describe("types of events", () => {
  it("are refused where the schema has none, or where all events are needed", async () => {
    await expect(benchOf([]).plan("one", { types: ["purchase"] })).rejects.toThrow(
      "the event schema has no event_type",
    );
    for (const target of ["features", "metrics"])
      expect(() => readReplayRequest({ ...request, target, types: ["purchase"] })).toThrow(
        "is made of all of its events",
      );
  });
});

describe("plan-replay for features", () => {
  const failed = { source: "failed", target: "features" };

  it("waits until the lake holds what arrived in the time, but no longer than for what was there at its start", async () => {
    const bench = benchOf([], { nowMs: Date.parse(STARTED) });
    expect(await bench.plan("one", { target: "features", to: "2027-01-01T00:00:00Z" })).toEqual({
      kind: "settling",
      waitSeconds: LAG_MS / 1000,
    });
    expect(await bench.plan("one", { target: "features", to: "2026-03-01T12:00:00Z" })).toMatchObject({ kind: "rows" });
    expect(await bench.plan("one", { target: "features", raise: "latest", name: "l" })).toMatchObject({ kind: "rows" });
  });

  it("raises marks over the last batch of each shard, and asks for the entities of all of them", async () => {
    const batches = [batch("a", "9", 11), batch("a", "10", 10), batch("b", "7", 12)];
    const bench = benchOf([], { batches });
    const plan = await bench.plan("one", failed);
    if (plan.kind !== "rows") throw new Error(plan.kind);
    expect(plan.views.map(({ view }) => view)).toEqual(["by_user", "by_item"]);
    expect(plan.chunks).toBe(2 * LEAST_BUCKETS);
    for (const task of bench.tasks()) {
      expect(task).toMatchObject({
        mode: "write",
        raiseTo: [
          { shard: "a", sequence: "10" },
          { shard: "b", sequence: "7" },
        ],
      });
    }
    expect(plan.views[0]?.query).toContain("TIMESTAMP '2026-03-01 10:00:00.000'");
    expect(plan.views[0]?.query).toContain("TIMESTAMP '2026-03-01 12:30:00.001'");
    expect(await benchOf([]).plan("one", failed)).toMatchObject({ kind: "rows", chunks: 0, views: [] });
  });

  it("reads the batches for their verdicts first, waits for these, and then makes items as far as the batches go", async () => {
    const [kept, stored] = [
      batch("a", "9", 22, 4),
      { ...batch("a", "10", 12), stored: { bucket: "failed", key: "b" } },
    ];
    const gone = batch("a", "8", 11);
    const bench = benchOf([], { batches: [kept, stored, gone] });
    const plan = await bench.plan("one", failed);
    expect(plan).toMatchObject({ kind: "ready", makesItems: true });
    expect(bench.chunks()).toEqual([
      { kind: "sequences", shard: "a", first: "1", last: "9" },
      { kind: "stored", bucket: "failed", key: "b" },
    ]);
    expect(await bench.plan("two", { ...failed, dryRun: true })).toMatchObject({ kind: "ready", makesItems: true });
    // Once, and not again when the rows have settled.
    const early = benchOf([], { batches: [kept], nowMs: Date.parse(STARTED) });
    expect(await early.plan("one", { ...failed, to: STARTED })).toEqual({
      kind: "settling",
      waitSeconds: LAG_MS / 1000,
    });
    const [fromMs, toMs] = [Date.UTC(2026, 2, 4, 22), Date.UTC(2026, 2, 4, 22, 30)];
    const reach = { last: { a: { shard: "a", sequence: "99", subSequence: 0 } }, fromMs, toMs };
    bench.files.set("m", JSON.stringify({ ResultFiles: { SUCCEEDED: [{ Key: "r" }] } }));
    bench.files.set("r", JSON.stringify({ ...NO_COUNTS, judged: 1, reach }));
    expect(await bench.plan("one", failed, { recordsManifestKey: "m" })).toMatchObject({ kind: "looking" });
    const rows = await bench.plan("one", failed, { recordsManifestKey: "m", lackingPrefix: "lacking/", looks: 1 });
    if (rows.kind !== "rows") throw new Error(rows.kind);
    expect(bench.tasks()[0]).toMatchObject({ raiseTo: [{ shard: "a", sequence: "10" }] });
    expect(rows.notes).toEqual([
      expect.stringMatching(
        /^1 batches .* --source errors --target curated --from 2026-03-01T11:00:00.000Z --to 2026-03-01T11:30:00.001Z$/,
      ),
    ]);
  });

  it("is no longer than a state may be, however long its entities' names are; what would be longer is refused", async () => {
    const named = (count: number) => ({
      ...{ target: "features", view: "by_item" },
      entities: Array.from({ length: count }, (_, i) => `${i}`.padEnd(1000, "x")),
    });
    const plan = await benchOf([]).plan("one", named(100));
    expect(Buffer.byteLength(JSON.stringify(plan))).toBeLessThan(256 * 1024);
    expect(plan.kind).toBe("rows");
    await expect(benchOf([]).plan("one", named(110))).rejects.toThrow(
      "entities, batches: expected at most 204800 bytes, entities counting twice, got",
    );
    const batches = Array.from({ length: 400 }, () => ({
      ...{ stream: "s".repeat(500), shard: "a", first: "1", last: "2" },
      ...{ firstArrival: request.from, lastArrival: request.from },
    }));
    expect(() => readReplayRequest({ ...request, source: "failed", batches })).toThrow("ask for fewer at a time");
  });

  it("only compares in a dry run, and makes one view where one is named", async () => {
    const bench = benchOf([]);
    await bench.plan("one", { target: "features", view: "by_item", entities: ["x"], dryRun: true });
    expect(bench.tasks()).toHaveLength(LEAST_BUCKETS);
    expect(bench.tasks()[0]).toMatchObject({ view: "by_item", mode: "compare" });
    expect(bench.tasks()[0]).toMatchObject({ among: ["x"] });
    await expect(bench.plan("one", { target: "features", view: "nobody" })).rejects.toThrow("there is no view nobody");
  });

  it("has the lake held against the archive as far back as items reach before any is written, unless it is to be taken as it is", async () => {
    const bench = benchOf([]);
    const sinksOf = async (over: object) => {
      const plan = await bench.plan("one", { target: "features", ...over });
      return plan.kind === "rows" ? plan.sinks : undefined;
    };
    const froms = pipeline.views.map(({ name }) => historyFromMs(pipeline, name, Date.parse(STARTED) + LAG_MS, 0) ?? 0);
    const sinks = await sinksOf({});
    expect(sinks?.prefix).toBe("work/replay/one/sinks/ATTEMPT/");
    expect(sinks?.query).toContain(`arrival >= ${Math.min(...froms) - pipeline.maxSkewMs} AND`);
    expect(await sinksOf({ dryRun: true })).toBeNull();
    expect(await sinksOf({ lake: "as-it-is", name: "holes" })).toBeNull();
    expect(() => readReplayRequest({ ...request, lake: "as-it-is" })).toThrow("lake: is for target features only");
  });

  it("ends the rows where a window of arrival does, so that the ledger tells of all of them, unless the time asked for goes on", async () => {
    const nowMs = Date.parse(STARTED) + LAG_MS + 3_600_000 + 12_345;
    const until = async (over: object, now = nowMs) => {
      const plan = await benchOf([], { nowMs: now }).plan("one", { target: "features", ...over });
      return Date.parse((plan as RowsPlan).settledUntil);
    };
    expect(await until({})).toBe(nowMs - LAG_MS - 12_345);
    expect(await until({ raise: "latest", to: "2027-01-01T00:00:00Z" }, Date.parse(STARTED))).toBe(
      Date.parse(STARTED) - LAG_MS,
    );
    const to = new Date(nowMs - LAG_MS - 1).toISOString();
    expect(await until({ to })).toBe(nowMs - LAG_MS - 12_345);
    const late = Date.parse(STARTED) + LAG_MS - 12_345;
    expect(await until({ to: new Date(late - LAG_MS - 1).toISOString() }, late)).toBe(late - LAG_MS);
  });

  it("parts the rows into more buckets where the lake is larger, a hundred for each query", async () => {
    const asked: (readonly [number, number])[] = [];
    const sized = (bytes: number) => {
      const curatedBytes = (fromMs: number, toMs: number) => {
        asked.push([fromMs, toMs]);
        return bytes;
      };
      return benchOf([], { curatedBytes }).plan("one", { target: "features" });
    };
    const small = (await sized(1e8)) as RowsPlan;
    expect(small).toMatchObject({ buckets: LEAST_BUCKETS, parts: [0] });
    expect(asked).toEqual([
      [
        Math.min(
          ...small.views.map(({ view }) => historyFromMs(pipeline, view, Date.parse(small.settledUntil), 0) ?? 0),
        ),
        Date.parse(small.settledUntil),
      ],
    ]);
    const bench = benchOf([], { curatedBytes: () => 2.4e9 });
    expect(await bench.plan("one", { target: "features" })).toMatchObject({ buckets: 160, parts: [0, 1], chunks: 320 });
    const unloads = bench.tasks().map(({ view, bucket, rowsOf }) => [view, bucket, rowsOf]);
    expect(unloads).toContainEqual(["by_user", 99, "by_user/0"]);
    expect(unloads).toContainEqual(["by_item", 100, "by_item/1"]);
    expect(await sized(1e12)).toMatchObject({ buckets: MOST_BUCKETS, parts: { length: 10 } });
    expect(await sized(1e12).then((plan) => (plan as RowsPlan).views[0]?.query)).toContain("100 * UNLOAD_PART + 99");
  });

  it("asks the table for its items first, unless entities are named, and says where these and the tail are", async () => {
    const bench = benchOf([]);
    const { from, to } = readReplayRequest(request);
    const compared = await bench.plan("one", { target: "features", dryRun: true });
    expect(compared).toMatchObject({ segments: TABLE_SEGMENTS, buckets: LEAST_BUCKETS });
    const found = { itemsPrefix: "work/replay/one/items/by_user/", tailPrefix: "work/replay/one/tail/" };
    expect(bench.tasks()[0]).toMatchObject({ among: { from, to }, ...found });
    const { settledUntil, tailPrefix } = compared as RowsPlan;
    expect(bench.tasks()[0]).toMatchObject({ settledUntil, tailPrefix });
    await bench.plan("one", { target: "features", raise: "latest", dryRun: true });
    expect(bench.tasks()[0]).not.toHaveProperty("among");
    expect(bench.tasks()[0]).toHaveProperty("itemsPrefix");
    expect(await bench.plan("one", { target: "features" })).toMatchObject({ segments: TABLE_SEGMENTS });
    expect(bench.tasks()[0]).toMatchObject({ mode: "write", ...found });
    const named = { target: "features", view: "by_item", entities: ["x"], dryRun: true };
    expect(await bench.plan("one", named)).toMatchObject({ segments: [] });
    expect(bench.tasks()[0]).not.toHaveProperty("itemsPrefix");
  });
});

describe("a request", () => {
  it("is the same however it is written, and another one in any other field", () => {
    const whole = { ...request, entities: ["b", "a"], where: { x: "1", y: "2" }, dryRun: false };
    const id = replayId(readReplayRequest(whole));
    const fields = fc.shuffledSubarray(Object.keys(whole), { minLength: Object.keys(whole).length });
    fc.assert(
      fc.property(fields, (order) => {
        const turned: Record<string, unknown> = Object.fromEntries(
          order.map((field) => [field, whole[field as never]]),
        );
        const same = { ...turned, entities: ["a", "b"], where: { y: "2", x: "1" }, from: "2026-03-01T10:30:00.000Z" };
        expect(replayId(readReplayRequest(same))).toBe(id);
      }),
    );
    for (const other of [
      { name: "x" },
      { entities: ["a"] },
      { where: {} },
      { types: ["purchase"] },
      { recordsPerSecond: 1 },
      { source: "failed", batches: [batch("a", "1", 1)] },
      { to: "2027-01-01T00:00:00Z" },
    ]) {
      expect(replayId(readReplayRequest({ ...whole, ...other }))).not.toBe(id);
    }
  });

  it("names every mistake at once", () => {
    expect(() => readReplayRequest({ ...request, source: "tape", recordsPerSecond: 0, when: 1 })).toThrow(
      /^source: expected one of .*, got "tape"; recordsPerSecond: expected a whole number from 1 .*, got 0; when: there is no such field$/,
    );
    for (const wrong of [
      { view: "v" },
      { batches: [batch("a", "1", 1)] },
      { target: "features", entities: ["a"] },
      { raise: "latest" },
    ]) {
      expect(() => readReplayRequest({ ...request, ...wrong })).toThrow(/^(view|batches|entities)/);
    }
    expect(() => readReplayRequest({ ...request, to: request.from })).toThrow("is not before to");
    const windows = { ...request, target: "metrics", from: "2026-03-01T10:00:00Z" };
    expect(() => readReplayRequest(windows)).not.toThrow();
    for (const [wrong, sentence] of [
      [{ source: "quarantine" }, "source: metrics are made of the lake"],
      [{ to: "2026-03-02T01:00:01Z" }, "by whole hours"],
      [{ to: "2026-04-02T10:00:00Z" }, "at most 31 days at once"],
      [{ entities: ["a"] }, "a window is made of all of its events"],
      [{ where: { x: "1" } }, "a window is made of all of its events"],
      [{ view: "v" }, "view, raise: are for target features only"],
    ] as const) {
      expect(() => readReplayRequest({ ...windows, ...wrong })).toThrow(sentence);
    }
    expect(() => readReplayRequest(null)).toThrow('expected {"source": …');
  });
});
