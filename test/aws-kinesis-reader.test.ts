import { GetRecordsCommand } from "@aws-sdk/client-kinesis";
import { kinesisReader, REFUSED_REST_MS } from "@millrace/aws";
import { describe, expect, it } from "vitest";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import { arn, client, clock, iterator, kinesis, shardName, startMs } from "./local-kinesis.ts";

/** The stream read once more, on a shard with AWS's limits (D1.1). */

const mebibyte = 1024 * 1024;

describe("a reader of the stream", () => {
  it("is not refused, and leaves half of what a shard gives to its other readers", async () => {
    const clicks = await filled(1000, 16_384);
    const other = { ShardIterator: await iterator({ ShardIteratorType: "TRIM_HORIZON" }), Limit: 32 };
    let live = 0;
    const reader = reading(async (ms) => {
      // In each second of its rest a live reader takes half of the bytes.
      for (const untilMs = clock.now() + ms; clock.now() < untilMs; live++) {
        await clock.advanceTo(Math.min(untilMs, clock.now() + 500));
        await client.send(new GetRecordsCommand(other));
      }
    });
    expect(await sizesOf(reader)).toEqual(Array(1000).fill(16_384));
    expect(live).toBeGreaterThan(20);
    expect(clicks.metrics.sum("ReadProvisionedThroughputExceeded")).toBe(0);
  });

  it("says with an empty page that it was refused, rests, and loses nothing", async () => {
    await filled(18, mebibyte / 2);
    const rests: number[] = [];
    const reader = reading(async (ms) => {
      rests.push(ms);
      await clock.advanceTo(clock.now() + ms);
    });
    // Another reader has 10 MB at once.
    await client.send(new GetRecordsCommand({ ShardIterator: await iterator({ ShardIteratorType: "TRIM_HORIZON" }) }));
    const pages: number[] = [];
    for await (const { records } of reader.pages(shardName(0), { arrivalMs: startMs })) pages.push(records.length);
    expect(pages).toEqual([0, 18]);
    expect(rests).toEqual([REFUSED_REST_MS]);
  });

  it("passes on every other error", async () => {
    await filled(1, 1);
    const other = Object.assign(new Error("no"), { name: "AccessDeniedException" });
    const send = async ({ input }: { readonly input: object }) => {
      if ("ShardIterator" in input) throw other;
      return { ShardIterator: "i" };
    };
    const reader = kinesisReader({ client: { send: send as never }, stream: "clicks" });
    await expect(sizesOf(reader)).rejects.toBe(other);
  });
});

function reading(pause: (ms: number) => Promise<unknown>) {
  return kinesisReader({ client, stream: "clicks", pause });
}

async function filled(records: number, sizeBytes: number): Promise<Stream> {
  const options = { name: "clicks", arn, shardCount: 1, retentionHours: 24, clock, limits: true };
  const clicks = createStream(options);
  kinesis.add(clicks);
  for (let i = 0; i < records; i++) {
    await clock.advanceTo(clock.now() + 1000);
    clicks.put({ partitionKey: "k", data: Buffer.alloc(sizeBytes) });
  }
  return clicks;
}

async function sizesOf(reader: ReturnType<typeof kinesisReader>): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const { records } of reader.pages(shardName(0), { arrivalMs: startMs }))
    sizes.push(...records.map(({ data }) => data.length));
  return sizes;
}
