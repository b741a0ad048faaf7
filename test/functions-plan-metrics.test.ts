import { type MetricsPlan, readReplayRequest } from "@millrace/aws";
import { describe, expect, it } from "vitest";
import { planMetrics } from "../functions/plan-replay/plan-metrics.ts";
import { pipeline } from "./functions/shop.ts";
import { HOUR, metrics } from "./reconcile/fakes.ts";

const STARTED = "2026-03-05T00:00:00.000Z";
const LAG_MS = 600_000;
const overMs = Date.parse(STARTED) + pipeline.allowedLatenessMs + LAG_MS;

describe("plan-replay for metrics", () => {
  it("waits until the last window is over and all that may be in it has settled in the lake", async () => {
    expect(await planAt(overMs - 1001)).toEqual({ kind: "settling", waitSeconds: 2 });
    expect(await planAt(overMs)).toMatchObject({ kind: "metrics", mode: "write" });
    await expect(planAt(overMs, { to: "2026-03-05T01:00:00Z" })).rejects.toThrow(
      "ask up to 2026-03-05T00:00:00.000Z at most",
    );
  });

  it("asks for the hours of the day that the time has, and names the metrics that the lake cannot tell", async () => {
    expect(await planAt()).toMatchObject({ hours: ["22", "23"], chunks: 2, notOfTheLake: ["arrivals", "ledger"] });
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

const wanted = { source: "archive", target: "metrics", from: "2026-03-04T22:00:00Z", to: STARTED };

function planAt(nowMs = overMs, over: object = {}) {
  const deps = {
    ...{ metrics, lagMs: LAG_MS, pastMs: 48 * HOUR, futureMs: HOUR, now: () => nowMs },
    objects: { between: async () => [], restore: async () => {} },
    files: { bucket: "lake", put: async () => {}, get: async () => "", below: async () => [] },
  };
  const startedMs = Date.parse(STARTED);
  return planMetrics(deps, readReplayRequest({ ...wanted, ...over }), { execution: "one", startedMs });
}
