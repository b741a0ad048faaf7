/** Registered consumers and SubscribeToShard (D1.7), with the SDK's client as it is. */
import {
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  ListStreamConsumersCommand,
  RegisterStreamConsumerCommand,
  type StartingPosition,
  SubscribeToShardCommand,
  type SubscribeToShardEvent,
} from "@aws-sdk/client-kinesis";
import { afterEach, describe, expect, it } from "vitest";
import type { Push } from "../local/kinesis/fan-out.ts";
import { createStream, type Shard, type Stream } from "../local/kinesis/stream.ts";
import { arn, client, clock, kinesis, put, shardName, startMs, stream } from "./local-kinesis.ts";

const minuteMs = 60_000;

describe("consumers through the SDK", () => {
  it("are registered, described, listed by page and deregistered", async () => {
    kinesis.add(stream(1));
    await clock.advanceTo(startMs + 1500);
    for (const name of ["two", "one", "three"]) await register(name);
    const { ConsumerDescription: described } = await client.send(
      new DescribeStreamConsumerCommand({ StreamARN: arn, ConsumerName: "one" }),
    );
    const createdSeconds = startMs / 1000 + 1;
    expect(described).toEqual({
      ConsumerName: "one",
      ConsumerARN: `${arn}/consumer/one:${createdSeconds}`,
      ConsumerStatus: "ACTIVE",
      ConsumerCreationTimestamp: new Date(createdSeconds * 1000),
      StreamARN: arn,
    });
    const page = await client.send(new ListStreamConsumersCommand({ StreamARN: arn, MaxResults: 2 }));
    const rest = await client.send(new ListStreamConsumersCommand({ StreamARN: arn, NextToken: page.NextToken }));
    const names = [...(page.Consumers ?? []), ...(rest.Consumers ?? [])].map(({ ConsumerName }) => ConsumerName);
    expect(names).toEqual(["one", "three", "two"]);
    expect(page.Consumers).toHaveLength(2);
    expect(rest.NextToken).toBeUndefined();
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: described?.ConsumerARN }));
    const { StreamDescriptionSummary: summary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName: "clicks" }),
    );
    expect(summary?.ConsumerCount).toBe(2);
    await expect(
      client.send(new DescribeStreamConsumerCommand({ ConsumerARN: described?.ConsumerARN })),
    ).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  it("are 20 at most, each name once", async () => {
    kinesis.add(stream(1));
    await register("c0");
    await expect(register("c0")).rejects.toMatchObject({
      name: "ResourceInUseException",
      message: "Consumer c0 under stream clicks already exists for account 000000000000.",
    });
    for (let at = 1; at < 20; at++) await register(`c${at}`);
    await expect(register("c20")).rejects.toMatchObject({ name: "LimitExceededException" });
    await expect(register("no spaces")).rejects.toMatchObject({ name: "ValidationException" });
  });
});

describe("SubscribeToShard through the SDK", () => {
  it("begins at each of the five positions, and gives the exact records", async () => {
    kinesis.add(stream(1));
    const numbers: string[] = [];
    for (let minute = 0; minute < 4; minute++) {
      await clock.advanceTo(startMs + minute * minuteMs);
      numbers.push((await put(`m${minute}`)).SequenceNumber as string);
    }
    const from = async (name: string, position: StartingPosition) => {
      const events = await subscribe(await register(name), position);
      await put(`after ${name}`);
      await clock.advanceTo(clock.now() + 5000);
      return keysOf(await events.first()).filter((key) => !key.startsWith("after") || key === `after ${name}`);
    };
    expect(await from("trim", { Type: "TRIM_HORIZON" })).toEqual(["m0", "m1", "m2", "m3", "after trim"]);
    expect(await from("at", { Type: "AT_SEQUENCE_NUMBER", SequenceNumber: numbers[2] })).toEqual([
      "m2",
      "m3",
      "after at",
    ]);
    const after = { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: numbers[2] } as const;
    expect(await from("after", after)).toEqual(["m3", "after after"]);
    const time = { Type: "AT_TIMESTAMP", Timestamp: new Date(startMs + 2.5 * minuteMs) } as const;
    expect(await from("time", time)).toEqual(["m3", "after time"]);
    expect(await from("latest", { Type: "LATEST" })).toEqual(["after latest"]);
  });

  it("carries every byte, the arrival, and where to go on", async () => {
    kinesis.add(stream(1));
    const events = await subscribe(await register("one"), { Type: "LATEST" });
    const data = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const { sequenceNumber } = (kinesis.find("clicks") as Stream).put({ partitionKey: "ä-🦊", data });
    await clock.advanceTo(startMs + 1000);
    expect(await events.first()).toEqual({
      Records: [
        {
          SequenceNumber: sequenceNumber,
          ApproximateArrivalTimestamp: new Date(startMs),
          Data: data,
          PartitionKey: "ä-🦊",
        },
      ],
      ContinuationSequenceNumber: sequenceNumber,
      MillisBehindLatest: 0,
    });
  });

  it("pushes soon after arrival, and says where it stands every five seconds while nothing comes", async () => {
    kinesis.add(stream(1));
    const events = await subscribe(await register("one"), { Type: "LATEST" });
    await put("a");
    await clock.advanceTo(startMs + 100);
    expect(keysOf(await events.first())).toEqual(["a"]);
    await clock.advanceTo(startMs + 5000);
    const idle = await events.first();
    expect(idle).toMatchObject({ Records: [], MillisBehindLatest: 0 });
    expect(idle?.ContinuationSequenceNumber).toBeDefined();
  });

  it("ends after five minutes, and goes on from the continuation without loss or repetition", async () => {
    kinesis.add(stream(1));
    const consumer = await register("one");
    const events = await subscribe(consumer, { Type: "TRIM_HORIZON" });
    await put("a");
    await clock.advanceTo(startMs + 5 * minuteMs - 1);
    await put("b");
    await clock.advanceTo(startMs + 5 * minuteMs);
    const all = await events.all();
    expect(all.flatMap(keysOf)).toEqual(["a"]);
    await put("c");
    const SequenceNumber = all.at(-1)?.ContinuationSequenceNumber;
    const next = await subscribe(consumer, { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber });
    await clock.advanceTo(clock.now() + 100);
    expect(keysOf(await next.first())).toEqual(["b", "c"]);
  });

  it("ends at the end of a shard with the children, also when the shard was already empty", async () => {
    const target = stream(1);
    kinesis.add(target);
    const events = await subscribe(await register("one"), { Type: "TRIM_HORIZON" });
    await put("a");
    await clock.advanceTo(startMs + 1000);
    target.split(shardName(0), 2n ** 127n);
    await clock.advanceTo(startMs + 2000);
    const all = await events.all();
    expect(all.flatMap(keysOf)).toEqual(["a"]);
    expect(all.at(-1)?.ContinuationSequenceNumber).toBeUndefined();
    expect(all.at(-1)?.ChildShards?.map(({ ShardId, ParentShards }) => [ShardId, ParentShards])).toEqual([
      [shardName(1), [shardName(0)]],
      [shardName(2), [shardName(0)]],
    ]);
    const late = await subscribe(await register("two"), { Type: "LATEST" });
    await clock.advanceTo(startMs + 3000);
    expect((await late.all()).map(({ ChildShards }) => ChildShards?.length)).toEqual([2]);
  });

  it("gives all that a closed shard holds, in as many pushes as it takes, before it ends", async () => {
    const target = stream(1);
    const data = Buffer.alloc(700_000);
    const sent = [1, 2, 3, 4].map(() => target.put({ partitionKey: "k", data }).sequenceNumber);
    target.split(shardName(0), 2n ** 127n);
    const pushes: Push[] = [];
    const ends: unknown[] = [];
    target.consumers.register("one").subscribe({
      shard: target.shards()[0] as Shard,
      position: { kind: "TRIM_HORIZON" },
      onPush: (push) => void pushes.push(push),
      onEnd: (error) => void ends.push(error),
    });
    await clock.runUntilIdle();
    expect(pushes.flatMap(({ records }) => records.map(({ sequenceNumber }) => sequenceNumber))).toEqual(sent);
    expect(pushes.map(({ after }) => after)).toEqual([...sent.slice(0, 3), null]);
    expect(ends).toEqual([null]);
  });

  it("refuses a second subscription within five seconds; later it takes over and the first is told", async () => {
    kinesis.add(stream(1));
    const consumer = await register("one");
    const first = await subscribe(consumer, { Type: "LATEST" });
    await clock.advanceTo(startMs + 4999);
    await expect(subscribe(consumer, { Type: "LATEST" })).rejects.toMatchObject({
      name: "ResourceInUseException",
      message: `Another active subscription exists for this consumer: 000000000000:clicks:${shardName(0)}:one`,
    });
    await clock.advanceTo(startMs + 5000);
    await subscribe(consumer, { Type: "LATEST" });
    await expect(first.all()).rejects.toMatchObject({ name: "ResourceInUseException" });
  });

  it("takes one call a second per consumer and shard, and lets the first be closed by its client", async () => {
    const target = limited(1);
    const consumer = await register("one");
    const leaving = new AbortController();
    await client.send(
      new SubscribeToShardCommand({
        ConsumerARN: consumer,
        ShardId: shardName(0),
        StartingPosition: { Type: "LATEST" },
      }),
      { abortSignal: leaving.signal },
    );
    leaving.abort();
    const refusal = () => subscribe(consumer, { Type: "LATEST" }).then(String, ({ name }: Error) => name);
    let name = await refusal();
    // The client's closing is on its way.
    while (name === "ResourceInUseException") name = await refusal();
    expect(name).toBe("LimitExceededException");
    await clock.advanceTo(startMs + 1000);
    await subscribe(consumer, { Type: "LATEST" });
    expect(target.metrics.sum("SubscribeToShard.RateExceeded")).toBe(1);
  });

  it("gives each consumer 2 MiB a second of a shard, whatever the others take", async () => {
    const target = limited(1);
    for (let second = 0; second < 12; second++) {
      await clock.advanceTo(startMs + second * 1000);
      target.put({ partitionKey: "k", data: Buffer.alloc(1024 * 1024 - 1) });
    }
    await clock.advanceTo(startMs + 13_000);
    const [shard] = target.shards() as [Shard];
    const pushed = ["one", "two"].map((name) => {
      const atMs: number[] = [];
      target.consumers.register(name).subscribe({
        shard,
        position: { kind: "TRIM_HORIZON" },
        onPush: ({ records }) => void atMs.push(...records.map(() => clock.now() - startMs - 13_000)),
        onEnd() {},
      });
      return atMs;
    });
    await clock.advanceTo(startMs + 20_000);
    for (const atMs of pushed) {
      expect(atMs).toHaveLength(12);
      // What one second brings is there at once, and the record that overdraws it; from then on half a second brings one.
      for (const [before, pushedMs] of atMs.entries()) expect(before).toBeLessThanOrEqual(3 + pushedMs / 500);
      expect(atMs.at(-1)).toBeLessThan(5500);
    }
  });

  it("refuses a consumer, a shard or a position that is not there", async () => {
    kinesis.add(stream(1));
    const consumer = await register("one");
    await expect(subscribe(`${arn}/consumer/none:1`, { Type: "LATEST" })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(subscribe(consumer, { Type: "LATEST" }, shardName(7))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(subscribe(consumer, { Type: "AT_SEQUENCE_NUMBER" })).rejects.toMatchObject({
      name: "InvalidArgumentException",
    });
  });

  it("tells subscribers that their consumer is gone", async () => {
    kinesis.add(stream(1));
    const consumer = await register("one");
    const events = await subscribe(consumer, { Type: "LATEST" });
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: consumer }));
    await expect(events.all()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });
});

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const events of opened.splice(0)) await events.close();
});

function limited(shardCount: number): Stream {
  const target = createStream({ name: "clicks", arn, shardCount, retentionHours: 24, clock, limits: true });
  kinesis.add(target);
  return target;
}

async function register(ConsumerName: string): Promise<string> {
  const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName }));
  return Consumer?.ConsumerARN as string;
}

/** Reads events as they come; each waits for the wire, never for a time. */
async function subscribe(ConsumerARN: string, position: StartingPosition, ShardId = shardName(0)) {
  const { EventStream } = await client.send(
    new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition: position }),
  );
  const iterator = (EventStream as NonNullable<typeof EventStream>)[Symbol.asyncIterator]();
  const first = async (): Promise<SubscribeToShardEvent | undefined> => {
    const { value, done } = await iterator.next();
    return done === true ? undefined : value.SubscribeToShardEvent;
  };
  const events = {
    first,
    async all() {
      const found: SubscribeToShardEvent[] = [];
      for (let one = await first(); one !== undefined; one = await first()) found.push(one);
      return found;
    },
    close: async () => iterator.return?.(),
  };
  opened.push(events);
  return events;
}

function keysOf(event: SubscribeToShardEvent | undefined): string[] {
  return (event?.Records ?? []).map(({ PartitionKey }) => PartitionKey as string);
}
