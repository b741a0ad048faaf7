import { describe, expect, it } from "vitest";
import { deaggregate } from "../local/firehose/kpl.ts";
import {
  aggregate,
  answered,
  base64,
  field,
  lambda,
  START_MS,
  type Stack,
  startStack,
  varintField,
  withDigest,
} from "./local-firehose.ts";

describe("how a local delivery stream reads KPL-aggregated records (B4, J12)", () => {
  it("takes an aggregated record apart before the transform, with sub-sequence numbers and the inner keys", async () => {
    const stack = startStack({ destination: { ProcessingConfiguration: lambda() } });
    const inner = [
      ["alice", "a"],
      ["bob", "b"],
      ["alice", ""],
    ] as const;
    const { sequenceNumber } = stack.stream.put({ partitionKey: "outer", data: aggregate(inner) });
    await stack.delivery.flush();
    const records = stack.requests.flatMap((request) => request.records);
    expect(records.map(({ data, kinesisRecordMetadata }) => [data, kinesisRecordMetadata])).toEqual(
      inner.map(([partitionKey, text], subsequenceNumber) => [
        base64(text),
        expect.objectContaining({ sequenceNumber, subsequenceNumber, partitionKey }),
      ]),
    );
    expect(new Set(records.map(({ recordId }) => recordId)).size).toBe(3);
    expect(stack.delivery.stats()).toMatchObject({ received: 3, delivered: 3 });
  });

  it("passes tags and explicit hash keys over, and reads indices and lengths of several bytes", () => {
    const many = Array.from({ length: 300 }, (_, at): [string, string] => [`key-${at}`, "x".repeat(at)]);
    const result = deaggregate("outer", aggregate(many, { extras: true }));
    expect(
      result.map(({ partitionKey, data, subSequenceNumber }) => [partitionKey, data.toString(), subSequenceNumber]),
    ).toEqual(many.map(([key, text], at) => [key, text, at]));
  });

  it.each([
    ["no magic", (good: Buffer) => good.subarray(1)],
    ["the magic alone", (good: Buffer) => good.subarray(0, 4)],
    ["under 20 bytes", (good: Buffer) => good.subarray(0, 19)],
    ["a wrong MD5", (good: Buffer) => Buffer.concat([good.subarray(0, -1), Buffer.from([(good.at(-1) ?? 0) ^ 1])])],
    ["a cut end", (good: Buffer) => good.subarray(0, -1)],
    ["a digest of the magic too", (good: Buffer) => withDigest(good.subarray(4, -16), good.subarray(0, -16))],
    ["a protobuf that is cut, with its own MD5", (good: Buffer) => withDigest(good.subarray(4, -17))],
    [
      "an index beyond the table",
      () => withDigest(field(3, Buffer.concat([varintField(1, 7), field(3, Buffer.from("x"))]))),
    ],
    ["no records", () => withDigest(field(1, Buffer.from("key")))],
  ])("treats a blob with %s as one ordinary record", (_case, spoil) => {
    const data = spoil(
      aggregate([
        ["alice", "a"],
        ["bob", "b"],
      ]),
    );
    expect(deaggregate("outer", data)).toEqual([{ partitionKey: "outer", data, subSequenceNumber: 0 }]);
  });
});

describe("how a local delivery stream reads its Kinesis stream (C1)", () => {
  it("C1.1: does not deliver what was put before it existed", async () => {
    const { stream, delivery, objects } = startStack({ putBefore: ["old"] });
    stream.put({ partitionKey: "k", data: Buffer.from("new") });
    await delivery.flush();
    expect(objects.keys().map(objects.text)).toEqual(["new"]);
    expect(delivery.idle()).toBe(true);
  });

  it("C1.2: reads each shard at most once per second, and only when something waits", async () => {
    const { clock, stream, requests } = startStack({
      destination: { ProcessingConfiguration: lambda({ BufferIntervalInSeconds: "0" }) },
    });
    expect(clock.pending).toBe(0);
    await clock.advanceTo(START_MS + 86_400_123);
    stream.put({ partitionKey: "k", data: Buffer.from("a") });
    stream.put({ partitionKey: "k", data: Buffer.from("b") });
    expect(clock.pending).toBe(1);
    await clock.advanceTo(START_MS + 86_400_999);
    expect(requests).toHaveLength(0);
    await clock.advanceTo(START_MS + 86_401_000);
    expect(requests.map(texts)).toEqual([["a", "b"]]);
    stream.put({ partitionKey: "k", data: Buffer.from("c") });
    await clock.advanceTo(START_MS + 86_401_999);
    expect(requests).toHaveLength(1);
    await clock.advanceTo(START_MS + 86_402_000);
    expect(requests.map(texts)).toEqual([["a", "b"], ["c"]]);
  });

  it("reads the shards of a reshard from their beginning, and after their parents", async () => {
    const { clock, stream, requests, delivery } = startStack({
      destination: { ProcessingConfiguration: lambda({ BufferIntervalInSeconds: "0" }) },
    });
    // More than one read of the parent holds.
    for (let at = 0; at < 10_001; at++) stream.put({ partitionKey: "k", data: Buffer.from(`parent ${at}`) });
    stream.split("shardId-000000000000", 2n ** 127n);
    stream.put({ partitionKey: "k", data: Buffer.from("child") });
    await clock.advanceTo(START_MS + 10_000);
    const data = requests.flatMap(texts);
    expect(data).toHaveLength(10_002);
    expect(data.at(-1)).toBe("child");
    await delivery.flush();
    expect(delivery.idle()).toBe(true);
  });

  it("reads no more after it was stopped", async () => {
    const { clock, stream, delivery } = startStack();
    stream.put({ partitionKey: "k", data: Buffer.from("a") });
    delivery.stop();
    stream.put({ partitionKey: "k", data: Buffer.from("b") });
    await clock.advanceTo(START_MS + 10_000);
    expect(delivery.stats().received).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe("how a local delivery stream collects records into objects (C4)", () => {
  it("C4.3: writes an object when it reaches SizeInMBs, and the rest when its first record waited IntervalInSeconds", async () => {
    const { clock, stream, objects, delivery } = startStack({
      destination: { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 60 } },
    });
    for (let at = 0; at < 3; at++) stream.put({ partitionKey: "k", data: Buffer.alloc(600_000, String(at)) });
    await clock.advanceTo(START_MS + 59_999);
    expect(sizes(objects)).toEqual([1_200_000]);
    expect(delivery.idle()).toBe(false);
    await clock.advanceTo(START_MS + 61_000);
    expect(sizes(objects)).toEqual([600_000, 1_200_000]);
    expect(delivery.idle()).toBe(true);
    // What tells CloudWatch of its freshness looks once more, at the end of the minute.
    await clock.advanceTo(START_MS + 120_000);
    expect(clock.pending).toBe(0);
  });

  it("C4.4: collects each partition for itself", async () => {
    const stack = partitioned();
    for (const key of ["a", "b", "a"]) stack.stream.put({ partitionKey: "k", data: Buffer.from(key) });
    await stack.clock.advanceTo(START_MS + 400_000);
    expect(stack.objects.keys().map((key) => [key.split("/")[0], stack.objects.text(key)])).toEqual([
      ["p=a", "aa"],
      ["p=b", "b"],
    ]);
  });

  it("C3.8, C6.3: keeps what would open more than 500 partitions in the error output, until a partition was written", async () => {
    const stack = partitioned();
    for (let at = 0; at < 503; at++) stack.stream.put({ partitionKey: "k", data: Buffer.from(String(at)) });
    stack.stream.put({ partitionKey: "k", data: Buffer.from("7") });
    await stack.delivery.flush();
    expect(stack.objects.keys("p=")).toHaveLength(500);
    expect(stack.objects.keys("errors/activePartitionExceeded/")).toHaveLength(1);
    expect(stack.delivery.stats()).toMatchObject({ delivered: 501, failed: 3 });
    stack.stream.put({ partitionKey: "k", data: Buffer.from("502") });
    await stack.delivery.flush();
    expect(stack.delivery.stats()).toMatchObject({ delivered: 502, failed: 3 });
  });
  it("C6.4: keeps a record of more than 1 MiB in the error output, since it cannot be partitioned", async () => {
    const stack = partitioned("large", 10_240);
    for (const size of [1024 * 1024, 1024 * 1024 + 1])
      stack.stream.put({ partitionKey: "k", data: Buffer.alloc(size, "x") });
    await stack.delivery.flush();
    expect(stack.objects.keys("p=")).toHaveLength(1);
    expect(stack.objects.keys("errors/dynamic-partitioning-failed/")).toHaveLength(1);
    expect(stack.delivery.stats()).toMatchObject({ delivered: 1, failed: 1 });
  });

  it("C4.10: keeps a record whose evaluated prefix has more than 512 characters in the error output", async () => {
    const stack = partitioned();
    for (const length of [509, 510]) stack.stream.put({ partitionKey: "k", data: Buffer.alloc(length, "x") });
    await stack.delivery.flush();
    expect(stack.objects.keys("p=").map((key) => key.indexOf("/") + 1)).toEqual([512]);
    expect(stack.objects.keys("errors/dynamic-partitioning-failed/")).toHaveLength(1);
  });
});

/** By the record's own text, unless a key is given. */
function partitioned(key?: string, maxRecordSizeKiB = 1024): Stack {
  return startStack({
    maxRecordSizeKiB,
    destination: {
      Prefix: "p=!{partitionKeyFromLambda:p}/",
      ErrorOutputPrefix: "errors/!{firehose:error-output-type}/",
      BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 300 },
      DynamicPartitioningConfiguration: { Enabled: true },
      ProcessingConfiguration: lambda(),
    },
    answer: ({ records }) =>
      answered(
        records.map(({ recordId, data }) => ({
          recordId,
          result: "Ok",
          data,
          metadata: { partitionKeys: { p: key ?? Buffer.from(data, "base64").toString() } },
        })),
      ),
  });
}

function texts({ records }: { readonly records: readonly { readonly data: string }[] }): string[] {
  return records.map(({ data }) => Buffer.from(data, "base64").toString());
}

function sizes(objects: Stack["objects"]): number[] {
  return [...objects.stored.values()].map(({ body }) => body.length).sort((a, b) => a - b);
}
