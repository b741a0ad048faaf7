import { type Chunk, chunkReader, kinesisReader, NOTHING_REACHED, type Reached, readRange } from "@millrace/aws";
import type { Position, StreamRecord } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SHARD } from "./functions/shop.ts";
import { aggregate } from "./local-firehose.ts";
import { client, clock, hourMs, kinesis, shardName, startMs, stream } from "./local-kinesis.ts";
import { recordAt, streamOf } from "./reconcile/fakes.ts";

/** A part of a shard, read once more. */

describe("a range of a shard", () => {
  it("gives what is in it once and in order, wherever and however often its reader is interrupted", async () => {
    await fc.assert(
      fc.asyncProperty(
        shards,
        ranges,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 9 }),
        async (all, ask, size, most) => {
          const range = ask(all);
          const expected = all.filter((record) => isIn(range, record));
          const found: StreamRecord[] = [];
          let last: Position | null = null;
          for (let before = -1; found.length > before; ) {
            before = found.length;
            // What an invocation may take ends anywhere, also inside an aggregate.
            const piece = await take(readRange(streamOf(all, size), range, last), most);
            found.push(...piece);
            last = piece.at(-1)?.position ?? last;
          }
          expect(found.map(placeOf)).toEqual(expected.map(placeOf));
        },
      ),
    );
  });

  it("is an error, and no gap, where the stream has dropped what comes next", async () => {
    const all = [1, 2, 3, 4].map((n) => recordAt(startMs + n, `${n}`));
    const range = { kind: "sequences", shard: SHARD, first: "2", last: "3" } as const;
    const left = (first: number) => streamOf(all.slice(first), 2);
    expect((await take(readRange(left(1), range, null), 9)).map(placeOf)).toEqual(["2 0", "3 0"]);
    for (const dropped of [2, 4]) {
      await expect(take(readRange(left(dropped), range, null), 9)).rejects.toMatchObject({ name: "StreamGoneError" });
      const arrived = { kind: "arrived", shard: SHARD, fromMs: startMs, toMs: startMs + hourMs } as const;
      const after = (all[1] as StreamRecord).position;
      await expect(take(readRange(left(dropped), arrived, after), 9)).rejects.toThrow("record 2 of");
    }
  });
});

describe("the stream as a source of replays", () => {
  it("is read for no more than will be used, since live readers share the shard", async () => {
    const limits: unknown[] = [];
    const send = async ({ input }: { readonly input: { readonly Limit?: number } }) => {
      if ("ShardIterator" in input) limits.push(input.Limit);
      return { ShardIterator: "i", MillisBehindLatest: 0 };
    };
    const reader = kinesisReader({ client: { send: send as never }, stream: "clicks" });
    for (const limit of [{ records: 7 }, { records: 1_000_000 }, undefined])
      for await (const _ of reader.pages("a", { arrivalMs: 0 }, limit));
    expect(limits).toEqual([7, 100, 100]);
  });

  it("is all that arrived in the time: of open, closed and child shards, aggregates taken apart, and on from any place", async () => {
    const clicks = stream(1);
    kinesis.add(clicks);
    const put = async (text: string) => {
      await clock.advanceTo(clock.now() + 1000);
      return clicks.put({
        partitionKey: text,
        data: aggregate([
          [text, `${text} 1`],
          [text, `${text} 2`],
        ]),
      });
    };
    for (const text of ["a", "b", "c"]) await put(text);
    const fromMs = clock.now();
    for (const text of ["d", "e"]) await put(text);
    clicks.split(shardName(0), 2n ** 127n);
    await clock.advanceTo(clock.now() + 60_000);
    for (const text of ["f", "g", "h", "i"]) await put(text);
    const toMs = clock.now();
    await put("j");

    const reader = kinesisReader({ client, stream: "clicks" });
    const shards = await reader.shardsSince(fromMs);
    expect(shards.toSorted()).toEqual([0, 1, 2].map(shardName));
    const options = { s3: { send: () => Promise.reject() }, stream: reader, retentionMs: 24 * hourMs };
    const read = chunkReader({ ...options, now: () => clock.now() })("stream");
    const chunks = shards.map((shard): Chunk => ({ kind: "arrived", shard, fromMs, toMs }));
    const records = (await Promise.all(chunks.map((chunk) => all(read(chunk, NOTHING_REACHED, MOST))))).flat();
    const texts = [..."cdefgh"].flatMap((text) => [`${text} 1`, `${text} 2`]);
    expect(records.map(({ data }) => Buffer.from(data).toString()).toSorted()).toEqual(texts);

    const first = chunks[0] as Chunk;
    const whole = await all(read(first, NOTHING_REACHED, MOST));
    for (const [i, { position }] of whole.entries()) {
      const rest = await all(read(first, { taken: 0, last: position }, MOST));
      expect(rest.map(placeOf)).toEqual(whole.slice(i + 1).map(placeOf));
    }
    // What was begun goes on while its next record is there; what was not has to begin where there are records.
    await clock.advanceTo(fromMs + 24 * hourMs + 1);
    await expect(all(read(first, NOTHING_REACHED, MOST))).rejects.toThrow("the stream keeps them for 24 h only");
    const reached: Reached = { taken: 0, last: (whole.at(-1) as StreamRecord).position };
    expect(await all(read(first, reached, MOST))).toEqual([]);
  });
});

const MOST = { records: 2, untilMs: Number.POSITIVE_INFINITY };

const shards: fc.Arbitrary<readonly StreamRecord[]> = fc
  .array(fc.record({ inner: fc.integer({ min: 1, max: 4 }), stepMs: fc.integer({ min: -500, max: 2000 }) }), {
    minLength: 1,
    maxLength: 30,
    size: "max",
  })
  .map((outer) => {
    let arrivalMs = startMs;
    return outer.flatMap(({ inner, stepMs }, n) => {
      arrivalMs += stepMs;
      return Array.from({ length: inner }, (_, subSequence) => {
        const record = recordAt(arrivalMs, `${8 + n}`);
        return { ...record, position: { ...record.position, subSequence } };
      });
    });
  });

type Ask = (all: readonly StreamRecord[]) => Parameters<typeof readRange>[1];

const ranges: fc.Arbitrary<Ask> = fc
  .record({ byTime: fc.boolean(), from: fc.nat(40), to: fc.nat(40) })
  .map(({ byTime, from, to }) => (all) => {
    const [first, last] = [Math.min(from, to), Math.max(from, to)].map((n) => all[n % all.length] as StreamRecord);
    const [a, b] = [first as StreamRecord, last as StreamRecord];
    if (byTime) return { kind: "arrived", shard: SHARD, fromMs: a.arrivalMs, toMs: b.arrivalMs };
    return { kind: "sequences", shard: SHARD, first: a.position.sequence, last: b.position.sequence };
  });

function isIn(range: Parameters<typeof readRange>[1], { arrivalMs, position }: StreamRecord): boolean {
  if (range.kind === "arrived") return arrivalMs >= range.fromMs && arrivalMs < range.toMs;
  const sequence = Number(position.sequence);
  return sequence >= Number(range.first) && sequence <= Number(range.last);
}

async function take(pages: AsyncIterable<readonly StreamRecord[]>, most: number): Promise<readonly StreamRecord[]> {
  const found: StreamRecord[] = [];
  for await (const page of pages) {
    found.push(...page);
    if (found.length >= most) break;
  }
  return found.slice(0, most);
}

async function all(sourced: ReturnType<ReturnType<ReturnType<typeof chunkReader>>>): Promise<readonly StreamRecord[]> {
  const found: StreamRecord[] = [];
  for await (const { record } of sourced) if (record !== null) found.push(record);
  return found;
}

function placeOf({ position }: StreamRecord): string {
  return `${position.sequence} ${position.subSequence}`;
}
