import { createHash } from "node:crypto";
import {
  GetRecordsCommand,
  IncreaseStreamRetentionPeriodCommand,
  PutRecordCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { describe, expect, it } from "vitest";
import { AwsError } from "../local/aws-error.ts";

import {
  arn,
  bytes,
  client,
  clock,
  hourMs,
  iterator,
  keysFrom,
  kinesis,
  put,
  readAll,
  shardName,
  startMs,
  stream,
} from "./local-kinesis.ts";

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
