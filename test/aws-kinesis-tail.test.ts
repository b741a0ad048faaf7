import { GetRecordsCommand } from "@aws-sdk/client-kinesis";
import { kinesisTail, PAGE_MS, REFUSED_REST_MS, type StreamTail, type TailEnd, TailGoneError } from "@millrace/aws";
import type { Position, StreamRecord } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { createStream } from "../local/kinesis/stream.ts";
import { arn, client, clock, hourMs, iterator, kinesis, shardName, startMs, stream } from "./local-kinesis.ts";

/** Against the local Kinesis, over HTTP, with the SDK as it runs on Lambda. */

const SLACK = 30_000;
const FROM = startMs + 60_000;
const NEVER = Number.POSITIVE_INFINITY;

describe("the tail of a stream", () => {
  it("has what arrived at the moment or later, in the order of each shard, and nothing older", async () => {
    const clicks = opened(2);
    await fill(clicks, 40, 3000);
    const records = await toTip(tail());
    const all = clicks.shards().flatMap((shard) => shard.poll(null)?.records ?? []);
    const late = all.filter(({ arrivalMs }) => arrivalMs >= FROM);
    expect(late.length).toBeGreaterThan(10);
    expect(late.length).toBeLessThan(all.length);
    expect([...names(records)].sort()).toEqual(late.map(({ sequenceNumber }) => sequenceNumber).sort());
    for (const shard of [0, 1].map(shardName)) {
      const own = names(records.filter(({ position }) => position.shard === shard));
      expect(own).toEqual([...own].sort());
    }
  });

  it("is read on from where it was read to: up to positions, in their shards only, and to the tip", async () => {
    const clicks = opened(2);
    await fill(clicks, 20, 6000);
    const end = tail();
    const [first = [], second = []] = clicks.shards().map((shard) => shard.poll(null)?.records ?? []);
    const last = first.at(-1)?.sequenceNumber as string;
    const upTo = await readUpTo(end, at(0, first[0]?.sequenceNumber as string), at(0, last));
    expect(new Set(upTo.map(({ position }) => position.shard))).toEqual(new Set([shardName(0)]));
    expect(names(upTo).at(-1)).toBe(last);
    expect(await readUpTo(end, at(0, last))).toEqual([]);
    await fill(clicks, 4, 100);
    const rest = await toTip(end);
    const late = second.filter(({ arrivalMs }) => arrivalMs >= FROM).length;
    expect(rest).toHaveLength(late + 4);
    expect(new Set([...names(upTo), ...names(rest)]).size).toBe(upTo.length + rest.length);
    expect(await toTip(end)).toEqual([]);
  });

  it("goes on where another reader ended, and where none was it begins at the moment", async () => {
    const clicks = opened(2);
    await fill(clicks, 40, 3000);
    const all = await toTip(tail());
    const [last] = all.filter(({ position }) => position.shard === shardName(0)).slice(-3);
    const rest = await toTip(tail([{ ...(last?.position as Position), arrivalMs: FROM }]));
    const isBefore = ({ position }: StreamRecord) =>
      position.shard === shardName(0) && position.sequence <= String(last?.position.sequence);
    expect(names(rest).toSorted()).toEqual(names(all.filter((record) => !isBefore(record))).toSorted());
    expect(all.length - rest.length).toBeGreaterThan(5);
  });

  it("is read no further than asked for, not at all where it was read already, and with rests", async () => {
    const { end, pages, rests } = endless({});
    await readUpTo(end, at(0, "2"));
    await readUpTo(end, at(0, "1"));
    expect(pages()).toBe(2);
    expect([end.hasReached(at(0, "2")), end.hasReached(at(0, "3")), end.hasReached(at(1, "1"))]).toEqual([
      ...[true, false, false],
    ]);
    await readUpTo(end, at(0, "3"));
    expect(pages()).toBe(3);
    expect(rests).toEqual([PAGE_MS]);
    const large = endless({ bytes: 10_000_000 });
    await readUpTo(large.end, at(0, "2"));
    expect(large.rests).toEqual([10_000]);
  });

  it("is read on until its time is over, a page at least each time, and says whether that was far enough", async () => {
    const { end, pages } = endless({});
    const upTo = (sequence: string, untilMs: number) => end.upTo([at(0, sequence)], () => {}, untilMs);
    expect([await upTo("2", clock.now()), pages()]).toEqual([false, 1]);
    expect([await upTo("2", clock.now()), pages()]).toEqual([true, 2]);
    expect([await upTo("9", NEVER), pages()]).toEqual([true, 9]);
  });

  it("comes in pages that leave a shard to its other readers, and where it is refused it is asked again", async () => {
    const clicks = createStream({ name: "clicks", arn, shardCount: 1, retentionHours: 24, clock, limits: true });
    kinesis.add(clicks);
    await clock.advanceTo(FROM);
    for (let i = 0; i < 40; i++) {
      await clock.advanceTo(clock.now() + 1000);
      clicks.put({ partitionKey: "k", data: Buffer.alloc(500_000) });
    }
    const other = await iterator({ ShardIteratorType: "TRIM_HORIZON" });
    await client.send(new GetRecordsCommand({ ShardIterator: other }));
    const rests: number[] = [];
    const sizes: number[] = [];
    const pause = async (ms: number) => {
      rests.push(ms);
      await clock.advanceTo(clock.now() + ms);
    };
    await tail([], pause).toTip((page) => void sizes.push(page.length));
    expect(sizes.slice(0, 2)).toEqual([0, 20]);
    expect(sizes.slice(2)).toEqual(Array(10).fill(2));
    expect(rests[0]).toBe(REFUSED_REST_MS);
  });

  it("is handed over page by page, however long it is", async () => {
    const { end } = endless({ pageRecords: 10_000 });
    let [records, longest] = [0, 0];
    const take = (page: readonly StreamRecord[]) => {
      records += page.length;
      longest = Math.max(longest, page.length);
    };
    await end.upTo([at(0, "600000")], take, NEVER);
    expect([records, longest]).toEqual([600_000, 10_000]);
  });

  it("goes through a reshard: parents that were open then, and their children", async () => {
    const clicks = opened(1);
    await fill(clicks, 30, 3000);
    clicks.split(shardName(0), 2n ** 127n);
    await clock.advanceTo(clock.now() + 60_000);
    await fill(clicks, 6, 1000);
    const records = await toTip(tail());
    const shards = new Set(records.map(({ position }) => position.shard));
    expect([...shards].sort()).toEqual([0, 1, 2].map(shardName));
  });

  it("is kept from where it was read to, however long ago it began", async () => {
    const clicks = opened(1);
    await clock.advanceTo(FROM + 2 * SLACK);
    await fill(clicks, 1, 0);
    const [last] = await toTip(tail());
    await clock.advanceTo(FROM + 24 * hourMs);
    await fill(clicks, 1, 0);
    await expect(toTip(tail())).rejects.toThrow(TailGoneError);
    const end = { ...(last?.position as Position), arrivalMs: last?.arrivalMs as number };
    expect(await toTip(tail([end]))).toHaveLength(1);
  });

  it("says so when the stream keeps nothing so old any more", async () => {
    const clicks = opened(1);
    await fill(clicks, 1, 0);
    await clock.advanceTo(FROM + 24 * hourMs);
    await expect(toTip(tail())).rejects.toThrow(TailGoneError);
    await expect(toTip(tail([{ ...at(0, "1"), arrivalMs: FROM }]))).rejects.toThrow(TailGoneError);
    await expect(readUpTo(tail(), at(0, "1"))).rejects.toThrow("but it keeps them for 24 h only");
  });
});

/** A shard that always has one more page, of one record that arrived in time. */
function endless({ bytes = 1, pageRecords = 1 }) {
  let [pages, sequence] = [0, 0];
  const rests: number[] = [];
  const send = async (command: { readonly constructor: { readonly name: string } }) => {
    if (command.constructor.name === "GetShardIteratorCommand") return { ShardIterator: "next" };
    const arrived = { ApproximateArrivalTimestamp: new Date(FROM) };
    const record = { PartitionKey: "k", Data: Buffer.alloc(bytes, "x"), ...arrived };
    const Records = Array.from({ length: pageRecords }, () => ({ ...record, SequenceNumber: String(++sequence) }));
    pages++;
    return { Records, MillisBehindLatest: 1000, NextShardIterator: "next" };
  };
  const options = { stream: "clicks", retentionMs: 24 * hourMs, slackMs: SLACK, now: () => clock.now() };
  const pause = async (ms: number) => void rests.push(ms);
  const end = kinesisTail({ ...options, pause, client: { send: send as never } })(FROM);
  return { end, rests, pages: () => pages };
}

function opened(shardCount: number) {
  const clicks = stream(shardCount);
  kinesis.add(clicks);
  return clicks;
}

async function fill(clicks: ReturnType<typeof stream>, count: number, everyMs: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await clock.advanceTo(clock.now() + everyMs);
    clicks.put({ partitionKey: `k${i}`, data: Buffer.from(String(i)) });
  }
}

function tail(readBefore: readonly TailEnd[] = [], pause?: (ms: number) => Promise<unknown>): StreamTail {
  const options = { stream: "clicks", retentionMs: 24 * hourMs, slackMs: SLACK, now: () => clock.now() };
  return kinesisTail({ ...options, client, ...(pause && { pause }) })(FROM, readBefore);
}

async function toTip(end: StreamTail): Promise<readonly StreamRecord[]> {
  const records: StreamRecord[] = [];
  await end.toTip((page) => void records.push(...page));
  return records;
}

async function readUpTo(end: StreamTail, ...positions: readonly Position[]): Promise<readonly StreamRecord[]> {
  const records: StreamRecord[] = [];
  await end.upTo(positions, (page) => void records.push(...page), NEVER);
  return records;
}

function at(shard: number, sequence: string): Position {
  return { shard: shardName(shard), sequence, subSequence: 0 };
}

function names(records: readonly StreamRecord[]): readonly string[] {
  return records.map(({ position }) => position.sequence);
}
