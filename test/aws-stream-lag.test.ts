import { cloudWatchLag, LAG_KEPT_MS } from "@millrace/aws";
import { describe, expect, it } from "vitest";

const NOW = Date.UTC(2026, 2, 2, 9, 30);
const MINUTE = 60_000;

describe("the lag of the stream's reader", () => {
  it("is that of the newest minute, asked for once in a while, and unknown while CloudWatch fails", async () => {
    let nowMs = NOW;
    let points = { age: { 1: 7, 2: 9 }, came: {} };
    let fails = false;
    let asked = 0;
    const client = {
      async send() {
        asked++;
        if (fails) throw new Error("throttled");
        return { MetricDataResults: minutesAgo(points) };
      },
    };
    const lag = cloudWatchLag({ client: client as never, stream: "s", functionName: "f", now: () => nowMs });
    expect(await lag.read()).toEqual({ kind: "measured", behindMs: 7, atMs: NOW - MINUTE });
    points = { age: {}, came: {} } as never;
    nowMs += LAG_KEPT_MS - 1;
    expect(await lag.read()).toMatchObject({ kind: "measured" });
    expect(asked).toBe(1);
    nowMs += 1;
    expect(await lag.read()).toEqual({ kind: "idle" });
    fails = true;
    nowMs += LAG_KEPT_MS;
    expect(await lag.read()).toEqual({ kind: "unknown", cause: "Error: throttled" });
  });

  const stopped = (minutes: number) => ({ kind: "stopped", sinceMs: NOW - minutes * MINUTE });
  it.each([
    ["stopped when records came that nobody was handed", {}, { 4: 1, 3: 2 }, stopped(4)],
    ["stopped for as long as it is known, after the last record, too", {}, { 40: 5 }, stopped(40)],
    ["stopped from the first minute after the last that was read", { 20: 5 }, { 20: 9, 18: 1, 3: 1 }, stopped(18)],
    ["idle when all that came was read", { 20: 5 }, { 21: 9, 20: 1 }, { kind: "idle" }],
    ["idle when nothing came", {}, { 4: 0 }, { kind: "idle" }],
    ["idle while what came may still be read", {}, { 1: 3, 0: 2 }, { kind: "idle" }],
    ["measured while the reader was handed something", { 5: 8 }, { 2: 1 }, { kind: "measured", behindMs: 8 }],
  ])("is %s", async (_, age, came, expected) => {
    const client = { send: async () => ({ MetricDataResults: minutesAgo({ age, came }) }) };
    const lag = cloudWatchLag({ client: client as never, stream: "s", functionName: "f", now: () => NOW });
    expect(await lag.read()).toMatchObject(expected);
  });

  it("is unknown when CloudWatch gives a part", async () => {
    const results = minutesAgo({ age: {}, came: { 4: 1 } }).map((one) => ({ ...one, StatusCode: "PartialData" }));
    const client = { send: async () => ({ MetricDataResults: results }) };
    const lag = cloudWatchLag({ client: client as never, stream: "s", functionName: "f", now: () => NOW });
    expect(await lag.read()).toMatchObject({ kind: "unknown" });
  });
});

/** What CloudWatch answers: values by how many minutes ago they were. */
function minutesAgo(metrics: Readonly<Record<string, Readonly<Record<number, number>>>>) {
  return Object.entries(metrics).map(([Id, minutes]) => ({
    Id,
    Timestamps: Object.keys(minutes).map((ago) => new Date(NOW - Number(ago) * MINUTE)),
    Values: Object.values(minutes),
    StatusCode: "Complete",
  }));
}
