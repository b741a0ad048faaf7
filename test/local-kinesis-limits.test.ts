/** The limits of a shard (D1.1, D1.2, D1.6), through the SDK and on a clock that stands still between the calls. */
import { GetRecordsCommand, PutRecordCommand, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { createAllowance } from "../local/kinesis/allowance.ts";
import { createKinesis } from "../local/kinesis/service.ts";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import { arn, bytes, client, clock, iterator, kinesis, replaceKinesis, shardName, startMs } from "./local-kinesis.ts";

const mebibyte = 1024 * 1024;
const throttled = {
  name: "ProvisionedThroughputExceededException",
  message: `Rate exceeded for shard ${shardName(0)} in stream clicks under account 000000000000.`,
};

describe("writing to a shard", () => {
  it("takes 1,000 records a second and fails the others alone, each in its place", async () => {
    addLimited();
    expect(await putMany(500)).toBe(0);
    expect(await putMany(499)).toBe(0);
    const result = await client.send(new PutRecordsCommand({ StreamName: "clicks", Records: records(3) }));
    expect(result.FailedRecordCount).toBe(2);
    expect(result.Records?.map(({ SequenceNumber, ErrorCode }) => ErrorCode ?? typeof SequenceNumber)).toEqual([
      "string",
      "ProvisionedThroughputExceededException",
      "ProvisionedThroughputExceededException",
    ]);
    expect(result.Records?.[1]?.ErrorMessage).toBe(throttled.message);
    await expect(put(1)).rejects.toMatchObject(throttled);
    await clock.advanceTo(startMs + 1000);
    expect(await putMany(500)).toBe(0);
  });

  it("takes 1 MiB a second, keys included, and puts none of what it refused", async () => {
    addLimited();
    await put(mebibyte - 1);
    await expect(put(0)).rejects.toMatchObject(throttled);
    await clock.advanceTo(startMs + 1);
    await put(0);
    const stored = kinesis.find("clicks")?.shards()[0]?.read(null, 10, 1e9);
    expect(stored?.map(({ data }) => data.length)).toEqual([mebibyte - 1, 0]);
  });

  it("takes a record of 10 MiB where the stream allows it, for ten seconds of its throughput", async () => {
    addLimited({ maxRecordSizeKiB: 10_240 });
    await put(10 * mebibyte - 1);
    await clock.advanceTo(startMs + 10_000);
    await expect(put(1)).rejects.toMatchObject(throttled);
    await clock.advanceTo(startMs + 10_001);
    await put(1);
  });

  it("limits each shard for itself, also those of a reshard", async () => {
    const stream = addLimited();
    await putMany(500);
    await putMany(500);
    stream.split(shardName(0), 2n ** 127n);
    expect(await putMany(500)).toBe(0);
    expect(stream.metrics.sum("WriteProvisionedThroughputExceeded")).toBe(0);
  });

  it("refuses nothing on a stream without limits", async () => {
    kinesis.add(createStream({ name: "clicks", arn, shardCount: 1, retentionHours: 24, clock }));
    for (let call = 0; call < 5; call++) expect(await putMany(500)).toBe(0);
  });

  it("lends to callers that could wait for ever, and takes it back from the rest", async () => {
    replaceKinesis(createKinesis({ clock, overload: "lend" }));
    const stream = addLimited();
    for (let call = 0; call < 4; call++) expect(await putMany(500)).toBe(0);
    expect(() => stream.put({ partitionKey: "k", data: bytes("x") })).toThrow(throttled.message);
    await clock.advanceTo(startMs + 1000);
    expect(() => stream.put({ partitionKey: "k", data: bytes("x") })).toThrow(throttled.message);
    await clock.advanceTo(startMs + 1001);
    stream.put({ partitionKey: "k", data: bytes("x") });
  });
});

describe("reading from a shard", () => {
  it("answers five GetRecords calls a second, whoever makes them", async () => {
    addLimited();
    const tokens = [
      await iterator({ ShardIteratorType: "LATEST" }),
      await iterator({ ShardIteratorType: "TRIM_HORIZON" }),
    ];
    const read = (call: number) => client.send(new GetRecordsCommand({ ShardIterator: tokens[call % 2] }));
    for (let call = 0; call < 5; call++) await read(call);
    await expect(read(5)).rejects.toMatchObject(throttled);
    await clock.advanceTo(startMs + 1000);
    for (let call = 0; call < 5; call++) await read(call);
  });

  it("gives 2 MiB a second to all readers together, and after 10 MiB nothing for five seconds", async () => {
    const stream = addLimited();
    for (let at = 0; at < 12; at++) {
      await clock.advanceTo(startMs + at * 2000);
      stream.put({ partitionKey: "k", data: Buffer.alloc(mebibyte - 1) });
    }
    const token = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
    const read = (Limit: number) => client.send(new GetRecordsCommand({ ShardIterator: token, Limit }));
    expect((await read(10_000)).Records).toHaveLength(10);
    const readMs = clock.now();
    await clock.advanceTo(readMs + 4990);
    await expect(read(1)).rejects.toMatchObject(throttled);
    await clock.advanceTo(readMs + 5001);
    await read(2);
    await clock.advanceTo(readMs + 5500);
    await expect(read(1)).rejects.toMatchObject(throttled);
    await clock.advanceTo(readMs + 6001);
    await read(1);
    expect(stream.metrics.sum("ReadProvisionedThroughputExceeded")).toBe(2);
  });

  it("gives five iterators of a shard a second", async () => {
    addLimited();
    for (let call = 0; call < 5; call++) await iterator({ ShardIteratorType: "LATEST" });
    await expect(iterator({ ShardIteratorType: "LATEST" })).rejects.toMatchObject(throttled);
    await clock.advanceTo(startMs + 1000);
    await iterator({ ShardIteratorType: "LATEST" });
  });
});

describe("an allowance", () => {
  it("lets no more through over any time than its rate, one second's worth, and what one taker took too much", async () => {
    const step = fc.record({ waitMs: fc.nat({ max: 900 }), amount: fc.integer({ min: 1, max: 400 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const time = virtualClock(0);
        const allowance = createAllowance(100, time.now);
        const taken: { readonly atMs: number; readonly amount: number }[] = [];
        for (const { waitMs, amount } of steps) {
          await time.advanceTo(time.now() + waitMs);
          if (!allowance.open) continue;
          allowance.take(amount);
          taken.push({ atMs: time.now(), amount });
        }
        for (const [first, { atMs }] of taken.entries()) {
          const within = taken.slice(first);
          const sum = within.reduce((total, { amount }) => total + amount, 0);
          const last = within.at(-1) as { atMs: number; amount: number };
          expect(sum - last.amount).toBeLessThan(100 + ((last.atMs - atMs) * 100) / 1000 + 1e-6);
        }
      }),
    );
  });
});

function addLimited(options: Partial<Parameters<typeof createStream>[0]> = {}): Stream {
  const stream = createStream({
    name: "clicks",
    arn,
    shardCount: 1,
    retentionHours: 24,
    clock,
    limits: true,
    ...options,
  });
  kinesis.add(stream);
  return stream;
}

function records(count: number) {
  return Array.from({ length: count }, () => ({ PartitionKey: "k", Data: bytes("x") }));
}

async function putMany(count: number): Promise<number | undefined> {
  return (await client.send(new PutRecordsCommand({ StreamName: "clicks", Records: records(count) })))
    .FailedRecordCount;
}

function put(dataBytes: number) {
  const Data = Buffer.alloc(dataBytes);
  return client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: "k", Data }));
}
