import { type MetricsPlan, readReplayRequest } from "@millrace/aws";
import { ledgerTallies } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { planLedger } from "../functions/plan-replay/plan-ledger.ts";
import { planMetrics } from "../functions/plan-replay/plan-metrics.ts";
import { pipeline, SHARD, START } from "./functions/shop.ts";
import { HOUR, iso, liveRows, memoryMetrics, memoryRows, metrics } from "./reconcile/fakes.ts";

const STARTED = "2026-03-05T00:00:00.000Z";
const LAG_MS = 600_000;
/** No divisor of an hour. */
const TUMBLING_MS = 420_000;
const overMs = Date.parse(STARTED) + pipeline.allowedLatenessMs + LAG_MS;

describe("plan-replay for metrics", () => {
  it("waits until the last window is over and all that may be in it has settled in the lake", async () => {
    expect(await planAt(overMs - 1001)).toEqual({ kind: "settling", waitSeconds: 2 });
    expect(await planAt(overMs)).toMatchObject({ kind: "metrics", mode: "write" });
    await expect(planAt(overMs, { to: "2026-03-05T01:00:00Z" })).rejects.toThrow(
      "ask up to 2026-03-05T00:00:00.000Z at most",
    );
  });

  it("asks for the hours of the day that the time has, and of the archive what arrived in it, whole tumbling windows", async () => {
    expect(await planAt()).toMatchObject({ hours: ["22", "23"], chunks: 2 });
    const { records } = (await planAt()) as MetricsPlan;
    const firstMs = Math.floor(Date.parse(wanted.from) / TUMBLING_MS) * TUMBLING_MS;
    expect(records.query).toContain(`arrival >= ${firstMs} AND arrival < ${Date.parse(STARTED)}`);
    const night = { from: "2026-03-03T23:00:00Z", to: "2026-03-04T01:00:00Z", dryRun: true };
    expect(await planAt(overMs, night)).toMatchObject({ hours: ["00", "23"], mode: "compare" });
    const days = (await planAt(overMs, { from: "2026-02-20T05:00:00Z" })) as MetricsPlan;
    expect(new Set(days.hours).size).toBe(24);
    expect(days.hours).toHaveLength(24);
  });

  it("holds the lake against what may be in the windows: from an early clock's arrival on, to the end of the allowed lateness", async () => {
    const { allowedLatenessMs, maxSkewMs } = pipeline;
    const { sinks, events } = (await planAt()) as MetricsPlan;
    expect(sinks.query).toContain(`arrival >= ${Date.parse(wanted.from) - maxSkewMs} `);
    expect(sinks.query).toContain(`arrival < ${Date.parse(wanted.to) + allowedLatenessMs}\n`);
    expect(events.query).toContain("TIMESTAMP '2026-03-04 22:00:00.000'");
    expect(sinks.prefix).not.toBe(events.prefix);
  });
});

describe("plan-replay for a ledger that was lost", () => {
  const [first] = ledgerTallies(
    metrics,
    liveRows([0]).filter(({ metric }) => metric === "ledger"),
  );
  const held = (hour: number, archived = 1) => ({
    ...{ hour: String(START + hour * HOUR), shard: SHARD, archived, unknown: 0, checksum: "0", missing: 0 },
  });
  const lookAt = async (sinks: readonly object[], { retentionHours = 168 } = {}) => {
    const asked: number[] = [];
    const deps = {
      ...{ metrics, rows: memoryRows({ "sinks/": sinks }), store: memoryMetrics(liveRows([0])) },
      ...{ retentionMs: retentionHours * HOUR, now: () => START + 9 * HOUR },
      stream: {
        async shardsSince(fromMs: number) {
          asked.push(fromMs);
          return ["a", "b"];
        },
      },
    };
    const request = readReplayRequest({ ...wanted, from: iso(START), to: iso(START + 8 * HOUR) });
    const { shards, from, to } = await planLedger(deps, request, "sinks/");
    const [fromHour, toHour] = [from, to].map((time) => (Date.parse(time) - START) / HOUR);
    return { shards, fromHour, toHour, asked: asked.length };
  };

  it("reads the stream once more for the hours of which the archive has more, all shards of them", async () => {
    expect(first?.records).toBe(1);
    expect(await lookAt([held(0), held(2), held(5)])).toEqual({ shards: ["a", "b"], fromHour: 2, toHour: 6, asked: 1 });
    expect(await lookAt([held(0, 2)])).toMatchObject({ shards: ["a", "b"], fromHour: 0, toHour: 1 });
  });

  it("reads nothing of a ledger that lacks nothing, of other hours, or of a time that the stream keeps no more", async () => {
    for (const sinks of [[], [held(0)], [held(-1), held(8)]])
      expect(await lookAt(sinks)).toMatchObject({ shards: [], asked: 0 });
    const old = { retentionHours: 5 };
    expect(await lookAt([held(2), held(3)], old)).toMatchObject({ shards: [], asked: 0 });
    // At the very edge it may be gone before it is read.
    expect(await lookAt([held(4)], old)).toMatchObject({ shards: [] });
    expect(await lookAt([held(3), held(5)], old)).toMatchObject({ shards: ["a", "b"], fromHour: 5, toHour: 6 });
  });
});

const wanted = { source: "archive", target: "metrics", from: "2026-03-04T22:00:00Z", to: STARTED };

function planAt(nowMs = overMs, over: object = {}) {
  const deps = {
    ...{ metrics, tumblingMs: TUMBLING_MS, lagMs: LAG_MS, pastMs: 48 * HOUR, futureMs: HOUR, now: () => nowMs },
    objects: { between: async () => [], restore: async () => {} },
    files: { bucket: "lake", put: async () => {}, get: async () => "", below: async () => [] },
  };
  const startedMs = Date.parse(STARTED);
  return planMetrics(deps, readReplayRequest({ ...wanted, ...over }), { execution: "one", startedMs });
}
