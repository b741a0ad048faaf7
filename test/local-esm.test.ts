import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBench, startMs, textOf } from "./local-esm/bench.ts";

describe("J1: the event's shape", () => {
  it("is one key with the records, each with exactly the keys that Lambda sends", async () => {
    const bench = await createBench();
    const [put] = bench.put("grüße");
    await bench.settle();
    expect(bench.payloads).toEqual([
      {
        Records: [
          {
            kinesis: {
              kinesisSchemaVersion: "1.0",
              partitionKey: "k",
              sequenceNumber: put?.sequenceNumber,
              data: Buffer.from("grüße").toString("base64"),
              approximateArrivalTimestamp: startMs / 1000,
            },
            eventSource: "aws:kinesis",
            eventVersion: "1.0",
            eventID: `shardId-000000000000:${put?.sequenceNumber}`,
            eventName: "aws:kinesis:record",
            invokeIdentityArn: "arn:aws:iam::000000000000:role/fold",
            awsRegion: "us-east-1",
            eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/events",
          },
        ],
      },
    ]);
  });

  it("carries the consumer's ARN with enhanced fan-out", async () => {
    const eventSourceArn = "arn:aws:kinesis:us-east-1:000000000000:stream/events/consumer/c:1700000000";
    const bench = await createBench({ settings: { eventSourceArn } });
    bench.put("a");
    await bench.settle();
    expect(bench.payloads[0]?.Records[0]).toMatchObject({ eventSourceARN: eventSourceArn });
  });
});

describe("reading", () => {
  it("hands over every record once, in order, from one shard a batch, with at most BatchSize in it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 3000 })), { maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        fc.constantFrom(0, 500, 5000),
        async (puts, batchSize, batchingWindowMs) => {
          const bench = await createBench({
            shardCount: 3,
            settings: { batchSize, batchingWindowMs },
            durationMs: 700,
          });
          const sent = new Map<string, string[]>();
          for (const [number, [partitionKey, waitMs]] of puts.entries()) {
            await bench.clock.advanceTo(bench.clock.now() + waitMs);
            const { shardId } = bench.stream.put({ partitionKey, data: Buffer.from(String(number)) });
            sent.set(shardId, [...(sent.get(shardId) ?? []), String(number)]);
          }
          await bench.settle();
          const got = new Map<string, string[]>();
          for (const { Records: records } of bench.payloads) {
            const shards = new Set(records.map(({ eventID }) => eventID.split(":")[0] as string));
            expect(shards.size).toBe(1);
            expect(records.length).toBeLessThanOrEqual(batchSize);
            const [shard] = [...shards] as [string];
            got.set(shard, [...(got.get(shard) ?? []), ...records.map(textOf)]);
          }
          expect(got).toEqual(sent);
          expect(bench.mapping.stats()).toMatchObject({ records: puts.length, succeeded: puts.length, redelivered: 0 });
          expect(bench.mapping.caughtUp()).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("polls an idle shard once a second, and follows back to back while it is behind", async () => {
    const bench = await createBench({ settings: { batchSize: 2 }, durationMs: 10 });
    await bench.clock.advanceTo(startMs + 2300);
    bench.put("a", "b", "c", "d", "e");
    await bench.settle();
    expect(bench.batches).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect(bench.times).toEqual([3000, 3010, 3020]);
  });

  it("schedules nothing while there is nothing to read", async () => {
    const bench = await createBench();
    bench.put("a");
    await bench.settle();
    expect(bench.clock.pending).toBe(0);
    expect(bench.clock.now() - startMs).toBeLessThan(1000);
  });

  it("waits for the batching window, and the next window begins when the invocation completes", async () => {
    const bench = await createBench({ settings: { batchSize: 10, batchingWindowMs: 5000 }, durationMs: 400 });
    bench.put("a");
    await bench.clock.advanceTo(startMs + 3000);
    bench.put("b");
    await bench.clock.advanceTo(startMs + 7200);
    bench.put("c");
    await bench.settle();
    expect(bench.batches).toEqual([["a", "b"], ["c"]]);
    expect(bench.times).toEqual([5000, 10_400]);
  });

  it("does not wait for the window once the batch is full", async () => {
    const bench = await createBench({ settings: { batchSize: 2, batchingWindowMs: 60_000 } });
    bench.put("a", "b");
    await bench.settle();
    expect(bench.times).toEqual([0]);
  });

  it.each([
    ["TRIM_HORIZON", { kind: "TRIM_HORIZON" }, ["old", "middle", "new"]],
    ["LATEST", { kind: "LATEST" }, ["new"]],
    ["AT_TIMESTAMP", { kind: "AT_TIMESTAMP", timestampMs: startMs + 500 }, ["middle", "new"]],
  ] as const)("begins at %s", async (_, startingPosition, expected) => {
    const bench = await createBench({
      settings: { startingPosition },
      async before(stream, clock) {
        stream.put({ partitionKey: "k", data: Buffer.from("old") });
        await clock.advanceTo(startMs + 600);
        stream.put({ partitionKey: "k", data: Buffer.from("middle") });
      },
    });
    bench.put("new");
    await bench.settle();
    expect(bench.batches.flat()).toEqual(expected);
  });

  it("finishes a parent shard before it begins its children, and reads them from their beginning", async () => {
    const bench = await createBench({
      settings: { batchSize: 1, startingPosition: { kind: "LATEST" } },
      durationMs: 3000,
    });
    bench.put("p1", "p2");
    const children = bench.stream.split("shardId-000000000000", 2n ** 127n);
    bench.stream.put({ partitionKey: "k", explicitHashKey: "0", data: Buffer.from("c1") });
    await bench.settle();
    bench.stream.put({ partitionKey: "k", explicitHashKey: String(2n ** 127n), data: Buffer.from("c2") });
    await bench.settle();
    bench.stream.merge(children[0]?.id ?? "", children[1]?.id ?? "");
    bench.put("g1");
    await bench.settle();
    expect(bench.batches.flat()).toEqual(["p1", "p2", "c1", "c2", "g1"]);
    expect(bench.times[2]).toBeGreaterThanOrEqual(6000);
    expect(bench.mapping.caughtUp()).toBe(true);
  });

  it("stops for good when it is stopped", async () => {
    const bench = await createBench();
    bench.put("a");
    bench.mapping.stop();
    bench.put("b");
    await bench.settle();
    expect(bench.batches).toEqual([]);
  });
});

describe("J9: a parallelization factor", () => {
  it("never has one partition key in two batches at a time, keeps each key's order, and does run side by side", async () => {
    let widest = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 80 }), async (keys) => {
        const inFlight = new Set<string>();
        const bench = await createBench({
          settings: { parallelizationFactor: 4, batchSize: 3 },
          durationMs: 100,
          handler(batch) {
            const own = new Set(batch.map(({ kinesis }) => kinesis.partitionKey));
            for (const key of own) {
              expect(inFlight.has(key)).toBe(false);
              inFlight.add(key);
            }
            // Its answer counts when its modelled duration is over.
            bench.clock.at(bench.clock.now() + 100, () => own.forEach((key) => void inFlight.delete(key)));
            widest = Math.max(widest, bench.running());
          },
        });
        for (const [number, key] of keys.entries()) {
          bench.stream.put({ partitionKey: `k${key}`, data: Buffer.from(`k${key}:${number}`) });
        }
        await bench.settle();
        const byKey = (texts: readonly string[]) => Map.groupBy(texts, (text) => text.split(":")[0]);
        const sent = keys.map((key, number) => `k${key}:${number}`);
        expect(new Map([...byKey(bench.batches.flat())].sort())).toEqual(new Map([...byKey(sent)].sort()));
        expect(bench.mapping.caughtUp()).toBe(true);
      }),
      { numRuns: 50 },
    );
    expect(widest).toBeGreaterThan(1);
  });
});

describe("J10: the 6 MB of an invocation", () => {
  const payloadLimitBytes = 6_291_456;
  const sizeOf = (payload: unknown) => Buffer.byteLength(JSON.stringify(payload));

  it("cut a batch before it exceeds them, and no earlier than needed", async () => {
    const bench = await createBench();
    for (let number = 0; number < 12; number++) {
      bench.stream.put({ partitionKey: `schlüssel-${number}`, data: Buffer.alloc(900_000 + number, "x") });
    }
    await bench.settle();
    expect(bench.payloads.flatMap(({ Records: records }) => records)).toHaveLength(12);
    for (const [at, payload] of bench.payloads.entries()) {
      expect(sizeOf(payload)).toBeLessThanOrEqual(payloadLimitBytes);
      const next = bench.payloads[at + 1]?.Records[0];
      if (next !== undefined)
        expect(sizeOf({ Records: [...payload.Records, next] })).toBeGreaterThan(payloadLimitBytes);
    }
  });

  it("end the wait of the batching window when they are reached", async () => {
    const bench = await createBench({ settings: { batchingWindowMs: 60_000 } });
    for (let number = 0; number < 6; number++) bench.stream.put({ partitionKey: "k", data: Buffer.alloc(1_000_000) });
    await bench.clock.advanceTo(startMs + 10_000);
    expect(bench.times).toEqual([0]);
  });

  it("are counted to the byte: the largest record that fits is handed over, one byte more goes to the destination", async () => {
    // Base64 grows by four bytes at a time; the partition key makes up the rest.
    const room = payloadLimitBytes - sizeOf({ Records: [await emptyRecord()] });
    const data = Buffer.alloc(Math.floor(room / 4) * 3, "f");
    const partitionKey = "k".repeat(1 + (room % 4));
    const bench = await createBench();
    bench.put("before");
    bench.stream.put({ partitionKey, data });
    bench.stream.put({ partitionKey: `${partitionKey}k`, data });
    bench.put("after");
    await bench.settle();
    expect(bench.batches.flat().map((text) => text.length)).toEqual(["before".length, data.length, "after".length]);
    expect(bench.failures()).toMatchObject([
      {
        requestContext: { condition: "MaximumPayloadSizeExceeded", approximateInvokeCount: 1 },
        KinesisBatchInfo: { batchSize: 1 },
      },
    ]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 3, discarded: 1, deliveredToDestination: 1 });
  });

  it("lose a record that exceeds them alone where there is no destination, and count it", async () => {
    const bench = await createBench({ settings: { onFailure: null } });
    bench.stream.put({ partitionKey: "k", data: Buffer.alloc(5_000_000) });
    await bench.settle();
    expect(bench.mapping.stats()).toMatchObject({ invocations: 0, discarded: 1, deliveredToDestination: 0 });
  });

  async function emptyRecord() {
    const bench = await createBench();
    bench.put("");
    await bench.settle();
    return bench.payloads[0]?.Records[0];
  }
});
