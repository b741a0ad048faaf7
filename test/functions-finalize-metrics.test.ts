import { MOST_REST_SECONDS, PAUSED_SECONDS } from "@millrace/aws";
import {
  compileMetrics,
  defineMetric,
  defineMetrics,
  measure,
  minutes as minutesOf,
  readMetric,
  rollUp,
  tumbling,
} from "@millrace/engine";
import { ledgerTallies } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { finalizeMetrics } from "../functions/finalize-metrics/finalize-metrics.ts";
import { type TallyAnswer, tallyStream } from "../functions/tally-stream/tally-stream.ts";
import { memoryControl, memoryTelemetry } from "./functions/fakes.ts";
import { pipeline, SHARD, START } from "./functions/shop.ts";
import {
  DAY_START,
  eventsIn,
  HOUR,
  iso,
  liveRows,
  memoryMetrics,
  memoryResults,
  memoryRows,
  metrics,
  NOW,
  recordAt,
  refusing,
  streamOf,
} from "./reconcile/fakes.ts";

describe("tally-stream", () => {
  const records = [0, 1, 2, 3, 4, 5].map((i) => recordAt(DAY_START + i * 40 * 60_000, `${90 + i}`));

  it("adds up what the ledger has, hour by hour, over as many invocations as it takes", async () => {
    const ledger = rollUp(metrics, {
      incoming: null,
      written: null,
      shard: SHARD,
      windowStartMs: 0,
      windowEndMs: NOW,
      records,
      ends: "final",
      nowMs: NOW,
    });
    const expected = readMetric(
      metrics,
      "ledger",
      ledger.rows.filter(({ metric }) => metric === "ledger"),
    ).map(({ startMs, groups }) => ({
      ...(groups[0]?.values as Record<"records" | "bytes" | "checksum", unknown>),
      hourMs: startMs,
    }));
    for (const invocationMs of [0, 700_000]) {
      const results = memoryResults();
      let nowMs = 0;
      const tally = tallyStream({ stream: streamOf(records, 2), results, now: () => (nowMs += invocationMs) });
      let answer: TallyAnswer = { done: false, progress: { last: null, tallies: [] } };
      let invocations = 0;
      while (!answer.done && invocations++ < 9)
        answer = await tally({
          shard: SHARD,
          from: iso(DAY_START),
          to: iso(NOW),
          resultKey: "k",
          progress: answer.progress,
        });
      expect(invocations).toBe(invocationMs === 0 ? 1 : 5);
      const found = (await results.get("k")) as readonly Record<string, unknown>[];
      expect(found).toMatchObject(
        expected.map(({ hourMs, records, bytes, checksum }) => ({ hourMs, records, bytes, checksum, shard: SHARD })),
      );
    }
  });

  it("hands over what it has where the shard refuses until the time is over, and goes on from there", async () => {
    const sequences = ["91", "92", "93", "94", "95"];
    const records = sequences.map((sequence, i) => recordAt(DAY_START + i * 60_000, sequence));
    const results = memoryResults();
    let nowMs = 0;
    const stream = refusing(streamOf(records, 1), 2, () => (nowMs += 1000));
    const tally = tallyStream({ stream, results, now: () => nowMs });
    const task = { shard: SHARD, from: iso(DAY_START), to: iso(NOW), resultKey: "k" };
    let answer: TallyAnswer = { done: false, progress: { last: null, tallies: [] } };
    const reached: unknown[] = [];
    for (let i = 0; i < 9 && !answer.done; i++) {
      answer = await tally({ ...task, progress: answer.progress });
      reached.push(answer.progress.last?.sequence);
    }
    expect(reached).toEqual(["92", "93", "94", "95"]);
    expect(await results.get("k")).toMatchObject([{ hourMs: DAY_START, records: 5 }]);
  });

  it("counts what arrived in the time, and reads no further", async () => {
    const results = memoryResults();
    const seen: string[] = [];
    const tally = tallyStream({ stream: streamOf(records, 1, seen), results, now: () => 0 });
    await tally({
      shard: SHARD,
      from: iso(DAY_START + HOUR),
      to: iso(DAY_START + 2 * HOUR),
      resultKey: "k",
      progress: null,
    });
    expect(await results.get("k")).toMatchObject([{ hourMs: DAY_START + HOUR, records: 1 }]);
    expect(seen).toEqual(["92", "93", "94"]);
  });
});

describe("finalize-metrics", () => {
  const event = (id: string, minute: number, rest: object = {}) => ({
    ...{
      id,
      user: "ann",
      region: "north",
      time: `2026-01-02 03:${String(minute).padStart(2, "0")}:00.000`,
      amount: "1.50",
    },
    ...{
      _arrival: "2026-01-02 03:00:00.000",
      _shard: SHARD,
      _sequence: id,
      _subsequence: 0,
      _verdict: "accepted",
      ...rest,
    },
  });
  const lake = [event("1", 0), event("2", 0), event("3", 1, { _verdict: "too_late" }), event("4", 2)];
  // Of an hour that the ledger has nothing of.
  const sink = { hour: DAY_START, shard: SHARD, archived: 0, unknown: "0", checksum: "0", missing: "0" };
  const task = {
    from: iso(DAY_START),
    to: iso(DAY_START + 24 * HOUR),
    part: "03",
    eventsFolder: "events/",
    sinksFolder: "sinks/",
    recordsFolder: null,
    ledgerKeys: [],
    resultKey: "k",
    mode: "write",
  } as const;

  it("writes the windows of its hour from the lake, and tells what the live rows had too few or too many", async () => {
    // Counted on the way: minute 0 three times, minute 2 not at all.
    const store = memoryMetrics(liveRows([0, 0, 0]));
    const results = memoryResults();
    const finalize = finalizeMetrics({
      ...{ metrics, tumblingMs: 60_000 },
      rows: memoryRows({ "events/hour=03/": lake, "sinks/": [{ ...sink, hour: START, archived: 4 }] }),
      results,
      store,
      control: memoryControl(),
      telemetry: memoryTelemetry(),
    });
    const nothing = { missing: 0, lacking: 0, unarchived: 0, restored: [] };
    const made = { part: "03", ...nothing, events: 4, rows: 4, writeUnits: 4, resultKey: "k" };
    const answer = { ...made, done: true, waitSeconds: 0 };
    expect(await finalize({ ...task, mode: "compare" })).toMatchObject(answer);
    expect(eventsIn(store)).toEqual([3]);
    expect(await finalize(task)).toMatchObject(answer);
    const hourMs = START;
    expect(await results.get("k")).toEqual([
      { metric: "by_region", hourMs, events: 4, late: 1, lost: 1, again: 1 },
      { metric: "spend", hourMs, events: 4, late: 1, lost: null, again: null },
    ]);
    expect(eventsIn(store)).toEqual([2, 1, 1]);
    // Again, over rows that are final by now.
    await finalize(task);
    expect(eventsIn(store)).toEqual([2, 1, 1]);
    expect(await results.get("k")).toMatchObject([{ lost: 1, again: 1 }, {}]);
    // Whoever asks afterwards is told what readers see by now.
    await finalize({ ...task, resultKey: "later" });
    expect(await results.get("later")).toMatchObject([{ late: 1, lost: 0, again: 0 }, {}]);
  });

  it("leaves no event in a window that the lake has none of any more", async () => {
    const store = memoryMetrics(liveRows([0]));
    const deps = {
      ...{ metrics, tumblingMs: 60_000, results: memoryResults(), store, control: memoryControl() },
      telemetry: memoryTelemetry(),
    };
    for (const events of [lake, lake.slice(2), lake]) {
      await finalizeMetrics({ ...deps, rows: memoryRows({ "events/hour=03/": events }) })({
        ...task,
        sinksFolder: null,
      });
      expect(eventsIn(store)).toEqual(events === lake ? [2, 1, 1] : [1, 1]);
    }
  });

  it("does not tell what a window lost that goes on in the next hour, since half of it lies in another part", async () => {
    const odd = defineMetric("odd", { windows: [tumbling(minutesOf(7))], measures: [measure.count("events")] });
    const results = memoryResults();
    const finalize = finalizeMetrics({
      ...{ metrics: compileMetrics(defineMetrics({ metrics: [odd] }), pipeline), tumblingMs: 60_000 },
      ...{ rows: memoryRows({ "events/hour=03/": lake }), results, store: memoryMetrics([]), control: memoryControl() },
      telemetry: memoryTelemetry(),
    });
    await finalize({ ...task, sinksFolder: null });
    expect(await results.get("k")).toMatchObject([{ metric: "odd", lost: null, again: null }]);
  });

  it("has no last word where neither the archive nor the lake has what the ledger counted", async () => {
    const live = liveRows([0, 0]);
    const [counted] = ledgerTallies(
      metrics,
      live.filter(({ metric }) => metric === "ledger"),
    );
    const answer = async (over: object) => {
      const store = memoryMetrics(live);
      const rows = memoryRows({ "events/hour=03/": lake, "sinks/": [{ ...sink, hour: START, ...over }] });
      const deps = {
        ...{ metrics, tumblingMs: 60_000 },
        rows,
        results: memoryResults(),
        store,
        control: memoryControl(),
        telemetry: memoryTelemetry(),
      };
      const { lacking, rows: written } = await finalizeMetrics(deps)(task);
      return { lacking, written, events: eventsIn(store) };
    };
    const untouched = { written: 0, events: [2] };
    expect(await answer({ archived: 1 })).toEqual({ lacking: 1, ...untouched });
    // As many, but not the same.
    expect(await answer({ archived: 2, checksum: "7" })).toEqual({ lacking: 2, ...untouched });
    const checksum = String(BigInt(`0x${counted?.checksum}`));
    expect(await answer({ archived: 2, checksum })).toMatchObject({ lacking: 0, written: 4 });
    // What the archive lost and the lake has is in the windows.
    expect(await answer({ archived: 1, unknown: "1" })).toMatchObject({ lacking: 0, written: 4 });
  });

  it("waits with an hour while the replay is paused, makes it once, and then rests for its events, in parts", async () => {
    const control = memoryControl();
    const store = memoryMetrics([]);
    const sinks = [{ ...sink, hour: START, archived: 4 }];
    const rows = memoryRows({ "events/hour=03/": lake, "sinks/": sinks });
    const finalize = finalizeMetrics({
      ...{ metrics, tumblingMs: 60_000, rows, results: memoryResults(), store, control },
      telemetry: memoryTelemetry(),
    });
    // Each worker a half of a row in a hundred seconds.
    const pacing = { execution: "x", rowsPerSecond: 0.01, workers: 2 };
    control.set({ paused: true });
    const paused = await finalize({ ...task, pacing, progress: null });
    expect(paused).toMatchObject({ done: false, events: 0, rows: 0, waitSeconds: PAUSED_SECONDS });
    expect(store.table.size).toBe(0);
    control.set({ paused: false });
    const made = await finalize({ ...task, pacing, progress: paused });
    expect(made).toMatchObject({ done: false, events: 4, rows: 4, waitSeconds: MOST_REST_SECONDS });
    store.table.clear();
    const resting = await finalize({ ...task, pacing, progress: made });
    expect(resting).toMatchObject({ done: false, events: 4, rows: 4, waitSeconds: MOST_REST_SECONDS });
    expect(await finalize({ ...task, pacing, progress: resting })).toMatchObject({ done: true, waitSeconds: 200 });
    // Somebody is in a hurry.
    control.set({ recordsPerSecond: 100 });
    expect(await finalize({ ...task, pacing, progress: made })).toMatchObject({ done: true, waitSeconds: 1 });
    expect(store.table.size).toBe(0);
  });

  it("has no last word while the lake lacks records", async () => {
    const store = memoryMetrics(liveRows([0]));
    const rows = memoryRows({ "events/hour=03/": lake, "sinks/": [sink, { ...sink, missing: "2" }] });
    const finalize = finalizeMetrics({
      ...{ metrics, tumblingMs: 60_000, rows, results: memoryResults(), store, control: memoryControl() },
      telemetry: memoryTelemetry(),
    });
    expect(await finalize(task)).toMatchObject({ missing: 2, rows: 0 });
    expect(eventsIn(store)).toEqual([1]);
    expect(await finalize({ ...task, sinksFolder: null })).toMatchObject({ missing: 0, rows: 4 });
  });
});
