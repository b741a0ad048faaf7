/** What can be changed and asked of a stream and of the account, through the SDK. */
import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteStreamCommand,
  DescribeAccountSettingsCommand,
  DescribeLimitsCommand,
  DescribeStreamSummaryCommand,
  DisableEnhancedMonitoringCommand,
  EnableEnhancedMonitoringCommand,
  IncreaseStreamRetentionPeriodCommand,
  ListTagsForResourceCommand,
  ListTagsForStreamCommand,
  PutRecordCommand,
  RegisterStreamConsumerCommand,
  RemoveTagsFromStreamCommand,
  StartStreamEncryptionCommand,
  StopStreamEncryptionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAccountSettingsCommand,
  UpdateMaxRecordSizeCommand,
} from "@aws-sdk/client-kinesis";
import { describe, expect, it } from "vitest";
import {
  arn,
  bytes,
  client,
  clock,
  hourMs,
  keysFrom,
  kinesis,
  put,
  readAll,
  shardName,
  startMs,
  stream,
} from "./local-kinesis.ts";

const named = { StreamName: "clicks" };

describe("retention", () => {
  it("goes up and down between 24 and 8,760 hours, each by its own call, and trims at once", async () => {
    kinesis.add(stream(1));
    const raise = (RetentionPeriodHours: number) =>
      client.send(new IncreaseStreamRetentionPeriodCommand({ ...named, RetentionPeriodHours }));
    const lower = (RetentionPeriodHours: number) =>
      client.send(new DecreaseStreamRetentionPeriodCommand({ ...named, RetentionPeriodHours }));
    await raise(48);
    await put("old");
    await clock.advanceTo(startMs + 30 * hourMs);
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual(["old"]);
    await expect(raise(30)).rejects.toMatchObject({
      name: "InvalidArgumentException",
      message:
        "Requested retention period (30 hours) for stream clicks can not be shorter than existing retention period (48 hours). Use DecreaseRetentionPeriod API.",
    });
    await expect(lower(72)).rejects.toMatchObject({ name: "InvalidArgumentException" });
    await expect(lower(23)).rejects.toMatchObject({ name: "ValidationException" });
    await lower(24);
    expect(await keysFrom({ ShardIteratorType: "TRIM_HORIZON" })).toEqual([]);
  });
});

describe("the greatest size of a record", () => {
  it("is raised to 10 MiB and holds for the next record", async () => {
    kinesis.add(stream(1));
    const Data = Buffer.alloc(10 * 1024 * 1024 - 1, 7);
    const large = () => client.send(new PutRecordCommand({ ...named, PartitionKey: "k", Data }));
    await expect(large()).rejects.toMatchObject({ name: "ValidationException" });
    await client.send(new UpdateMaxRecordSizeCommand({ StreamARN: arn, MaxRecordSizeInKiB: 10_240 }));
    await large();
    expect(Buffer.from((await readAll(shardName(0)))[0]?.Data ?? []).equals(Data)).toBe(true);
    const size = (MaxRecordSizeInKiB: number) =>
      client.send(new UpdateMaxRecordSizeCommand({ StreamARN: arn, MaxRecordSizeInKiB }));
    await expect(size(10_241)).rejects.toMatchObject({ name: "ValidationException" });
    expect(await summary()).toMatchObject({ MaxRecordSizeInKiB: 10_240 });
  });
});

describe("encryption and shard-level metrics", () => {
  it("are switched on and off, and told", async () => {
    kinesis.add(stream(1));
    const key = { ...named, EncryptionType: "KMS", KeyId: "alias/k" } as const;
    await client.send(new StartStreamEncryptionCommand(key));
    expect(await summary()).toMatchObject({ EncryptionType: "KMS", KeyId: "alias/k" });
    expect(await put("k")).toMatchObject({ EncryptionType: "KMS" });
    await client.send(new StopStreamEncryptionCommand(key));
    expect(await summary()).toMatchObject({ EncryptionType: "NONE" });

    const some = { ...named, ShardLevelMetrics: ["OutgoingBytes", "IncomingBytes"] } as const;
    const all = { ...named, ShardLevelMetrics: ["ALL"] } as const;
    const enabled = await client.send(
      new EnableEnhancedMonitoringCommand({ ...some, ShardLevelMetrics: [...some.ShardLevelMetrics] }),
    );
    expect(enabled).toMatchObject({ DesiredShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"] });
    expect((await summary())?.EnhancedMonitoring).toEqual([{ ShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"] }]);
    const off = await client.send(new DisableEnhancedMonitoringCommand({ ...all, ShardLevelMetrics: ["ALL"] }));
    expect(off).toMatchObject({
      CurrentShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"],
      DesiredShardLevelMetrics: [],
    });
  });

  it("measure what was put, given and refused, by shard", async () => {
    const target = stream(2);
    kinesis.add(target);
    const explicit = (hashKey: bigint) => ({
      partitionKey: "key",
      explicitHashKey: String(hashKey),
      data: bytes("12345"),
    });
    target.put(explicit(0n));
    target.put(explicit(0n));
    target.put(explicit(2n ** 127n));
    await clock.advanceTo(startMs + 700);
    await readAll(shardName(0));
    const totals = Object.fromEntries(
      target.metrics.totals().map(({ metric, shardId, sum }) => [`${metric} ${shardId?.at(-1)}`, sum]),
    );
    expect(totals).toEqual({
      "IncomingBytes 0": 16,
      "IncomingBytes 1": 8,
      "IncomingRecords 0": 2,
      "IncomingRecords 1": 1,
      "OutgoingBytes 0": 10,
      "OutgoingRecords 0": 2,
      "IteratorAgeMilliseconds 0": 0,
    });
  });
});

describe("tags", () => {
  it("are kept by stream and by consumer, 50 at most, and go with them", async () => {
    await client.send(new CreateStreamCommand({ ...named, ShardCount: 1, Tags: { team: "a" } }));
    await client.send(new AddTagsToStreamCommand({ ...named, Tags: { env: "dev", team: "b" } }));
    await client.send(new TagResourceCommand({ ResourceARN: arn, Tags: { cost: "1" } }));
    const page = await client.send(new ListTagsForStreamCommand({ ...named, Limit: 2 }));
    expect(page).toMatchObject({
      Tags: [
        { Key: "cost", Value: "1" },
        { Key: "env", Value: "dev" },
      ],
      HasMoreTags: true,
    });
    const rest = await client.send(new ListTagsForStreamCommand({ ...named, ExclusiveStartTagKey: "env" }));
    expect(rest).toMatchObject({ Tags: [{ Key: "team", Value: "b" }], HasMoreTags: false });
    await client.send(new RemoveTagsFromStreamCommand({ ...named, TagKeys: ["env"] }));
    await client.send(new UntagResourceCommand({ ResourceARN: arn, TagKeys: ["cost"] }));
    const tags = async (ResourceARN: string) =>
      (await client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags?.map(({ Key }) => Key);
    expect(await tags(arn)).toEqual(["team"]);
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`k${at}`, ""]));
    await expect(client.send(new AddTagsToStreamCommand({ ...named, Tags: many }))).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
    const consumer = { StreamARN: arn, ConsumerName: "c", Tags: { own: "1" } };
    const { Consumer } = await client.send(new RegisterStreamConsumerCommand(consumer));
    expect(await tags(Consumer?.ConsumerARN as string)).toEqual(["own"]);
    await expect(client.send(new DeleteStreamCommand(named))).rejects.toMatchObject({ name: "ResourceInUseException" });
    await client.send(new DeleteStreamCommand({ ...named, EnforceConsumerDeletion: true }));
    kinesis.add(stream(1));
    expect(await tags(arn)).toEqual([]);
  });
});

describe("the account", () => {
  it("counts open shards and streams on demand, and has 50 of these at most", async () => {
    const target = stream(3);
    kinesis.add(target);
    target.merge(shardName(0), shardName(1));
    const auto = (at: number) =>
      client.send(new CreateStreamCommand({ StreamName: `auto${at}`, StreamModeDetails: { StreamMode: "ON_DEMAND" } }));
    for (let at = 0; at < 50; at++) await auto(at);
    expect(await client.send(new DescribeLimitsCommand({}))).toMatchObject({
      OpenShardCount: 202,
      OnDemandStreamCount: 50,
      OnDemandStreamCountLimit: 50,
      ShardLimit: 20_000,
    });
    await expect(auto(50)).rejects.toMatchObject({ name: "LimitExceededException" });
    await expect(
      client
        .send(new CreateStreamCommand({ StreamName: "huge", ShardCount: 10_000 }))
        .then(() => client.send(new CreateStreamCommand({ StreamName: "huger", ShardCount: 10_000 }))),
    ).rejects.toMatchObject({
      name: "LimitExceededException",
      message:
        "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the account: 10202. Limit: 20000. Number of additional shards that would have resulted from this request: 10000.",
    });
  });

  it("with On-demand Advantage has 50 consumers a stream, and keeps it for a day at least", async () => {
    kinesis.add(stream(1));
    const commit = (Status: "ENABLED" | "DISABLED") =>
      client.send(new UpdateAccountSettingsCommand({ MinimumThroughputBillingCommitment: { Status } }));
    await commit("ENABLED");
    for (let at = 0; at < 50; at++) {
      await client.send(new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: `c${at}` }));
    }
    await expect(
      client.send(new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: "c50" })),
    ).rejects.toMatchObject({ name: "LimitExceededException" });
    await expect(commit("DISABLED")).rejects.toMatchObject({ name: "InvalidArgumentException" });
    await clock.advanceTo(startMs + 24 * hourMs);
    await commit("DISABLED");
    expect(await client.send(new DescribeAccountSettingsCommand({}))).toMatchObject({
      MinimumThroughputBillingCommitment: { Status: "DISABLED" },
    });
  });
});

async function summary() {
  return (await client.send(new DescribeStreamSummaryCommand(named))).StreamDescriptionSummary;
}
