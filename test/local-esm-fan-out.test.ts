import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createBench, reporting, startMs } from "./local-esm/bench.ts";
import { aggregate } from "./local-firehose.ts";

const eventSourceArn = "arn:aws:kinesis:us-east-1:000000000000:stream/events/consumer/fold:1700000000";
/** Two shards share the hash keys; these keys lie in the first and in the second. */
const [low, high] = ["below", "above"].map((half) => keyIn(half === "above")) as [string, string];

describe("J12: KPL aggregates", () => {
  it("stay closed with a standard iterator: the function gets the bytes", async () => {
    const bench = await createBench();
    const data = aggregate([["a", "one"]]);
    bench.stream.put({ partitionKey: "a", data });
    await bench.settle();
    expect(bench.payloads[0]?.Records.map(({ kinesis }) => kinesis.data)).toEqual([data.toString("base64")]);
  });

  it("are opened with enhanced fan-out: each inner record an event with its own key and the outer record's number", async () => {
    const bench = await createBench({ settings: { eventSourceArn } });
    const { sequenceNumber } = bench.stream.put({
      partitionKey: "a",
      data: aggregate([
        ["a", "one"],
        ["b", "two"],
      ]),
    });
    bench.put("plain");
    await bench.settle();
    expect(bench.batches).toEqual([["one", "two", "plain"]]);
    const records = bench.payloads[0]?.Records ?? [];
    expect(records.map(({ kinesis }) => kinesis.partitionKey)).toEqual(["a", "b", "k"]);
    expect(records.slice(0, 2).map(({ kinesis }) => kinesis.sequenceNumber)).toEqual([sequenceNumber, sequenceNumber]);
    expect(records[0]).toMatchObject({ eventSourceARN: eventSourceArn });
  });

  it("lose, with enhanced fan-out, the inner records of another shard: neither function nor destination gets them", async () => {
    const bench = await createBench({
      shardCount: 2,
      settings: { eventSourceArn, maximumRetryAttempts: 0 },
      handler: (batch) => reporting(batch, () => true),
    });
    const inner = [
      [low, "mine"],
      [high, "lost"],
    ] as const;
    bench.stream.put({ partitionKey: low, data: aggregate(inner) });
    // An ordinary record lies in its shard by an explicit hash key, whatever its key says.
    bench.stream.put({ partitionKey: high, explicitHashKey: "0", data: Buffer.from("placed") });
    await bench.settle();
    expect(bench.batches.flat()).toEqual(["mine", "placed"]);
    expect(bench.failures().map(({ KinesisBatchInfo }) => KinesisBatchInfo.batchSize)).toEqual([2]);
    expect(bench.mapping.stats()).toMatchObject({ records: 3, lost: 1, discarded: 2, deliveredToDestination: 2 });
  });

  it("with explicit hash keys belong where those say", async () => {
    const bench = await createBench({ shardCount: 2, settings: { eventSourceArn } });
    // The aggregate's explicit hash key, 2^127, lies in the second shard.
    const data = aggregate([[low, "x"]], { extras: true });
    bench.stream.put({ partitionKey: high, data });
    bench.stream.put({ partitionKey: low, data });
    await bench.settle();
    expect(bench.batches).toEqual([["x"]]);
    expect(bench.mapping.stats()).toMatchObject({ records: 2, lost: 1 });
  });

  it("come again from their first inner record when one of them is reported", async () => {
    let first = true;
    const bench = await createBench({
      settings: { eventSourceArn },
      handler(batch) {
        const answer = first ? reporting(batch, (text) => text === "two") : null;
        first = false;
        return answer;
      },
    });
    bench.put("before");
    bench.stream.put({
      partitionKey: "a",
      data: aggregate([
        ["a", "one"],
        ["a", "two"],
      ]),
    });
    await bench.settle();
    expect(bench.batches).toEqual([
      ["before", "one", "two"],
      ["one", "two"],
    ]);
  });
});

describe("enhanced fan-out", () => {
  it("pushes: a record is handed over soon after it arrives, not at the next poll", async () => {
    const times = async (arn: string) => {
      const bench = await createBench({ settings: { eventSourceArn: arn } });
      bench.put("a");
      await bench.clock.advanceTo(startMs + 1300);
      bench.put("b");
      await bench.settle();
      return bench.times;
    };
    // AWS says: typically 70 ms after it arrived.
    expect(await times(eventSourceArn)).toEqual([70, 1370]);
    const [, polled] = await times("arn:aws:kinesis:us-east-1:000000000000:stream/events");
    expect(polled).toBeGreaterThanOrEqual(2000);
  });
});

describe("enhanced fan-out (its subscription)", () => {
  it("goes on after the mapping was paused, and after somebody took its subscription over, none lost and none twice", async () => {
    const bench = await createBench({ settings: { eventSourceArn } });
    bench.put("a");
    await bench.settle();
    bench.mapping.setEnabled(false);
    bench.put("b");
    await bench.settle();
    expect(bench.batches).toEqual([["a"]]);
    bench.mapping.setEnabled(true);
    await bench.settle();
    await bench.clock.advanceTo(startMs + 60_000);
    const [consumer] = bench.stream.consumers.list();
    const [shard] = bench.stream.shards();
    if (consumer === undefined || shard === undefined) throw new Error("no consumer or no shard");
    consumer.subscribe({ shard, position: { kind: "LATEST" }, onPush() {}, onEnd() {} });
    bench.put("c");
    await bench.settle();
    expect(bench.batches).toEqual([["a"], ["b"], ["c"]]);
    expect(bench.mapping.stats()).toMatchObject({ records: 3, succeeded: 3, redelivered: 0 });
  });

  it("follows a reshard, parents first", async () => {
    const bench = await createBench({ settings: { eventSourceArn, batchSize: 1 }, durationMs: 500 });
    bench.put("a", "b");
    bench.stream.split("shardId-000000000000", 2n ** 127n);
    bench.stream.put({ partitionKey: "k", explicitHashKey: "0", data: Buffer.from("c") });
    await bench.settle();
    expect(bench.batches).toEqual([["a"], ["b"], ["c"]]);
    expect(bench.mapping.caughtUp()).toBe(true);
  });
});

function keyIn(above: boolean): string {
  for (let number = 0; ; number++) {
    const key = `key-${number}`;
    if ((createHash("md5").update(key).digest()[0] ?? 0) >= 128 === above) return key;
  }
}
