import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { createStream, type Shard, type Stream } from "../local/kinesis/stream.ts";

const startMs = Date.UTC(2026, 0, 2);
const hourMs = 3_600_000;
const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

describe("a stream", () => {
  it("gives each record exactly once and in order per key, whatever puts, reads, splits and merges are interleaved", () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 80 }), fc.integer({ min: 1, max: 3 }), (steps, shardCount) => {
        const target = stream(shardCount);
        const reader = lineageReader(target);
        const sent: string[] = [];
        for (const action of steps) {
          if (action.kind === "read") reader.read(action.shard, action.limit);
          else if (action.kind === "put") sent.push(putNumbered(target, action.key, sent.length));
          else reshard(target, action);
        }
        reader.drain();
        expect([...reader.seen].sort()).toEqual([...sent].sort());
        for (const key of keys) {
          const ofKey = (all: readonly string[]) => all.filter((text) => text.startsWith(`${key}:`));
          expect(ofKey(reader.seen)).toEqual(ofKey(sent));
        }
      }),
    );
  });

  it("numbers records strictly upwards within a shard and from parents to children, in 56 digits", () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 60 }), (steps) => {
        const target = stream(2);
        for (const action of steps) {
          if (action.kind === "put") putNumbered(target, action.key, 0);
          else if (action.kind !== "read") reshard(target, action);
        }
        for (const shard of target.shards()) {
          const numbers = [shard.startingSequenceNumber, ...shard.read(null, 1e6, 1e9).map((r) => r.sequenceNumber)];
          if (shard.endingSequenceNumber !== null) numbers.push(shard.endingSequenceNumber);
          for (const parent of parentsOf(target, shard)) numbers.unshift(parent.endingSequenceNumber as string);
          const own = numbers.slice(shard.parentIds.length);
          expect(numbers.every((number) => /^\d{56}$/.test(number))).toBe(true);
          expect(own).toEqual([...new Set(own)].sort());
          for (const ending of numbers.slice(0, shard.parentIds.length)) expect(ending < (own[0] as string)).toBe(true);
        }
      }),
    );
  });

  it("is the same stream when the same calls are made again", () => {
    const run = () => {
      const target = stream(2);
      for (let at = 0; at < 50; at++) putNumbered(target, keys[at % keys.length] as string, at);
      target.split(shardName(1), (target.shards()[1]?.hashRange.start as bigint) + 10n);
      for (let at = 0; at < 50; at++) putNumbered(target, keys[at % keys.length] as string, at);
      return target.shards().map((shard) => [shard.startingSequenceNumber, shard.read(null, 1000, 1e9)]);
    };
    expect(run()).toEqual(run());
  });

  it("cuts the hash keys into ranges without gap or overlap for any number of shards", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (shardCount) => {
        let next = 0n;
        for (const { hashRange } of stream(shardCount).shards()) {
          expect(hashRange.start).toBe(next);
          next = hashRange.end + 1n;
        }
        expect(next).toBe(2n ** 128n);
      }),
      { numRuns: 30 },
    );
  });

  it("trims what is beyond retention and nothing else, whatever the arrival times", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 30 * hourMs }), { maxLength: 40 }), async (gapsMs) => {
        const time = virtualClock(startMs);
        const target = createStream({ name: "clicks", arn, shardCount: 1, retentionHours: 24, clock: time });
        const arrivals: { readonly arrivalMs: number; readonly sequenceNumber: string }[] = [];
        for (const gapMs of gapsMs) {
          await time.advanceTo(time.now() + gapMs);
          const { sequenceNumber } = target.put({ partitionKey: "k", data: bytes("x") });
          arrivals.push({ arrivalMs: time.now(), sequenceNumber });
          const kept = arrivals.filter(({ arrivalMs }) => arrivalMs >= time.now() - 24 * hourMs);
          const read = (after: string | null) =>
            target
              .shards()[0]
              ?.read(after, 1000, 1e9)
              .map((record) => record.sequenceNumber);
          expect(read(null)).toEqual(kept.map((record) => record.sequenceNumber));
          for (const { sequenceNumber: after } of arrivals) {
            expect(read(after)).toEqual(kept.map((record) => record.sequenceNumber).filter((number) => number > after));
          }
        }
      }),
    );
  });

  it("tells its listeners the shard of each put until they leave", () => {
    const target = stream(1);
    const told: string[] = [];
    const leave = target.onPut((shardId) => told.push(shardId));
    target.put({ partitionKey: "k", data: bytes("x") });
    leave();
    target.put({ partitionKey: "k", data: bytes("x") });
    expect(told).toEqual([shardName(0)]);
  });
});

// ---- builders

const keys = ["a", "b", "c", "d", "e"];

type Step =
  | { readonly kind: "put"; readonly key: string }
  | { readonly kind: "read"; readonly shard: number; readonly limit: number }
  | { readonly kind: "split" | "merge"; readonly shard: number };

function step(): fc.Arbitrary<Step> {
  const shard = fc.nat({ max: 20 });
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key: fc.constantFrom(...keys) }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("read" as const), shard, limit: fc.integer({ min: 1, max: 5 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("split" as const, "merge" as const), shard }) },
  );
}

/** Reads as a well-behaved consumer does: a child only after its parents are read to their end. */
function lineageReader(target: Stream) {
  const seen: string[] = [];
  const after = new Map<string, string>();
  const isDone = (shard: Shard) => shard.closed && shard.read(after.get(shard.id) ?? null, 1, 1).length === 0;
  const readShard = (shard: Shard, limit: number): number => {
    if (!parentsOf(target, shard).every(isDone)) return 0;
    const records = shard.read(after.get(shard.id) ?? null, limit, 1e9);
    for (const record of records) {
      seen.push(record.data.toString());
      after.set(shard.id, record.sequenceNumber);
    }
    return records.length;
  };
  return {
    seen,
    read(index: number, limit: number) {
      const shards = target.shards();
      readShard(shards[index % shards.length] as Shard, limit);
    },
    drain() {
      while (target.shards().some((shard) => readShard(shard, 3) > 0));
    },
  };
}

function parentsOf(target: Stream, shard: Shard): readonly Shard[] {
  return target.shards().filter(({ id }) => shard.parentIds.includes(id));
}

function putNumbered(target: Stream, key: string, number: number): string {
  const text = `${key}:${number}`;
  target.put({ partitionKey: key, data: bytes(text) });
  return text;
}

function reshard(target: Stream, { kind, shard }: { readonly kind: "split" | "merge"; readonly shard: number }): void {
  const open = target
    .shards()
    .filter(({ closed }) => !closed)
    .sort((a, b) => (a.hashRange.start < b.hashRange.start ? -1 : 1));
  const at = shard % open.length;
  const [first, second] = [open[at] as Shard, open[at + 1]];
  if (kind === "split") target.split(first.id, (first.hashRange.start + first.hashRange.end) / 2n);
  else if (second !== undefined) target.merge(first.id, second.id);
}

function stream(shardCount: number): Stream {
  return createStream({ name: "clicks", arn, shardCount, retentionHours: 24, clock: virtualClock(startMs) });
}

function shardName(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
