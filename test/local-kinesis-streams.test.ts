import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetResourcePolicyCommand,
  IncreaseStreamRetentionPeriodCommand,
  ListShardsCommand,
  ListStreamsCommand,
  MergeShardsCommand,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { describe, expect, it } from "vitest";

import { arn, client, clock, iterator, kinesis, put, shardName, startMs, stream } from "./local-kinesis.ts";

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
    expect(described).toMatchObject({ StreamModeDetails: { StreamMode: "PROVISIONED" }, EncryptionType: "NONE" });
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

  it("describes the mode and the encryption that a stream was made with", async () => {
    kinesis.add({ ...stream(1), mode: "ON_DEMAND", encryption: { keyId: "alias/aws/kinesis" } });
    const asked = { StreamName: "clicks" };
    const [{ StreamDescription: full }, { StreamDescriptionSummary: brief }] = await Promise.all([
      client.send(new DescribeStreamCommand(asked)),
      client.send(new DescribeStreamSummaryCommand(asked)),
    ]);
    for (const described of [full, brief]) {
      expect(described).toMatchObject({
        StreamModeDetails: { StreamMode: "ON_DEMAND" },
        EncryptionType: "KMS",
        KeyId: "alias/aws/kinesis",
      });
    }
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
    await expect(client.send(new GetResourcePolicyCommand({ ResourceARN: arn }))).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringContaining("GetResourcePolicy is not supported by the local runtime"),
    });
  });
});
