import { createHash } from "node:crypto";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  IncreaseStreamRetentionPeriodCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  type PutRecordsResultEntry,
  SplitShardCommand,
  UpdateShardCountCommand,
} from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AwsError } from "../local/aws-error.ts";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { createKinesis, type Kinesis } from "../local/kinesis/service.ts";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import { type Server, startServer } from "../local/server.ts";

const startMs = Date.UTC(2026, 0, 2);
const hourMs = 3_600_000;
const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
const none = { handle: () => {} };

let clock: VirtualClock;
let kinesis: Kinesis;
let server: Server;
let client: KinesisClient;

beforeAll(async () => {
  server = await startServer({
    clock: { now: () => clock.now() },
    services: { kinesis: { handle: (q, s) => kinesis.handle(q, s) }, dynamodb: none, s3: none },
  });
  client = clientOf(server.url);
});
beforeEach(() => {
  clock = virtualClock(startMs);
  kinesis = createKinesis({ clock });
});
afterAll(async () => {
  client.destroy();
  await server.stop();
});

describe("putting records through the SDK", () => {
  it("keeps the exact bytes, the key, and the clock's time as arrival", async () => {
    kinesis.add(stream(1));
    const data = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await clock.advanceTo(startMs + 1234);
    const put = await client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: "ä-🦊", Data: data }));
    const [record] = await readAll(put.ShardId as string);
    expect(record?.Data).toEqual(data);
    expect(record?.PartitionKey).toBe("ä-🦊");
    expect(record?.ApproximateArrivalTimestamp?.getTime()).toBe(startMs + 1234);
    expect(record?.SequenceNumber).toBe(put.SequenceNumber);
  });

  it("places a record by the MD5 of its key, and by an explicit hash key instead", async () => {
    kinesis.add(stream(4));
    for (const key of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
      const quarter = (createHash("md5").update(key).digest()[0] as number) >> 6;
      const put = await client.send(new PutRecordCommand({ StreamARN: arn, PartitionKey: key, Data: bytes("x") }));
      expect(put.ShardId).toBe(shardName(quarter));
      const explicit = await client.send(
        new PutRecordCommand({
          StreamName: "clicks",
          PartitionKey: key,
          ExplicitHashKey: String(2n ** 127n),
          Data: bytes("x"),
        }),
      );
      expect(explicit.ShardId).toBe(shardName(2));
    }
  });

  it("takes 500 records of 10 MiB together and refuses more records or more bytes", async () => {
    kinesis.add(stream(2));
    const full = Array.from({ length: 500 }, (_, at) => ({
      PartitionKey: String(at % 10),
      Data: Buffer.alloc(20_970, at),
    }));
    const result = await client.send(new PutRecordsCommand({ StreamName: "clicks", Records: full }));
    expect(result.FailedRecordCount).toBe(0);
    expect(result.Records).toHaveLength(500);
    await expect(
      client.send(new PutRecordsCommand({ StreamName: "clicks", Records: [...full, ...full.slice(0, 1)] })),
    ).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringContaining("less than or equal to 500"),
    });
    const tooMuch = Array.from({ length: 11 }, () => ({ PartitionKey: "k", Data: Buffer.alloc(1_000_000) }));
    await expect(client.send(new PutRecordsCommand({ StreamName: "clicks", Records: tooMuch }))).rejects.toMatchObject({
      name: "InvalidArgumentException",
      message: "Records size exceeds 10 MB limit",
    });
    expect((await readAll(shardName(0))).length + (await readAll(shardName(1))).length).toBe(500);
  });

  it("reports each record that fails in its own place", async () => {
    const plain = stream(1);
    kinesis.add({
      ...plain,
      put(record) {
        if (record.partitionKey === "throttled")
          throw new AwsError("ProvisionedThroughputExceededException", "Rate exceeded");
        return plain.put(record);
      },
    });
    const Records = ["a", "throttled", "b"].map((PartitionKey) => ({ PartitionKey, Data: bytes(PartitionKey) }));
    const result = await client.send(new PutRecordsCommand({ StreamName: "clicks", Records }));
    expect(result.FailedRecordCount).toBe(1);
    expect(result.Records?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      "ProvisionedThroughputExceededException",
      undefined,
    ]);
    expect((await readAll(shardName(0))).map(({ PartitionKey }) => PartitionKey)).toEqual(["a", "b"]);
  });

  it.each([
    ["an empty partition key", { PartitionKey: "", Data: bytes("x") }, "ValidationException", /'partitionKey'/],
    [
      "a partition key of 257 characters",
      { PartitionKey: "k".repeat(257), Data: bytes("x") },
      "ValidationException",
      /256/,
    ],
    [
      "a record over 1 MiB",
      { PartitionKey: "k", Data: Buffer.alloc(1024 * 1024) },
      "ValidationException",
      /'data'.*1048576/,
    ],
    [
      "a hash key that is no number",
      { PartitionKey: "k", ExplicitHashKey: "-1", Data: bytes("x") },
      "ValidationException",
      /ExplicitHashKey/i,
    ],
    [
      "a hash key of 2^128",
      { PartitionKey: "k", ExplicitHashKey: String(2n ** 128n), Data: bytes("x") },
      "InvalidArgumentException",
      /2\^128-1/,
    ],
    [
      "a missing partition key",
      { PartitionKey: undefined as unknown as string, Data: bytes("x") },
      "ValidationException",
      /must not be null/,
    ],
  ])("refuses %s", async (_, record, name, message) => {
    kinesis.add(stream(1));
    const Records = [{ PartitionKey: "good", Data: bytes("x") }, record];
    const expected = { name, message: expect.stringMatching(message) };
    await expect(client.send(new PutRecordCommand({ StreamName: "clicks", ...record }))).rejects.toMatchObject(
      expected,
    );
    await expect(client.send(new PutRecordsCommand({ StreamName: "clicks", Records }))).rejects.toMatchObject(expected);
    expect(await readAll(shardName(0))).toEqual([]);
  });
});

describe("reading through the SDK", () => {
  it("starts at each of the five positions", async () => {
    kinesis.add(stream(1));
    const numbers: string[] = [];
    for (let minute = 0; minute < 5; minute++) {
      await clock.advanceTo(startMs + minute * 60_000);
      numbers.push((await put(`m${minute}`)).SequenceNumber as string);
    }
    const at = new Date(startMs + 90_000);
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["m0", "m1", "m2", "m3", "m4"]);
    expect(await keysFrom({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[2] })).toEqual([
      "m2",
      "m3",
      "m4",
    ]);
    expect(await keysFrom({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: numbers[2] })).toEqual([
      "m3",
      "m4",
    ]);
    expect(await keysFrom({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: at })).toEqual(["m2", "m3", "m4"]);
    expect(await keysFrom({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(0) })).toEqual([
      "m0",
      "m1",
      "m2",
      "m3",
      "m4",
    ]);
    const latest = await iterator({ ShardIteratorType: "LATEST" });
    await put("m5");
    expect(
      (await client.send(new GetRecordsCommand({ ShardIterator: latest }))).Records?.map((r) => r.PartitionKey),
    ).toEqual(["m5"]);
  });

  it("gives at most the limit, at most 10,000 records and 10 MiB, and says how far behind the tip the reader is", async () => {
    const small = stream(1);
    kinesis.add(small);
    for (let at = 0; at < 10_001; at++) small.put({ partitionKey: "k", data: bytes(String(at)) });
    await clock.advanceTo(startMs + 5000);
    const first = await client.send(
      new GetRecordsCommand({ ShardIterator: await iterator({ ShardIteratorType: "TRIM_HORIZON" }) }),
    );
    expect(first.Records).toHaveLength(10_000);
    expect(first.MillisBehindLatest).toBe(5000);
    const last = await client.send(new GetRecordsCommand({ ShardIterator: first.NextShardIterator, Limit: 10 }));
    expect(last.Records).toHaveLength(1);
    expect(last.MillisBehindLatest).toBe(0);
    for (let at = 0; at < 11; at++) small.put({ partitionKey: "k", data: Buffer.alloc(1_000_000) });
    const large = await client.send(new GetRecordsCommand({ ShardIterator: last.NextShardIterator }));
    expect(large.Records).toHaveLength(10);
    const limited = await client.send(new GetRecordsCommand({ ShardIterator: last.NextShardIterator, Limit: 3 }));
    expect(limited.Records).toHaveLength(3);
  });

  it("forgets records older than the retention, and keeps them longer when that is raised", async () => {
    kinesis.add(stream(1));
    await put("first");
    await clock.advanceTo(startMs + 24 * hourMs);
    await put("second");
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["first", "second"]);
    await client.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: "clicks", RetentionPeriodHours: 48 }));
    await clock.advanceTo(startMs + 30 * hourMs);
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["first", "second"]);
    await clock.advanceTo(startMs + 48 * hourMs + 1);
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["second"]);
    await clock.advanceTo(startMs + 100 * hourMs);
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual([]);
    await put("third");
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["third"]);
  });

  it("expires an iterator after five minutes of the clock", async () => {
    kinesis.add(stream(1));
    const token = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
    await clock.advanceTo(startMs + 5 * 60_000);
    await client.send(new GetRecordsCommand({ ShardIterator: token }));
    await clock.advanceTo(startMs + 5 * 60_000 + 1);
    await expect(client.send(new GetRecordsCommand({ ShardIterator: token }))).rejects.toMatchObject({
      name: "ExpiredIteratorException",
    });
  });

  it.each([
    ["a type that does not exist", { ShardIteratorType: "NEWEST" as "LATEST" }, "ValidationException"],
    [
      "a sequence number of another stream",
      { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: "123" },
      "InvalidArgumentException",
    ],
    [
      "no sequence number where one is needed",
      { ShardIteratorType: "AFTER_SEQUENCE_NUMBER" },
      "InvalidArgumentException",
    ],
    ["no timestamp where one is needed", { ShardIteratorType: "AT_TIMESTAMP" }, "InvalidArgumentException"],
    [
      "a timestamp in the future",
      { ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(startMs + 1) },
      "InvalidArgumentException",
    ],
    [
      "a shard that does not exist",
      { ShardIteratorType: "LATEST", ShardId: shardName(7) },
      "ResourceNotFoundException",
    ],
  ] as const)("refuses an iterator with %s", async (_, input, name) => {
    kinesis.add(stream(1));
    await expect(iterator(input)).rejects.toMatchObject({ name });
  });

  it("refuses a limit beyond 10,000 and an iterator that is none", async () => {
    kinesis.add(stream(1));
    const token = await iterator({ ShardIteratorType: "LATEST" });
    await expect(client.send(new GetRecordsCommand({ ShardIterator: token, Limit: 10_001 }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    await expect(client.send(new GetRecordsCommand({ ShardIterator: "bm9uZQ==" }))).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
  });
});

describe("split and merge through the SDK", () => {
  it("ends a closed shard with its children, whose records come after it", async () => {
    kinesis.add(stream(1));
    await put("before");
    await client.send(
      new SplitShardCommand({
        StreamName: "clicks",
        ShardToSplit: shardName(0),
        NewStartingHashKey: String(2n ** 127n),
      }),
    );
    const token = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
    const partial = await client.send(new GetRecordsCommand({ ShardIterator: token, Limit: 1 }));
    expect(partial.NextShardIterator).toBeUndefined();
    expect(partial.ChildShards?.map((c) => [c.ShardId, c.ParentShards])).toEqual([
      [shardName(1), [shardName(0)]],
      [shardName(2), [shardName(0)]],
    ]);
    await client.send(
      new MergeShardsCommand({ StreamName: "clicks", ShardToMerge: shardName(1), AdjacentShardToMerge: shardName(2) }),
    );
    const after = await put("after");
    expect(after.ShardId).toBe(shardName(3));
    expect(BigInt(after.SequenceNumber as string)).toBeGreaterThan(
      BigInt(partial.Records?.[0]?.SequenceNumber as string),
    );

    const { StreamDescription: described } = await client.send(new DescribeStreamCommand({ StreamName: "clicks" }));
    expect(
      described?.Shards?.map((s) => [
        s.ParentShardId,
        s.AdjacentParentShardId,
        s.SequenceNumberRange?.EndingSequenceNumber !== undefined,
      ]),
    ).toEqual([
      [undefined, undefined, true],
      [shardName(0), undefined, true],
      [shardName(0), undefined, true],
      [shardName(1), shardName(2), false],
    ]);
    expect(described?.Shards?.[3]?.HashKeyRange).toEqual({
      StartingHashKey: "0",
      EndingHashKey: String(2n ** 128n - 1n),
    });
  });

  it("refuses a split outside the shard, a merge of shards that do not touch, and either on a closed shard", async () => {
    kinesis.add(stream(3));
    const refused = { name: "InvalidArgumentException" };
    const split = (NewStartingHashKey: string) =>
      client.send(new SplitShardCommand({ StreamName: "clicks", ShardToSplit: shardName(0), NewStartingHashKey }));
    const merge = (a: number, b: number) =>
      client.send(
        new MergeShardsCommand({
          StreamName: "clicks",
          ShardToMerge: shardName(a),
          AdjacentShardToMerge: shardName(b),
        }),
      );
    await expect(split(String(2n ** 128n - 1n))).rejects.toMatchObject(refused);
    await expect(split("1")).rejects.toMatchObject(refused);
    await expect(merge(0, 2)).rejects.toMatchObject(refused);
    await merge(2, 1);
    await expect(merge(2, 0)).rejects.toMatchObject(refused);
    await expect(merge(9, 0)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("lists shards by page and by filter", async () => {
    kinesis.add(stream(2));
    await clock.advanceTo(startMs + 1000);
    kinesis.find("clicks")?.merge(shardName(0), shardName(1));
    const first = await client.send(new ListShardsCommand({ StreamName: "clicks", MaxResults: 2 }));
    expect(first.Shards?.map((s) => s.ShardId)).toEqual([shardName(0), shardName(1)]);
    const rest = await client.send(new ListShardsCommand({ NextToken: first.NextToken }));
    expect(rest.Shards?.map((s) => s.ShardId)).toEqual([shardName(2)]);
    expect(rest.NextToken).toBeUndefined();
    const filtered = async (Type: "AT_LATEST" | "AT_TRIM_HORIZON" | "FROM_TRIM_HORIZON") =>
      (await client.send(new ListShardsCommand({ StreamName: "clicks", ShardFilter: { Type } }))).Shards?.map(
        (s) => s.ShardId,
      );
    expect(await filtered("AT_LATEST")).toEqual([shardName(2)]);
    expect(await filtered("AT_TRIM_HORIZON")).toEqual([shardName(0), shardName(1)]);
    expect(await filtered("FROM_TRIM_HORIZON")).toEqual([shardName(0), shardName(1), shardName(2)]);
  });
});

describe("managing streams through the SDK", () => {
  it("creates, describes, lists and deletes", async () => {
    await client.send(new CreateStreamCommand({ StreamName: "orders", ShardCount: 3 }));
    await client.send(new CreateStreamCommand({ StreamName: "auto", StreamModeDetails: { StreamMode: "ON_DEMAND" } }));
    expect((await client.send(new ListStreamsCommand({}))).StreamNames).toEqual(["auto", "orders"]);
    const { StreamDescriptionSummary: summary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName: "orders" }),
    );
    expect(summary).toMatchObject({
      StreamStatus: "ACTIVE",
      OpenShardCount: 3,
      RetentionPeriodHours: 24,
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
    expect(summary?.StreamCreationTimestamp?.getTime()).toBe(startMs);
    await client.send(new DeleteStreamCommand({ StreamName: "orders" }));
    expect((await client.send(new ListStreamsCommand({}))).StreamNames).toEqual(["auto"]);
  });

  it("names what is wrong as AWS does", async () => {
    kinesis.add(stream(1));
    await expect(client.send(new CreateStreamCommand({ StreamName: "clicks", ShardCount: 1 }))).rejects.toMatchObject({
      name: "ResourceInUseException",
    });
    await expect(client.send(new CreateStreamCommand({ StreamName: "a b", ShardCount: 1 }))).rejects.toMatchObject({
      name: "ValidationException",
    });
    await expect(client.send(new CreateStreamCommand({ StreamName: "x" }))).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
    await expect(client.send(new DescribeStreamCommand({ StreamName: "nope" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "Stream nope under account 000000000000 not found.",
    });
    await expect(client.send(new DescribeStreamCommand({}))).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
    await expect(
      client.send(new IncreaseStreamRetentionPeriodCommand({ StreamName: "clicks", RetentionPeriodHours: 9000 })),
    ).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("says so when it does not support an operation", async () => {
    kinesis.add(stream(1));
    await expect(
      client.send(
        new UpdateShardCountCommand({ StreamName: "clicks", TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" }),
      ),
    ).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringContaining("UpdateShardCount is not supported by the local runtime"),
    });
  });
});

// ---- builders

function stream(shardCount: number): Stream {
  return createStream({ name: "clicks", arn, shardCount, retentionHours: 24, clock });
}

function shardName(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

function put(key: string): Promise<PutRecordsResultEntry> {
  return client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: key, Data: bytes(key) }));
}

type IteratorInput = Pick<
  GetShardIteratorCommandInput,
  "ShardIteratorType" | "StartingSequenceNumber" | "Timestamp"
> & { readonly ShardId?: string };

async function iterator(input: IteratorInput): Promise<string> {
  const reply = await client.send(
    new GetShardIteratorCommand({ StreamName: "clicks", ShardId: shardName(0), ...input }),
  );
  return reply.ShardIterator as string;
}

async function keysFrom(input: IteratorInput): Promise<readonly (string | undefined)[]> {
  const { Records } = await client.send(new GetRecordsCommand({ ShardIterator: await iterator(input) }));
  return (Records ?? []).map(({ PartitionKey }) => PartitionKey);
}

async function readAll(ShardId: string) {
  const token = await iterator({ ShardId, ShardIteratorType: "TRIM_HORIZON" });
  return (await client.send(new GetRecordsCommand({ ShardIterator: token }))).Records ?? [];
}

function clientOf(endpoint: string): KinesisClient {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
}
