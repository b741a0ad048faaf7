import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createShardReader } from "../local/firehose/shard-reader.ts";
import { echo, lambda, START_MS, type Stack, startStack } from "./local-firehose.ts";

const TENTHS = { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 10 } };

describe("an object that cannot be written (C3.7)", () => {
  it("is tried again by the clock with growing waits, holds up those behind it, and is written once", async () => {
    const tries: number[] = [];
    const stack: Stack = startStack({
      destination: TENTHS,
      beforePut(put) {
        tries.push(stack.clock.now());
        if (put <= 4) throw new Error("disk full");
      },
    });
    await putEvery(stack, 10_000, ["a", "b"]);
    await stack.clock.advanceTo(START_MS + 60_000);
    const [first = 0, ...later] = tries;
    expect(later.slice(0, 4).map((atMs) => atMs - first)).toEqual([250, 750, 1750, 3750]);
    expect(stack.objects.keys().map(stack.objects.text)).toEqual(["a", "b"]);
    expect(stack.delivery.idle()).toBe(true);
    expect(stack.clock.pending).toBe(0);
  });

  it("loses and doubles nothing, whichever puts and invocations fail, and stands in the order of its records", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.array(fc.boolean(), { maxLength: 10 }),
        fc.integer({ min: 1, max: 30 }),
        async (putFails, invokeFails, count) => {
          const stack = startStack({
            destination: { ...TENTHS, ProcessingConfiguration: lambda({ BufferIntervalInSeconds: "1" }) },
            beforePut(put) {
              if (putFails[put - 1]) throw new Error("disk full");
            },
            answer(request, invocation) {
              if (invokeFails[invocation - 1]) throw new Error("no such function");
              return echo(request, invocation);
            },
          });
          const put = Array.from({ length: count }, (_, at) => `${at} `);
          await putEvery(stack, 3000, put);
          while (!stack.delivery.idle()) await stack.clock.advanceTo(stack.clock.now() + 60_000);
          expect(stack.objects.keys().map(stack.objects.text).join("")).toBe(put.join(""));
          expect(stack.delivery.stats()).toMatchObject({ received: count, delivered: count, failed: 0 });
        },
      ),
    );
  });

  it("leaves a flush to the clock at first, and ends it after eight tries with an error that names the object", async () => {
    const lines: string[] = [];
    let full = true;
    const stack = startStack({
      destination: TENTHS,
      beforePut() {
        if (full) throw new Error("disk full");
      },
      log: (line) => lines.push(line),
    });
    await putEvery(stack, 10_000, ["a", "b"]);
    await stack.delivery.flush();
    expect(stack.delivery.idle()).toBe(false);
    await stack.clock.advanceTo(START_MS + 600_000);
    const message =
      /^Delivery stream "raw-delivery": writing the object lake\/2026\/01\/02\/03\/raw-delivery-1-\S+ failed \d+ times \(and 1 more wait behind it\): disk full\./;
    await expect(stack.delivery.flush()).rejects.toThrow(message);
    expect(lines.at(-1)).toMatch(message);
    expect(lines.at(-1)).toContain("The next try follows in 60 s.");
    full = false;
    await stack.delivery.flush();
    expect(stack.objects.keys().map(stack.objects.text)).toEqual(["a", "b"]);
  });

  it("is given up by a stop, which names it, and a flush after that fails at once", async () => {
    const lines: string[] = [];
    const stack = startStack({
      destination: TENTHS,
      beforePut() {
        throw new Error("disk full");
      },
      log: (line) => lines.push(line),
    });
    await putEvery(stack, 11_000, ["a"]);
    stack.delivery.stop();
    expect(stack.clock.pending).toBe(0);
    const message =
      /writing the object lake\/\S+ failed .*: disk full\. The delivery stream is stopped and gives up\.$/;
    expect(lines.at(-1)).toMatch(message);
    await expect(stack.delivery.flush()).rejects.toThrow(message);
    expect(stack.clock.pending).toBe(0);
  });
});

describe("the lineage of a stream that was split and merged often", () => {
  it("costs a few reads per shard", async () => {
    const { stream, clock } = startStack();
    for (let generation = 0; generation < 20; generation++) {
      const [shard] = stream.shards().filter(({ closed }) => !closed);
      const [low, high] = stream.split(shard?.id ?? "", 2n ** 127n);
      stream.merge(low?.id ?? "", high?.id ?? "");
    }
    let reads = 0;
    const counted = stream.shards().map((shard) => ({
      ...shard,
      closed: shard.closed,
      read(...range: Parameters<typeof shard.read>) {
        reads++;
        return shard.read(...range);
      },
    }));
    const data: string[] = [];
    const reader = createShardReader({
      stream: { ...stream, shards: () => counted },
      clock,
      onRecord: (_, record) => data.push(record.data.toString()),
      onPoll: () => {},
    });
    stream.put({ partitionKey: "k", data: Buffer.from("last") });
    reader.readAll();
    expect(data).toEqual(["last"]);
    expect(reads).toBeLessThan(5 * counted.length);
  });
});

async function putEvery({ clock, stream }: Stack, ms: number, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    stream.put({ partitionKey: "k", data: Buffer.from(text) });
    await clock.advanceTo(clock.now() + ms);
  }
}
