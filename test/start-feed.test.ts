import { describe, expect, it } from "vitest";
import type { Arrival } from "../cli/input/arrivals.ts";
import { feed, type Pipe } from "../cli/start/feed.ts";
import type { Ledger } from "../cli/start/ledger.ts";
import { virtualClock } from "../local/clock.ts";
import { createStream } from "../local/kinesis/stream.ts";

describe("feeding the stream", () => {
  it("puts each record at its arrival time and enters it into the ledger", async () => {
    const { fed, put, advances, entered } = await run([arrival(1, 5), arrival(2, 5), arrival(3, 9)]);
    expect(put).toEqual([1, 2, 3]);
    expect(entered).toEqual(put);
    expect(advances).toEqual([5, 9]);
    expect(fed).toEqual({
      records: 3,
      firstMs: 5,
      lastMs: 9,
      notPut: [],
      throttled: { records: 0, longestDelayMs: 0 },
    });
  });

  it("goes on after a record that the stream does not take, counts it apart and names its place", async () => {
    const { fed, put, entered } = await run([
      arrival(1, 5),
      arrival(2, 6, LIMIT),
      arrival(3, 7),
      arrival(4, 8, LIMIT - 1),
    ]);
    expect(put).toEqual([1, 3, 4]);
    expect(entered).toEqual(put);
    const notPut = [{ file: "in.ndjson", line: 2, sizeBytes: LIMIT + 1, limitBytes: LIMIT }];
    expect(fed).toMatchObject({ records: 3, firstMs: 5, lastMs: 8, notPut });
  });

  it("has a time and no record where the stream takes none of them", async () => {
    const { fed } = await run([{ ...arrival(1, 5, LIMIT), origin: null }]);
    expect(fed).toMatchObject({ records: 0, firstMs: 5, lastMs: 5, notPut: [{ file: null, line: null }] });
  });
});

describe("feeding a stream whose shards have AWS's limits", () => {
  const burst = Array.from({ length: 2500 }, (_, line) => arrival(line, 5000));

  it("puts what was throttled until it is taken, in its order, and tells how many and how late", async () => {
    const { fed, records, entered } = await runLimited(burst);
    expect(entered.map(({ line }) => line)).toEqual(burst.map(({ origin }) => origin?.line));
    // What one second takes is there at once, and each tenth of a second brings 100 more.
    expect([records[999], records[1000], records[1100]].map((record) => record?.arrivalMs)).toEqual([5000, 5100, 5200]);
    expect(fed).toMatchObject({ records: 2500, lastMs: 6500, throttled: { records: 1500, longestDelayMs: 1500 } });
  });

  it("enters the time at which a record really arrived", async () => {
    const { records, entered } = await runLimited(burst);
    expect(entered.map(({ arrivalMs }) => arrivalMs)).toEqual(records.map(({ arrivalMs }) => arrivalMs));
  });

  it("waits for nothing where records come no faster than their shard takes them", async () => {
    const steady = Array.from({ length: 5000 }, (_, line) => arrival(line, 5000 + line));
    const { fed } = await runLimited(steady);
    expect(fed).toMatchObject({ records: 5000, throttled: { records: 0, longestDelayMs: 0 } });
  });
});

const LIMIT = 1_000;

function arrival(line: number, arrivalMs: number, dataBytes = 3): Arrival {
  const origin = { file: "in.ndjson", line, problem: null };
  return { arrivalMs, partitionKey: "k", data: Buffer.alloc(dataBytes), origin };
}

async function run(arrivals: readonly Arrival[]) {
  const put: unknown[] = [];
  const entered: unknown[] = [];
  const advances: number[] = [];
  const pipe: Pipe = {
    maxRecordSizeBytes: LIMIT,
    put(record) {
      put.push((record as Arrival).origin?.line);
      return { shardId: "shardId-000000000000", sequenceNumber: "1" };
    },
    advanceTo: async (atMs) => void advances.push(atMs),
  };
  const ledger: Ledger = {
    add: ({ origin }) => void entered.push(origin?.line),
    flush: async () => {},
    close: async () => {},
  };
  return { fed: await feed(arrivals, pipe, ledger, () => {}), put, entered, advances };
}

async function runLimited(arrivals: readonly Arrival[]) {
  const clock = virtualClock(0);
  const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
  const stream = createStream({ name: "clicks", arn, shardCount: 1, retentionHours: 24, clock, limits: true });
  const entered: Arrival[] = [];
  const ledger: Ledger = { add: (one) => void entered.push(one), flush: async () => {}, close: async () => {} };
  const pipe: Pipe = { maxRecordSizeBytes: LIMIT, put: (record) => stream.put(record), advanceTo: clock.advanceTo };
  const fed = await feed(arrivals, pipe, ledger, () => {});
  const records = stream.shards()[0]?.read(null, 10_000, 1e9) ?? [];
  return { fed, records, entered: entered.map(({ arrivalMs, origin }) => ({ arrivalMs, line: origin?.line })) };
}
