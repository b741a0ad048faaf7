/** UpdateShardCount with its lineage and limits (D1.8), modes and streams on demand (D1.9, D2.1). */
import {
  CreateStreamCommand,
  ListShardsCommand,
  type Shard,
  SplitShardCommand,
  UpdateShardCountCommand,
  UpdateStreamModeCommand,
} from "@aws-sdk/client-kinesis";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import { arn, client, clock, hourMs, kinesis, shardName, startMs, stream } from "./local-kinesis.ts";

describe("UpdateShardCount through the SDK", () => {
  it("from 2 to 4 splits each shard in the middle", async () => {
    kinesis.add(stream(2));
    expect(await scale(4)).toMatchObject({ StreamName: "clicks", CurrentShardCount: 2, TargetShardCount: 4 });
    const quarter = (at: number) => String((2n ** 128n / 4n) * BigInt(at));
    expect(await lineage()).toEqual([
      ["0", undefined, undefined, "closed"],
      [quarter(2), undefined, undefined, "closed"],
      ["0", shardName(0), undefined, "open"],
      [quarter(1), shardName(0), undefined, "open"],
      [quarter(2), shardName(1), undefined, "open"],
      [quarter(3), shardName(1), undefined, "open"],
    ]);
  });

  it("from 4 to 2 merges neighbours", async () => {
    kinesis.add(stream(4));
    await scale(2);
    expect((await lineage()).slice(4)).toEqual([
      ["0", shardName(0), shardName(1), "open"],
      [String(2n ** 127n), shardName(2), shardName(3), "open"],
    ]);
  });

  it("from 4 to 3 splits the two in the middle and merges their parts with the neighbours, as AWS does", async () => {
    kinesis.add(stream(4));
    await scale(3);
    const open = (await lineage()).filter(([, , , state]) => state === "open");
    const third = (at: number) => String((2n ** 128n / 3n) * BigInt(at));
    expect(open).toEqual([
      [third(0), shardName(0), shardName(4), "open"],
      [third(1), shardName(5), shardName(6), "open"],
      [third(2), shardName(7), shardName(3), "open"],
    ]);
  });

  it("goes from any number to any other with even ranges, one or two parents each, and no hash key lost", () => {
    const count = fc.integer({ min: 1, max: 24 });
    fc.assert(
      fc.property(fc.array(count, { minLength: 2, maxLength: 5 }), ([first = 1, ...rest]) => {
        const target = stream(first);
        for (const next of rest) target.scaleTo(next);
        const open = openShards(target);
        const width = 2n ** 128n / BigInt(open.length);
        expect(open).toHaveLength(rest.at(-1) as number);
        // Widths are rounded down, and a boundary that is there already is kept.
        for (const [at, { hashRange }] of open.entries()) {
          expect(Number(hashRange.start - width * BigInt(at)) / 2 ** 20).toBeCloseTo(0, 3);
        }
        expect(open.at(-1)?.hashRange.end).toBe(2n ** 128n - 1n);
        for (const { id, parentIds, hashRange } of target.shards().slice(first)) {
          const parents = target.shards().filter((shard) => parentIds.includes(shard.id));
          expect([1, 2]).toContain(parents.length);
          const widths = parents.reduce((sum, parent) => sum + parent.hashRange.end - parent.hashRange.start + 1n, 0n);
          const own = hashRange.end - hashRange.start + 1n;
          expect(parents.length === 2 ? own === widths : own < widths, id).toBe(true);
        }
      }),
    );
  });

  it("refuses more than double, less than half, and an eleventh time within 24 hours", async () => {
    kinesis.add(stream(3));
    await expect(scale(7)).rejects.toMatchObject({
      name: "LimitExceededException",
      message:
        "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 3 Target shard count: 7",
    });
    await expect(scale(1)).rejects.toMatchObject({
      name: "LimitExceededException",
      message:
        "UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: 3 Target shard count: 1",
    });
    for (let time = 0; time < 10; time++) await scale(time % 2 === 0 ? 6 : 3);
    await expect(scale(6)).rejects.toMatchObject({ name: "LimitExceededException" });
    await clock.advanceTo(startMs + 24 * hourMs);
    await scale(6);
  });

  it("is refused on a stream on demand, like a split", async () => {
    await client.send(
      new CreateStreamCommand({ StreamName: "clicks", StreamModeDetails: { StreamMode: "ON_DEMAND" } }),
    );
    const refused = { name: "ValidationException" };
    await expect(scale(8)).rejects.toMatchObject(refused);
    const split = { ShardToSplit: shardName(0), NewStartingHashKey: "5" };
    await expect(client.send(new SplitShardCommand({ StreamName: "clicks", ...split }))).rejects.toMatchObject(refused);
  });
});

describe("listing shards after a reshard", () => {
  it("filters by time, and tells of a closed shard for as long as its records could be kept", async () => {
    const target = stream(1);
    kinesis.add(target);
    await clock.advanceTo(startMs + hourMs);
    target.split(shardName(0), 2n ** 127n);
    await clock.advanceTo(startMs + 2 * hourMs);
    target.merge(shardName(1), shardName(2));
    await clock.advanceTo(startMs + 3 * hourMs);
    const at = (hours: number) => new Date(startMs + hours * hourMs);
    expect(await ids({ Type: "AT_TIMESTAMP", Timestamp: at(0.5) })).toEqual([0]);
    expect(await ids({ Type: "AT_TIMESTAMP", Timestamp: at(1.5) })).toEqual([1, 2]);
    expect(await ids({ Type: "FROM_TIMESTAMP", Timestamp: at(1.5) })).toEqual([1, 2, 3]);
    expect(await ids({ Type: "AFTER_SHARD_ID", ShardId: shardName(1) })).toEqual([2, 3]);
    expect(await ids({ Type: "AT_LATEST" })).toEqual([3]);
    expect(await ids({ Type: "AT_TRIM_HORIZON" })).toEqual([0]);
    await clock.advanceTo(startMs + 25 * hourMs);
    expect(await ids()).toEqual([0, 1, 2, 3]);
    await clock.advanceTo(startMs + 25 * hourMs + 1);
    expect(await ids()).toEqual([1, 2, 3]);
    await clock.advanceTo(startMs + 27 * hourMs);
    expect(await ids()).toEqual([3]);
  });
});

describe("a stream's mode", () => {
  const switchTo = (StreamMode: "ON_DEMAND" | "PROVISIONED") =>
    client.send(new UpdateStreamModeCommand({ StreamARN: arn, StreamModeDetails: { StreamMode } }));

  it("can be switched twice in 24 hours, and leaves the shards as they are", async () => {
    kinesis.add(stream(3));
    await switchTo("ON_DEMAND");
    expect(kinesis.find("clicks")).toMatchObject({ mode: "ON_DEMAND" });
    await switchTo("PROVISIONED");
    await expect(switchTo("ON_DEMAND")).rejects.toMatchObject({ name: "LimitExceededException" });
    expect(await ids()).toEqual([0, 1, 2]);
    await clock.advanceTo(startMs + 24 * hourMs);
    await switchTo("ON_DEMAND");
  });
});

describe("a stream on demand", () => {
  it("doubles its shards after 15 minutes of a load that it can just take, and throttles more until then", async () => {
    const { target, load } = onDemand();
    expect(openShards(target)).toHaveLength(4);
    expect(await load(16, 4)).toBe(0);
    expect(openShards(target)).toHaveLength(8);
    expect(await load(1, 16)).toBe(0.5);
    await load(31, 16);
    expect(openShards(target)).toHaveLength(32);
    expect(await load(1, 16)).toBe(0);
  });

  it("splits the shards that carry the load", async () => {
    const { target, load } = onDemand();
    await load(16, 3, [0.1, 0.3, 0.6]);
    const [, , , idle] = target.shards();
    expect(idle?.closed).toBe(false);
    expect(openShards(target)).toHaveLength(6);
  });

  it("keeps its shards for 30 days, then lets them go, and costs nothing while idle", async () => {
    const { target, time, load } = onDemand();
    await load(16, 4);
    await time.runUntilIdle();
    expect(openShards(target)).toHaveLength(8);
    await time.advanceTo(time.now() + 29 * 24 * hourMs);
    await load(16, 1);
    expect(openShards(target)).toHaveLength(8);
    await time.advanceTo(time.now() + 2 * 24 * hourMs);
    await load(16, 1);
    await time.runUntilIdle();
    expect(openShards(target)).toHaveLength(4);
    expect(time.pending).toBe(0);
  });
});

function onDemand() {
  const time = virtualClock(startMs);
  const about = { name: "auto", arn: `${arn}-auto`, retentionHours: 24, clock: time };
  const target = createStream({ ...about, shardCount: 4, mode: "ON_DEMAND", limits: true });
  const data = Buffer.alloc(1024 * 1024 - 1);
  /** So many MiB each second, at these shares of the hash keys; the share that was throttled comes back. */
  const load = async (minutes: number, perSecond: number, places?: readonly number[]): Promise<number> => {
    const before = target.metrics.sum("WriteProvisionedThroughputExceeded");
    for (let second = 0; second < minutes * 60; second++) {
      await time.advanceTo(time.now() + 1000);
      for (let at = 0; at < perSecond; at++) putAt(target, places?.[at] ?? (at + 0.5) / perSecond, data);
    }
    return (target.metrics.sum("WriteProvisionedThroughputExceeded") - before) / (minutes * 60 * perSecond);
  };
  return { target, time, load };
}

function putAt(target: Stream, share: number, data: Buffer): void {
  const explicitHashKey = String((2n ** 128n * BigInt(Math.round(share * 1e6))) / 1_000_000n);
  try {
    target.put({ partitionKey: "k", explicitHashKey, data });
  } catch (error) {
    expect(error).toMatchObject({ name: "ProvisionedThroughputExceededException" });
  }
}

function openShards(target: Stream) {
  return target
    .shards()
    .filter(({ closed }) => !closed)
    .sort((a, b) => (a.hashRange.start < b.hashRange.start ? -1 : 1));
}

function scale(TargetShardCount: number) {
  return client.send(
    new UpdateShardCountCommand({ StreamName: "clicks", TargetShardCount, ScalingType: "UNIFORM_SCALING" }),
  );
}

async function list(ShardFilter?: ListShardsCommand["input"]["ShardFilter"]): Promise<readonly Shard[]> {
  return (await client.send(new ListShardsCommand({ StreamName: "clicks", ShardFilter }))).Shards ?? [];
}

async function ids(filter?: ListShardsCommand["input"]["ShardFilter"]): Promise<readonly number[]> {
  return (await list(filter)).map(({ ShardId }) => Number(ShardId?.split("-")[1]));
}

async function lineage() {
  return (await list()).map(({ HashKeyRange, ParentShardId, AdjacentParentShardId, SequenceNumberRange }) => [
    HashKeyRange?.StartingHashKey,
    ParentShardId,
    AdjacentParentShardId,
    SequenceNumberRange?.EndingSequenceNumber === undefined ? "open" : "closed",
  ]);
}
