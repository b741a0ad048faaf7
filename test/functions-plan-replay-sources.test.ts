import { NO_COUNTS } from "@millrace/aws";
import { describe, expect, it } from "vitest";
import { batch, benchOf, STARTED } from "./replay-plans.ts";

describe("plan-replay for the stream", () => {
  const stream = { source: "stream", from: "2026-03-04T12:00:00Z", to: "2026-03-06T00:00:00Z" };

  it("goes up to the replay's start", async () => {
    const bench = benchOf([], { shards: ["a", "b"] });
    expect(await bench.plan("one", stream)).toMatchObject({ kind: "ready", chunks: 24, makesItems: false });
    expect(Math.max(...bench.chunks().map(({ toMs }) => Number(toMs)))).toBe(Date.parse(STARTED));
    const later = { ...stream, from: "2026-03-05T12:00:00Z", name: "later" };
    expect(await bench.plan("one", later)).toMatchObject({ chunks: 0 });
  });

  it("goes through the shards hour by hour, and leaves nothing out", async () => {
    const bench = benchOf([], { shards: ["a", "b"], hasReplayStream: true });
    const to = "2026-03-04T14:20:00Z";
    expect(await bench.plan("one", { ...stream, to, target: "replay-stream" })).toMatchObject({
      chunks: 6,
      workers: 1,
    });
    expect(bench.chunks().map(({ shard }) => shard)).toEqual(["a", "b", "a", "b", "a", "b"]);
    const times = bench.chunks().filter(({ shard }) => shard === "b");
    expect(times.map(({ fromMs }) => fromMs)).toEqual([12, 13, 14].map((hour) => Date.UTC(2026, 2, 4, hour)));
    expect(times.map(({ toMs }) => toMs)).toEqual([...times.slice(1).map(({ fromMs }) => fromMs), Date.parse(to)]);
  });

  it("says from when on there are records, and takes what it said", async () => {
    const bench = benchOf([], { shards: ["a"] });
    const early = { ...stream, from: "2026-03-03T00:00:00Z" };
    const refused: unknown = await bench.plan("one", early).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: "ReplayRequestError" });
    const [, from] = /it has them from (\S+) on/.exec(String(refused)) ?? [];
    expect(await bench.plan("one", { ...early, from })).toMatchObject({ kind: "ready", chunks: 24 });
    // Whoever was refused does not stand in the way of a later one.
    await expect(bench.plan("two", early)).rejects.toThrow("it has them from");
  });

  it("puts rows into the lake before features are made of them, of all that was read, at least as far as it goes", async () => {
    const bench = benchOf([], { shards: ["a"] });
    const features = { ...stream, target: "features" };
    expect(await bench.plan("one", features)).toMatchObject({ kind: "ready", makesItems: true });
    expect(await bench.plan("dry", { ...features, dryRun: true })).toMatchObject({
      kind: "ready",
      makesItems: false,
    });
    const [fromMs, toMs] = [Date.UTC(2026, 2, 4, 13), Date.UTC(2026, 2, 4, 14)];
    const reach = { last: { a: { shard: "a", sequence: "9", subSequence: 0 } }, fromMs, toMs };
    bench.files.set("m", JSON.stringify({ ResultFiles: { SUCCEEDED: [{ Key: "r" }] } }));
    bench.files.set("r", JSON.stringify({ ...NO_COUNTS, reach }));
    const afterwards = (over: object) =>
      bench.plan("one", { ...features, ...over }, { recordsManifestKey: "m", lackingPrefix: "lacking/" });
    expect(await afterwards({})).toMatchObject({ kind: "rows" });
    expect(bench.tasks()[0]).toMatchObject({ raiseTo: [{ shard: "a", sequence: "9" }] });
    const one = await afterwards({ view: "by_item", entities: ["x"] });
    if (one.kind !== "rows") throw new Error(one.kind);
    expect(one.views[0]?.query).toContain("IN ('x')");
    await afterwards({ raise: "latest" });
    expect(bench.tasks()[0]).toMatchObject({ raiseTo: "latest" });
  });
});

describe("plan-replay for Firehose's errors", () => {
  it("has Athena look for the records first, and then lists what it found", async () => {
    const bench = benchOf([]);
    const plan = await bench.plan("one", { source: "errors" });
    if (plan.kind !== "unload") throw new Error(plan.kind);
    expect(plan.query).toContain("TO 's3://lake/work/replay/one/unloaded/ATTEMPT/'");
    bench.unloaded.push("work/replay/one/unloaded/0/a.gz");
    const ready = await bench.plan("one", { source: "errors" }, { unloadedPrefix: "work/replay/one/unloaded/0/" });
    expect(ready).toMatchObject({ kind: "ready", chunks: 1, makesItems: false });
    expect(bench.chunks()).toEqual([{ kind: "stored", bucket: "lake", key: bench.unloaded[0] }]);
    await expect(bench.plan("two", { source: "errors", target: "features" })).rejects.toThrow("give curated");
  });
});

describe("plan-replay for batches that were given up", () => {
  const failed = { source: "failed", from: "2026-03-01T00:00:00Z", to: "2026-03-06T00:00:00Z" };

  it("reads records where they lie: in the object, or else in the stream from the first to the last", async () => {
    const stored = { bucket: "failed", key: "aws/lambda/a" };
    const bench = benchOf([], { batches: [batch("a", "7", 23, 4), { ...batch("b", "9", 1, 1), stored }] });
    expect(await bench.plan("one", failed)).toMatchObject({ kind: "ready", chunks: 2 });
    const chunks = [
      { kind: "sequences", shard: "a", first: "1", last: "7" },
      { kind: "stored", ...stored },
    ];
    expect(bench.chunks()).toEqual(chunks);
    const { stored: _, ...given } = batch("c", "8", 22, 4);
    await bench.plan("one", { ...failed, batches: [given] });
    expect(bench.chunks()).toEqual([{ kind: "sequences", shard: "c", first: "1", last: "8" }]);
  });

  it("says what to do where the stream does not keep the records any more, and takes what it said", async () => {
    const { stored: _, ...given } = batch("a", "7", 12, 3);
    for (const bench of [benchOf([], { batches: [batch("a", "7", 12, 3)] }), benchOf([])]) {
      const request = { ...failed, batches: [given] };
      const refused: unknown = await bench.plan("one", request).catch((error: unknown) => error);
      expect(refused).toMatchObject({ name: "ReplayRequestError" });
      const [, source, from, to] = /--source (\S+) --from (\S+) --to (\S+)/.exec(String(refused)) ?? [];
      expect(await bench.plan("one", { source, from, to })).toMatchObject({ kind: "ready" });
      // Features need to know only which: the lake has the rows.
      expect(await bench.plan("one", { ...request, target: "features" })).toMatchObject({ kind: "rows", chunks: 64 });
      expect(bench.tasks()[0]).toMatchObject({ raiseTo: [{ shard: "a", sequence: "7" }] });
    }
  });

  it("takes no batch of another stream, whose numbers mean nothing here", async () => {
    const { stored: _, ...given } = batch("a", "7", 23, 4);
    const request = { ...failed, target: "features", batches: [{ ...given, stream: "others" }] };
    await expect(benchOf([]).plan("one", request)).rejects.toThrow("expected batches of events, got one of others");
    const half = { ...failed, batches: [{ stream: "events", shard: "a" }] };
    await expect(benchOf([]).plan("one", half)).rejects.toThrow("batches: expected a list of at most 400");
  });
});
