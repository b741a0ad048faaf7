import { MOST_SLICE_MS, PAUSED_SECONDS, type PutAgain, type ReplayProgress, type ReplayRequest } from "@millrace/aws";
import { decode, decodeAll, type StreamRecord } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OPEN_PARTITIONS, paceOf } from "../functions/replay-records/pace.ts";
import { RUN_BYTES, RUN_RECORDS } from "../functions/replay-records/replay-records.ts";
import { pipeline, START } from "./functions/shop.ts";
import {
  benchOf,
  chunks,
  recordOf,
  requests,
  runToEnd,
  SHARD_CHUNK,
  STORED,
  sources,
  whole,
} from "./replay-records-bench.ts";

const HOUR = 3_600_000;

/** A history has 25,000 events, and a piece takes nine of them. */
const MOST_SLICES = 2700;

describe("replay-records", () => {
  it("puts again exactly what the filters want, once and in order, whatever one invocation may do", async () => {
    await fc.assert(
      fc.asyncProperty(
        sources,
        requests,
        fc.integer({ min: 1, max: 8 }),
        chunks,
        async (source, over, workers, chunk) => {
          const bench = benchOf(source, { chunk });
          const request = { ...whole, ...over };
          const progress = await runToEnd(bench, request, workers);
          const expected = source.filter((record) => isWanted(record, request));
          expect(bench.put.map(sequenceOf)).toEqual(request.dryRun ? [] : expected.map(sequenceOf));
          expect(progress.counts).toMatchObject({
            wanted: expected.length,
            sent: request.dryRun ? 0 : expected.length,
            unreadable: 0,
          });
          expect(progress.counts.verdicts).toEqual(countBy(expected.map(verdict)));
        },
      ),
    );
  });

  it("loses nothing when an invocation dies at any put: what was put before is put once more", async () => {
    const source = Array.from({ length: 1800 }, (_, i) => recordOf(i, {}));
    for (const [fatal, chunk] of [1, 2, 3, 4].flatMap((at) => [STORED, SHARD_CHUNK].map((one) => [at, one] as const))) {
      const bench = benchOf(source, { chunk, dies: (put) => put === fatal });
      await runToEnd(bench, whole, 1);
      expect([...new Set(bench.put.map(sequenceOf))]).toEqual(source.map(sequenceOf));
    }
  });

  it("notes each row that items will be made of, and no other, also when an invocation dies", async () => {
    const source = Array.from({ length: 1200 }, (_, i) => recordOf(i, i % 7 === 0 ? { text: "no event" } : {}));
    const oversize = ({ position }: StreamRecord) => Number(position.sequence) % 11 === 0;
    const features = { ...whole, source: "stream", target: "features" } as const;
    for (const chunk of [STORED, SHARD_CHUNK]) {
      const bench = benchOf(source, { chunk, oversize, dies: (put) => put === 2 });
      await runToEnd(bench, { ...features, recordsPerSecond: 30 }, 1);
      const lines = [...bench.notes.values()].flatMap((text) => text.trim().split("\n"));
      const noted = lines.map((line) => JSON.parse(line) as PutAgain);
      const expected = source.filter((record) => decode(pipeline, record).event !== null && !oversize(record));
      expect(expected.length).toBeGreaterThan(900);
      expect([...new Set(noted.map(({ sequence }) => sequence))]).toEqual(expected.map(sequenceOf));
      expect(new Set(noted.map(({ verdict }) => verdict))).toEqual(new Set(expected.map(verdict)));
      expect([...bench.notes.keys()][0]).toMatch(/^work\/replay-put\/execution=[^/]+\/\w+-0-0\.jsonl$/);
    }
    for (const over of [{ dryRun: true }, { target: "curated" } as const]) {
      const bench = benchOf(source);
      await runToEnd(bench, { ...features, ...over }, 1);
      expect([...bench.notes]).toEqual([]);
    }
  });

  it("stamps the lake before the first put and after the last, in between now and then, and only where rows are put into it", async () => {
    const source = Array.from({ length: 4 * RUN_RECORDS }, (_, i) => recordOf(i, {}));
    const slow = benchOf(source, { chunk: STORED, msPerPut: 6000 });
    const seen: number[] = [];
    const { putting } = slow.stamps;
    slow.stamps.putting = async (execution) => {
      seen.push(slow.puts.length);
      await putting(execution);
    };
    await slow.invoke({ ...whole, recordsPerSecond: 1_000_000 }, 1, null);
    expect(slow.puts.length).toBeGreaterThan(3);
    expect(seen).toEqual([0, 2, slow.puts.length]);
    expect(new Set(slow.stamps.put)).toEqual(new Set(["test"]));
    for (const over of [{ dryRun: true }, { target: "replay-stream" } as const]) {
      const bench = benchOf(source, { chunk: STORED });
      await runToEnd(bench, { ...whole, ...over }, 1);
      expect(bench.stamps.put).toEqual([]);
    }
  });

  it("keeps all workers together to the rate, and to the partitions that Firehose has open", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 1500, size: "max" }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 5000 }),
        async (hours, workers, recordsPerSecond) => {
          const source = hours.map((hour, i) => recordOf(i, { arrivalMs: START + hour * HOUR }));
          const bench = benchOf(source);
          let progress: ReplayProgress | null = null;
          for (let before = 0; progress === null || !progress.done; before = bench.put.length) {
            const now: ReplayProgress = await bench.invoke({ ...whole, recordsPerSecond }, workers, progress);
            const sent = bench.put.slice(before);
            const open = new Set(sent.map(({ arrivalMs }) => Math.floor(arrivalMs / HOUR))).size;
            expect(open * workers).toBeLessThanOrEqual(OPEN_PARTITIONS);
            // As many workers as these, at this pace, open no more within the time that a partition stays open.
            expect((open / now.waitSeconds || 0) * bench.bufferSeconds * workers).toBeLessThanOrEqual(OPEN_PARTITIONS);
            expect((sent.length / now.waitSeconds || 0) * workers).toBeLessThanOrEqual(recordsPerSecond);
            progress = now;
          }
          expect(bench.put).toHaveLength(source.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("ends an invocation well before the function's timeout, and goes on in the next", async () => {
    const source = Array.from({ length: 3 * RUN_RECORDS }, (_, i) => recordOf(i, {}));
    const bench = benchOf(source, { msPerPut: MOST_SLICE_MS });
    const first = await bench.invoke({ ...whole, recordsPerSecond: 1_000_000 }, 1, null);
    expect(first).toMatchObject({ taken: RUN_RECORDS, done: false });
    await runToEnd(bench, whole, 1, first);
    expect(bench.put.map(sequenceOf)).toEqual(source.map(sequenceOf));
  });

  it("hands over what it has where a shard refuses until the time is over, and goes on from there", async () => {
    const source = Array.from({ length: 500 }, (_, i) => recordOf(i, {}));
    for (const dryRun of [false, true]) {
      const bench = benchOf(source, { chunk: SHARD_CHUNK, refusesAfterPages: 3 });
      const first = await bench.invoke({ ...whole, dryRun }, 1, null);
      expect(first).toMatchObject({ taken: 210, done: false });
      const last = await runToEnd(bench, { ...whole, dryRun }, 1, first);
      expect(last.counts.wanted).toBe(source.length);
      expect(bench.put.map(sequenceOf)).toEqual(dryRun ? [] : source.map(sequenceOf));
    }
  });

  it("holds few large records at one time, and still comes to its end", async () => {
    const large = `{"pad":"${"x".repeat(900_000)}"}`;
    const source = Array.from({ length: 80 }, (_, i) => recordOf(i, { text: large }));
    const bench = benchOf(source);
    expect(await bench.invoke(whole, 1, null)).toMatchObject({ taken: 80, done: true });
    expect(bench.put.map(sequenceOf)).toEqual(source.map(sequenceOf));
    expect(Math.max(...bench.puts) * large.length).toBeLessThanOrEqual(RUN_BYTES + large.length);
  });

  it("does nothing while it is paused, and goes on where it stood", async () => {
    const source = Array.from({ length: 1000 }, (_, i) => recordOf(i, {}));
    const bench = benchOf(source);
    const first = await bench.invoke({ ...whole, recordsPerSecond: 30 }, 1, null);
    bench.paused = true;
    const put = bench.put.length;
    const paused = await bench.invoke(whole, 1, first);
    expect(paused).toEqual({ ...first, slices: 2, waitSeconds: PAUSED_SECONDS, pausedSeconds: PAUSED_SECONDS });
    expect(bench.put).toHaveLength(put);
    // However long it is paused, the history of its execution has room for a month of it.
    let [waited, progress] = [0, paused];
    for (; (progress.slices ?? 0) < MOST_SLICES; waited += progress.waitSeconds)
      progress = await bench.invoke(whole, 1, progress);
    expect(waited).toBeGreaterThan(27 * 86_400);
    bench.paused = false;
    expect((await bench.invoke(whole, 1, paused)).pausedSeconds).toBeUndefined();
    bench.put.splice(put);
    await runToEnd(bench, whole, 1, paused);
    expect(bench.put.map(sequenceOf)).toEqual(source.map(sequenceOf));
  });

  it("takes longer pieces of what goes on and on, so that the history of its execution has room for days", () => {
    const paces = Array.from({ length: MOST_SLICES }, (_, slices) =>
      paceOf({ recordsPerSecond: 10, workers: 1, slices, bufferSeconds: null }),
    );
    expect(paces[0]?.mostRecords).toBe(200);
    const records = paces.reduce((sum, { mostRecords }) => sum + mostRecords, 0);
    expect(records / 10).toBeGreaterThan(3 * 86_400);
  });

  it("goes on at another rate as soon as somebody says so", async () => {
    const bench = benchOf(Array.from({ length: 5 * RUN_RECORDS }, (_, i) => recordOf(i, {})));
    const request = { ...whole, recordsPerSecond: RUN_RECORDS / 10 };
    const first = await bench.invoke(request, 1, null);
    expect(first).toMatchObject({ taken: 2 * RUN_RECORDS, waitSeconds: 20 });
    bench.rate = RUN_RECORDS / 20;
    const second = await bench.invoke(request, 1, first);
    expect(second).toMatchObject({ taken: 3 * RUN_RECORDS, waitSeconds: 20 });
    bench.rate = RUN_RECORDS;
    expect(await bench.invoke(request, 1, second)).toMatchObject({ taken: 5 * RUN_RECORDS, waitSeconds: 2 });
  });

  it("puts no error again that can be no row of the lake; other teams may want it", async () => {
    const source = [recordOf(0, {}), recordOf(1, { text: "no event" }), recordOf(2, { late: true })];
    for (const [target, sent] of [
      ["curated", ["0", "2"]],
      ["replay-stream", ["0", "1", "2"]],
    ] as const) {
      const bench = benchOf(source);
      const { counts } = await runToEnd(bench, { ...whole, source: "errors", target }, 1);
      expect(bench.put.map(sequenceOf)).toEqual(sent);
      expect(counts).toMatchObject({ wanted: 3, sent: sent.length });
    }
  });

  it("gives what a batch that was given up held unread the verdicts of update-features, for every target, and errors those that they lack", async () => {
    const targets = fc.constantFrom<ReplayRequest["target"]>("curated", "features", "replay-stream");
    await fc.assert(
      fc.asyncProperty(sources, targets, fc.boolean(), fc.boolean(), async (source, target, dryRun, ofErrors) => {
        const isJudged = ({ position }: StreamRecord) => Number(position.sequence) % 3 === 0;
        const bench = benchOf(source, ofErrors ? { isJudged } : {});
        const request = { ...whole, source: ofErrors ? "errors" : "failed", target, dryRun } as const;
        for (const _ of ["once", "twice"]) {
          bench.returned.splice(0);
          const { counts } = await runToEnd(bench, request, 1);
          const refused = decodeAll(pipeline, source).flatMap((one) =>
            one.kind === "rejection" ? [one.rejection] : [],
          );
          const expected = refused.filter(({ record }) => !ofErrors || !isJudged(record));
          expect(bench.returned).toEqual(dryRun ? [] : expected.map((one) => ({ ...one, attempt: 1 })));
          expect(counts.judged).toBe(expected.length);
        }
        if (ofErrors || target !== "features") return;
        expect(bench.put).toEqual([]);
        // Items wait for them.
        const awaited = [...bench.notes.values()].flatMap((text) => text.trim().split("\n"));
        const places = awaited.map((line) => (JSON.parse(line) as PutAgain).sequence);
        expect(places).toEqual(bench.returned.map(({ record }) => sequenceOf(record)));
      }),
      { numRuns: 40 },
    );
  });

  it("takes all records of a batch whose entities are made anew, and else those of the time", async () => {
    const source = [0, 1].map((hour) => recordOf(hour, { arrivalMs: START + hour * HOUR, text: "no event" }));
    const request = { ...whole, source: "failed", to: new Date(START + HOUR).toISOString() } as const;
    for (const [target, judged] of [
      ["features", 2],
      ["curated", 1],
    ] as const)
      expect((await runToEnd(benchOf(source), { ...request, target }, 1)).counts.judged).toBe(judged);
  });

  it("counts what is no record, and what is too large to be put again, and says so in its log", async () => {
    const source = [recordOf(0, {}), null, recordOf(1, { user: "large" })];
    const bench = benchOf(source, { oversize: ({ partitionKey }) => partitionKey === "large" });
    const { counts } = await runToEnd(bench, whole, 1);
    expect(counts).toMatchObject({ wanted: 2, sent: 1, oversize: 1, unreadable: 1 });
    expect(bench.telemetry.reports.map(({ level }) => level)).toEqual(["warn"]);
  });
});

describe("the pace", () => {
  it("lets a worker do something however low the rate is", () => {
    expect(
      paceOf({ recordsPerSecond: 1, workers: 8, slices: 0, bufferSeconds: 300 }).mostRecords,
    ).toBeGreaterThanOrEqual(1);
    expect(paceOf({ recordsPerSecond: 1, workers: 1000, slices: 0, bufferSeconds: 300 }).mostPartitions).toBe(1);
  });
});

/** The filters once more, one record at a time. */
function isWanted({ arrivalMs, partitionKey, data }: StreamRecord, { from, to, entities, where }: ReplayRequest) {
  if (arrivalMs < Date.parse(from) || arrivalMs >= Date.parse(to)) return false;
  if (entities.length > 0 && !entities.includes(partitionKey)) return false;
  if (Object.keys(where).length === 0) return true;
  const text = Buffer.from(data).toString();
  if (text === "no event") return false;
  const event = JSON.parse(text) as Record<string, unknown>;
  return Object.entries(where).every(([column, value]) => event[column] === value);
}

function verdict(record: StreamRecord): string {
  const decoded = decode(pipeline, record);
  return decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function sequenceOf({ position }: StreamRecord): string {
  return position.sequence;
}
