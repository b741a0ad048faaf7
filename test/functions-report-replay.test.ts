import { readReplayRequest } from "@millrace/aws";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { metricsLines } from "../cli/replay/print-metrics.ts";
import { estimateOf, type Figures } from "../functions/report-replay/estimate.ts";
import { type Done, MOST_AGAIN, reportReplay } from "../functions/report-replay/report-replay.ts";
import { memoryTelemetry } from "./functions/fakes.ts";

describe("the report of a replay into metrics", () => {
  it("adds up what each metric says now and did not before, hour by hour", async () => {
    const { report, files } = bench({
      "00": [
        { metric: "spend", events: 3, late: 1, lost: null, again: null },
        { metric: "by_region", events: 3, late: 1, lost: 2, again: 0 },
      ],
      "01": [{ metric: "by_region", events: 4, late: 0, lost: 0, again: 5 }],
    });
    const said = await report({});
    expect(said.metrics).toEqual({
      ...{ events: 20, records: 60, rows: 200, writeUnits: 20_000, unarchived: 0, restored: [] },
      changes: [
        { metric: "by_region", events: 7, late: 1, lost: 2, again: 5 },
        { metric: "spend", events: 3, late: 1, lost: null, again: null },
      ],
    });
    expect(said.estimate).toMatchObject({ atLeastSeconds: 5, dollars: 0.02, of: { dynamodb: 0.0125 } });
    expect(JSON.parse(files.get(said.reportKey) ?? "")).toEqual(said);
  });

  it("adds up what came from elsewhere than the lake, and names the measures that nothing tells any more", async () => {
    const { report } = bench({ "00": [], "01": [] });
    const arrivals = { metric: "arrivals", windows: 60, without: ["freshness"], ofArchive: 0 };
    const ledger = { metric: "ledger", windows: 1, without: [], ofArchive: 2 };
    const hour = { ...nothing, resultKey: "00" };
    const { metrics } = await report({
      finalized: [
        { ...hour, unarchived: 3, restored: [ledger, arrivals] },
        { ...hour, unarchived: 3, restored: [arrivals, { ...ledger, ofArchive: 0 }] },
      ],
    });
    expect(metrics).toMatchObject({
      unarchived: 3,
      restored: [
        { ...arrivals, windows: 120 },
        { ...ledger, windows: 2 },
      ],
    });
    const lines = metrics === null ? [] : metricsLines(metrics);
    expect(lines.slice(-3)).toEqual([
      "  made anew          arrivals, 120 windows; of these nothing tells any more: freshness",
      "  made anew          ledger, 2 windows; 2 hours of a shard from the archive, about which they prove nothing",
      "  not in the archive 3 records that the lake has: what is made of it lacks them",
    ]);
  });

  it("fails, and says what to do first, where the lake lacked records", async () => {
    const { report, files } = bench({ "00": [] });
    const finalized = [{ ...nothing, missing: 7, resultKey: "00" }];
    await expect(report({ finalized })).rejects.toThrow(/lacks 7 records .*--source archive --target curated/);
    const lost = [{ ...nothing, lacking: 3, resultKey: "00" }];
    await expect(report({ finalized: lost })).rejects.toThrow(/neither the archive nor the lake has 3 records/);
    expect([...files.keys()]).toEqual(["00"]);
  });
});

describe("the report of items whose rows turned out to be older than another replay's", () => {
  it("has them read anew, some times, says so in the end, and then gives up", async () => {
    const { handle, files } = bench({});
    const stale = { request: ofFeatures, finalized: null, rowsManifestKey: "manifest" };
    files.set("manifest", JSON.stringify({ ResultFiles: { SUCCEEDED: [{ Key: "a" }, { Key: "b" }] } }));
    files.set("a", '{"stale":0,"written":2}\n');
    files.set("b", '{"stale":1,"written":0}\n');
    for (const again of [0, MOST_AGAIN - 1]) expect(await handle({ ...stale, again })).toEqual({ kind: "stale" });
    await expect(handle({ ...stale, again: MOST_AGAIN })).rejects.toThrow(/rows were put into the lake .*--name/);
    files.set("b", '{"stale":0,"written":3}\n');
    expect(await handle({ ...stale, again: 2 })).toMatchObject({ kind: "done", again: 2, recomputed: { written: 5 } });
  });
});

const ofFeatures = {
  ...{ source: "archive", target: "features", from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z" },
};

const nothing = { missing: 0, lacking: 0, unarchived: 0, events: 0, records: 0, rows: 0, writeUnits: 0, restored: [] };

describe("the estimate", () => {
  const request = { source: "archive", from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z", dryRun: true };
  const figuresOf = (target: string, over: Partial<Figures> = {}): Figures => ({
    request: readReplayRequest({ ...request, target }),
    counts: { wanted: 0, bytes: 0, judged: 0 },
    ...{ recomputed: null, metrics: null, chunks: 64, workers: 8, scannedBytes: [] },
    ...over,
  });

  it("of items made anew says what Athena, DynamoDB and Lambda take", () => {
    const recomputed = { rows: 1_600_000, tail: 0, readUnits: 1_000_000, writeUnits: 2_000_000 };
    const { atLeastSeconds, dollars, of } = estimateOf(
      figuresOf("features", { recomputed, scannedBytes: [1000, 200_000_000_000] }),
    );
    expect(of).toEqual({
      ...{ firehose: 0, kinesis: 0, stepFunctions: 0.0161 },
      // The smaller query is charged as 10 MiB.
      athena: 1.0001,
      dynamodb: 0.125 + 1.25,
      lambda: 0.0057,
    });
    expect(dollars).toBe(2.4);
    // 80 s of folding and one for each bucket, eight at a time; the table takes 4,000 units a second.
    expect(atLeastSeconds).toBe(500);
    expect(estimateOf(figuresOf("features", { recomputed: { ...recomputed, writeUnits: 0 } })).atLeastSeconds).toBe(18);
  });

  it("of records says what the delivery or the stream takes, at the rate that was asked for", () => {
    const counts = { wanted: 4_000_000, bytes: 2_000_000_000, judged: 0 };
    const lake = estimateOf(figuresOf("curated", { counts }));
    expect(lake).toMatchObject({ atLeastSeconds: 2000, of: { firehose: 1.3722, kinesis: 0, athena: 0, dynamodb: 0 } });
    const { of } = estimateOf(figuresOf("replay-stream", { counts }));
    expect(of).toMatchObject({ firehose: 0, kinesis: 0.224 });
    // Of batches only verdicts are put.
    const failed = readReplayRequest({ ...request, source: "failed", target: "features" });
    const batches = estimateOf({ ...figuresOf("features", { counts: { ...counts, judged: 4000 } }), request: failed });
    expect(batches).toMatchObject({ atLeastSeconds: 2, of: { firehose: 0.0014 } });
  });

  it("is dearer with whatever there is more of, and never nothing where anything is done", () => {
    const counts = fc.record({ wanted: fc.nat(1e6), bytes: fc.nat(1e9), judged: fc.constant(0) });
    const recomputed = fc.record({ rows: fc.nat(1e7), readUnits: fc.nat(1e7), writeUnits: fc.nat(1e7) });
    const all = fc.record({
      counts,
      recomputed,
      scannedBytes: fc.array(fc.nat(1e9)),
      chunks: fc.integer({ min: 1, max: 99 }),
    });
    fc.assert(
      fc.property(all, (figures) => {
        const one = estimateOf(figuresOf("features", figures));
        expect(one.dollars).toBeGreaterThan(0);
        const posts = Object.values(one.of).reduce((sum, dollars) => sum + dollars, 0);
        expect(Math.abs(posts - one.dollars)).toBeLessThan(0.011);
        const more = { ...figures.recomputed, writeUnits: figures.recomputed.writeUnits + 1e6 };
        const scannedBytes = [...figures.scannedBytes, 1e10];
        expect(estimateOf(figuresOf("features", { ...figures, recomputed: more })).dollars).toBeGreaterThan(
          one.dollars,
        );
        expect(estimateOf(figuresOf("features", { ...figures, scannedBytes })).dollars).toBeGreaterThan(one.dollars);
      }),
    );
  });

  it("says what a dry run cannot know: items that are made of rows which it does not make", () => {
    const quarantine = readReplayRequest({ ...request, source: "quarantine", target: "features" });
    expect(estimateOf({ ...figuresOf("features"), request: quarantine }).without).toHaveLength(1);
    expect(estimateOf({ ...figuresOf("features"), request: { ...quarantine, dryRun: false } }).without).toEqual([]);
    expect(estimateOf(figuresOf("features", { recomputed: {} })).without).toEqual([]);
  });
});

function bench(tallies: Readonly<Record<string, readonly object[]>>) {
  const files = new Map(
    Object.entries(tallies).map(([key, lines]) => [key, lines.map((line) => `${JSON.stringify(line)}\n`).join("")]),
  );
  const handle = reportReplay({
    files: {
      bucket: "lake",
      put: async (key, text) => void files.set(key, text),
      get: async (key) => files.get(key) ?? "",
      below: async () => [],
    },
    telemetry: memoryTelemetry(),
    now: () => Date.UTC(2026, 2, 5),
  });
  const done: Done = {
    request: { source: "archive", target: "metrics", from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z" },
    ...{ execution: "one", startedAt: "2026-03-05T00:00:00Z", chunks: 24 },
    ...{ recordsManifestKey: null, rowsManifestKey: null, scannedBytes: [], notes: [] },
    finalized: Object.keys(tallies).map((resultKey) => ({
      ...{ ...nothing, events: 10, records: 30, rows: 100, writeUnits: 10_000, resultKey },
    })),
  };
  const report = async (over: Partial<Done>) => {
    const said = await handle({ ...done, ...over });
    if (said.kind === "stale") throw new Error("nothing is stale here");
    return said;
  };
  return { files, handle: (over: Partial<Done>) => handle({ ...done, ...over }), report };
}
