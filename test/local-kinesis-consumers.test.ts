/** Many consumers on one stream: shared readers divide 2 MiB and five reads a second of a shard, fan-out gives each its own (D1.1, D1.7). */
import { describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { createMapping } from "../local/esm/mapping.ts";
import { createStream } from "../local/kinesis/stream.ts";
import { defaults, type LambdaEvent, startMs } from "./local-esm/bench.ts";

describe("15 consumers on one stream of 0.2 MiB/s", () => {
  it("lag far behind as shared readers; with fan-out each is as fast as one alone", async () => {
    const shared = { one: await run(1, "shared"), five: await run(5, "shared"), fifteen: await run(15, "shared") };
    const fanOut = { one: await run(1, "fan-out"), fifteen: await run(15, "fan-out") };

    // One alone reads once a second, and not again for an empty answer.
    expect(shared.one.reads).toBeLessThanOrEqual(seconds + 1);
    // 15 of them want 3 MiB/s of the 2 that they share, and 15 reads a second of five; five of them want what there is.
    expect(shared.one.throttled + fanOut.fifteen.throttled).toBe(0);
    expect(shared.fifteen.throttled).toBeGreaterThan(shared.five.throttled);
    expect(shared.five.slowestMs).toBeLessThan(shared.fifteen.fastestMs);
    expect(fanOut.fifteen).toEqual({ ...fanOut.one, medians: Array(15).fill(fanOut.one.fastestMs) });
    expect(fanOut.one.slowestMs).toBeLessThan(shared.one.fastestMs);
    // The slowest record with fan-out against the median record of the luckiest shared reader.
    expect(shared.fifteen.fastestMs / fanOut.fifteen.slowestMs).toBeGreaterThan(20);
  });
});

const seconds = 60;
const recordsPerSecond = 50;
const data = Buffer.alloc(4096);

/** Mappings on one shard with limits; the lag of a record is from its arrival to the function. */
async function run(consumers: number, kind: "shared" | "fan-out") {
  const clock = virtualClock(startMs);
  const arn = defaults.streamArn;
  const stream = createStream({ name: "events", arn, shardCount: 1, retentionHours: 24, clock, limits: true });
  const lags = Array.from({ length: consumers }, (_, at) => {
    const eventSourceArn = kind === "shared" ? arn : stream.consumers.register(`c${at}`).arn;
    const lagsMs: number[] = [];
    createMapping({
      settings: { ...defaults, logicalId: `Consumer${at}`, eventSourceArn, batchSize: 1000 },
      functionName: `f${at}`,
      functionArn: `arn:aws:lambda:us-east-1:000000000000:function:f${at}`,
      region: "us-east-1",
      stream,
      clock,
      seed: 1,
      log: () => {},
      destinations: { putObject: async () => {}, sendMessage: async () => {}, publish: async () => {} },
      async invoke(_, payload) {
        for (const { kinesis } of (payload as LambdaEvent).Records) {
          lagsMs.push(clock.now() - Math.round(kinesis.approximateArrivalTimestamp * 1000));
        }
        return { kind: "ok", payload: null, durationMs: 10 };
      },
    });
    return lagsMs;
  });
  for (let at = 0; at < seconds * recordsPerSecond; at++) {
    await clock.advanceTo(startMs + (at * 1000) / recordsPerSecond);
    stream.put({ partitionKey: "k", data });
  }
  await clock.runUntilIdle();
  for (const lagsMs of lags) expect(lagsMs).toHaveLength(seconds * recordsPerSecond);
  const medians = lags.map((lagsMs) => lagsMs.sort((a, b) => a - b)[lagsMs.length >> 1] as number);
  return {
    medians,
    fastestMs: Math.min(...medians),
    slowestMs: Math.max(...lags.flat()),
    reads: stream.metrics.totals().find(({ metric }) => metric === "OutgoingRecords")?.count ?? 0,
    throttled: stream.metrics.sum("ReadProvisionedThroughputExceeded"),
  };
}
