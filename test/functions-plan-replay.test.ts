import { S3Client } from "@aws-sdk/client-s3";
import {
  type FoundBatch,
  NO_COUNTS,
  type ReplayPlan,
  readReplayRequest,
  replayId,
  s3ArchiveObjects,
} from "@millrace/aws";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RESTORE_SECONDS } from "../functions/plan-replay/plan-chunks.ts";
import { planReplay } from "../functions/plan-replay/plan-replay.ts";
import { BUCKETS, SEGMENTS } from "../functions/plan-replay/plan-rows.ts";
import { memoryTelemetry } from "./functions/fakes.ts";
import { pipeline } from "./functions/shop.ts";
import { metrics } from "./reconcile/fakes.ts";

const request = { source: "archive", target: "curated", from: "2026-03-01T10:30:00Z", to: "2026-03-02T01:00:00Z" };

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
    expect(await bench.plan()).toEqual({ kind: "restoring", objects: 2, waitSeconds: RESTORE_SECONDS });
    expect(bench.restored).toEqual([keyOf("03-01/11"), keyOf("03-01/12")]);
    expect(await bench.plan()).toMatchObject({ kind: "restoring", objects: 2 });
    expect(bench.restored).toHaveLength(2);
    bench.thaw();
    expect(await bench.plan()).toMatchObject({ kind: "ready", chunks: 3 });
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

describe("plan-replay for the stream", () => {
  const stream = { source: "stream", from: "2026-03-04T12:00:00Z", to: "2026-03-06T00:00:00Z" };

  it("makes a chunk of each shard, up to the replay's start", async () => {
    const bench = benchOf([], { shards: ["a", "b"] });
    expect(await bench.plan("one", stream)).toMatchObject({ kind: "ready", chunks: 2, settleSeconds: null });
    const [fromMs, toMs] = [Date.parse(stream.from), Date.parse(STARTED)];
    expect(bench.chunks()).toEqual(["a", "b"].map((shard) => ({ kind: "arrived", shard, fromMs, toMs })));
    const later = { ...stream, from: "2026-03-05T12:00:00Z", name: "later" };
    expect(await bench.plan("one", later)).toMatchObject({ chunks: 0 });
  });

  it("goes through the shards hour by hour onto the stream of replays, and leaves nothing out", async () => {
    const bench = benchOf([], { shards: ["a", "b"], hasReplayStream: true });
    const to = "2026-03-04T14:20:00Z";
    expect(await bench.plan("one", { ...stream, to, target: "replay-stream" })).toMatchObject({
      chunks: 6,
      workers: 1,
    });
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
    expect(await bench.plan("one", { ...early, from })).toMatchObject({ kind: "ready", chunks: 1 });
    // Whoever was refused does not stand in the way of a later one.
    await expect(bench.plan("two", early)).rejects.toThrow("it has them from");
  });

  it("puts rows into the lake before features are made of them, of all that was read, at least as far as it goes", async () => {
    const bench = benchOf([], { shards: ["a"] });
    const features = { ...stream, target: "features" };
    expect(await bench.plan("one", features)).toMatchObject({ kind: "ready", settleSeconds: LAG_MS / 1000 });
    expect(await bench.plan("dry", { ...features, dryRun: true })).toMatchObject({
      kind: "ready",
      settleSeconds: null,
    });
    const [fromMs, toMs] = [Date.UTC(2026, 2, 4, 13), Date.UTC(2026, 2, 4, 14)];
    const reach = { last: { a: { shard: "a", sequence: "9", subSequence: 0 } }, fromMs, toMs };
    bench.files.set("m", JSON.stringify({ ResultFiles: { SUCCEEDED: [{ Key: "r" }] } }));
    bench.files.set("r", JSON.stringify({ ...NO_COUNTS, reach }));
    const afterwards = (over: object) => bench.plan("one", { ...features, ...over }, { recordsManifestKey: "m" });
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
    expect(ready).toMatchObject({ kind: "ready", chunks: 1, settleSeconds: null });
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
      { kind: "stored", ...stored },
      { kind: "sequences", shard: "a", first: "1", last: "7" },
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
    expect(plan.chunks).toBe(2 * BUCKETS);
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

  it("only compares in a dry run, and makes one view where one is named", async () => {
    const bench = benchOf([]);
    await bench.plan("one", { target: "features", view: "by_item", entities: ["x"], dryRun: true });
    expect(bench.tasks()).toHaveLength(BUCKETS);
    expect(bench.tasks()[0]).toMatchObject({ view: "by_item", mode: "compare" });
    expect(bench.tasks()[0]).toMatchObject({ among: ["x"] });
    await expect(bench.plan("one", { target: "features", view: "nobody" })).rejects.toThrow("there is no view nobody");
  });

  it("asks the table for its items before it compares, and not before it writes", async () => {
    const bench = benchOf([]);
    const { from, to } = readReplayRequest(request);
    const compared = await bench.plan("one", { target: "features", dryRun: true });
    expect(compared).toMatchObject({ segments: { length: SEGMENTS }, buckets: BUCKETS });
    expect(bench.tasks()[0]).toMatchObject({ among: { from, to }, itemsPrefix: "work/replay/one/items/by_user/" });
    await bench.plan("one", { target: "features", raise: "latest", dryRun: true });
    expect(bench.tasks()[0]).not.toHaveProperty("among");
    expect(bench.tasks()[0]).toHaveProperty("itemsPrefix");
    expect(await bench.plan("one", { target: "features" })).toMatchObject({ segments: [] });
    expect(bench.tasks()[0]).not.toHaveProperty("itemsPrefix");
    const named = { target: "features", view: "by_item", entities: ["x"], dryRun: true };
    expect(await bench.plan("one", named)).toMatchObject({ segments: [] });
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

/** Half an hour of a shard, from an hour of a day on. */
function batch(shard: string, last: string, hour: number, day = 1): FoundBatch {
  const [firstArrival, lastArrival] = [hour, hour + 0.5].map((at) =>
    new Date(Date.UTC(2026, 2, day) + at * 3_600_000).toISOString(),
  ) as [string, string];
  return { stream: "events", shard, first: "1", last, firstArrival, lastArrival, stored: null };
}

interface Stored {
  readonly Key: string;
  readonly StorageClass?: string;
}

function keyOf(hour: string): string {
  return `raw/dt=2026-${hour.replace("/", "/hour=")}/raw-1.gz`;
}

const STARTED = "2026-03-05T00:00:00.000Z";
const LAG_MS = 600_000;
const HOUR_MS = 3_600_000;

interface Circumstances {
  readonly nowMs?: number;
  readonly batches?: readonly FoundBatch[];
  readonly shards?: readonly string[];
  readonly hasReplayStream?: boolean;
}

function benchOf(
  stored: readonly Stored[],
  { nowMs = Date.parse(STARTED) + 2 * LAG_MS, batches = [], shards = [], hasReplayStream = false }: Circumstances = {},
) {
  const restored: string[] = [];
  let thawed = false;
  const send = async (command: { readonly input: { readonly Prefix?: string; readonly Key?: string } }) => {
    const { Prefix, Key } = command.input;
    if (Key !== undefined) return void restored.push(Key);
    const Contents = stored
      .filter((object) => object.Key.startsWith(String(Prefix)))
      .map((object) => {
        if (!restored.includes(object.Key)) return object;
        const RestoreStatus = thawed ? { RestoreExpiryDate: new Date() } : { IsRestoreInProgress: true };
        return { ...object, RestoreStatus };
      })
      .toSorted((a, b) => (a.Key < b.Key ? -1 : 1));
    return { Contents };
  };
  const files = new Map<string, string>();
  const unloaded: string[] = [];
  const owners = new Map<string, string>();
  const handle = planReplay({
    objects: s3ArchiveObjects(
      Object.assign(new S3Client({ region: "us-east-1" }), { send: send as unknown as S3Client["send"] }),
      "raw",
    ),
    async claim(id, claimant) {
      if (!owners.has(id)) owners.set(id, claimant);
      return owners.get(id) as string;
    },
    control: { open: async () => {} },
    files: {
      bucket: "lake",
      put: async (key, text) => void files.set(key, text),
      get: async (key) => files.get(key) ?? "",
      below: async () => unloaded,
    },
    ...{ pipeline, metrics, pastMs: 48 * HOUR_MS, futureMs: HOUR_MS },
    failed: { between: async () => batches },
    ttlMs: () => 0,
    lagMs: LAG_MS,
    hasReplayStream,
    stream: { shardsSince: async () => shards },
    streamName: "events",
    retentionMs: 24 * 3_600_000,
    now: () => nowMs,
    telemetry: memoryTelemetry(),
  });
  const linesOf = (file: string) => {
    const lines = (files.get(`work/replay/one/${file}`) ?? "").split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return {
    restored,
    files,
    unloaded,
    thaw: () => {
      thawed = true;
    },
    plan: (execution = "one", over: object = {}, since: object = {}): Promise<ReplayPlan> =>
      handle({ request: { ...request, ...over }, execution, startedAt: STARTED, ...since }),
    tasks: () => linesOf("tasks.jsonl"),
    chunks: () => linesOf("chunks.jsonl"),
    keysOf: () => linesOf("chunks.jsonl").map(({ key }) => key),
  };
}
