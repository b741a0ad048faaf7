import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBench, deliveries, reporting, startMs, textOf } from "./local-esm/bench.ts";

const poison = (texts: readonly string[]) => {
  if (texts.includes("x")) throw new TypeError("poison");
};

describe("J2: what an answer means with ReportBatchItemFailures", () => {
  it.each([[""], [[]], [null], [{}], [{ batchItemFailures: [] }], [{ batchItemFailures: null }]])(
    "%j is a complete success",
    async (answer) => {
      const bench = await createBench({ handler: () => answer });
      bench.put("a", "b");
      await bench.settle();
      expect(bench.batches).toEqual([["a", "b"]]);
      expect(bench.mapping.stats()).toMatchObject({ succeeded: 2, failedInvocations: 0 });
    },
  );

  const identified = (itemIdentifier: unknown) => ({ batchItemFailures: [{ itemIdentifier }] });
  it.each([
    [identified("")],
    [identified(null)],
    [{ batchItemFailures: [{ foo: 123 }] }],
    [{ batchItemFailures: [{ foo: null }] }],
    [{ foo: 123 }],
    [identified("123")],
    [{ batchItemFailures: "all" }],
  ])("%j is a complete failure", async (answer) => {
    const bench = await createBench({ handler: () => answer });
    bench.put("a", "b");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(bench.failures()).toMatchObject([
      { KinesisBatchInfo: { batchSize: 2 }, responseContext: { functionError: null } },
    ]);
  });

  it("an unhandled error is a complete failure too", async () => {
    const bench = await createBench({ handler: () => poison(["x"]) });
    bench.put("a", "b");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(bench.failures()).toMatchObject([{ responseContext: { statusCode: 200, functionError: "Unhandled" } }]);
  });

  it("without it in the mapping, reported failures are ignored", async () => {
    const bench = await createBench({
      settings: { reportBatchItemFailures: false },
      handler: (batch) => reporting(batch, () => true),
    });
    bench.put("a", "b");
    await bench.settle();
    expect(bench.batches).toEqual([["a", "b"]]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 2, discarded: 0 });
  });

  it("the lowest reported record is the checkpoint: what came before is done, all after it comes again", async () => {
    let first = true;
    const bench = await createBench({
      handler(batch) {
        const answer = first ? reporting(batch, (text) => text === "d" || text === "b") : null;
        first = false;
        // In whatever order they are reported.
        return answer === null ? null : { batchItemFailures: answer.batchItemFailures.toReversed() };
      },
    });
    bench.put("a", "b", "c", "d", "e");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["a", "b", "c", "d", "e"],
      ["b", "c", "d", "e"],
    ]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 5, redelivered: 4, redeliveries: 4, splits: 1 });
  });
});

it("J3: partial progress resets the retry counter", async () => {
  const bench = await createBench({
    settings: { batchSize: 3, maximumRetryAttempts: 3 },
    handler: (batch) => reporting(batch, (text) => text === "6"),
  });
  bench.put("1", "2", "3", "4", "5", "6");
  await bench.settle();
  expect(deliveries(bench.batches)).toEqual({ 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 5 });
  expect(bench.failures()).toMatchObject([
    {
      requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 4 },
      responseContext: { functionError: null, statusCode: 200 },
      KinesisBatchInfo: { batchSize: 1 },
    },
  ]);
});

it("J3: partial progress resets it also when attempts were used up before", async () => {
  let calls = 0;
  const bench = await createBench({
    settings: { maximumRetryAttempts: 1 },
    handler(batch) {
      if (++calls === 1) throw new Error("failed on purpose");
      return reporting(batch, (text) => text === "2");
    },
  });
  bench.put("1", "2");
  await bench.settle();
  // The error, its retry with progress, and then one retry of the rest.
  expect(bench.batches).toEqual([["1", "2"], ["1", "2"], ["2"], ["2"]]);
  expect(bench.failures()).toMatchObject([{ requestContext: { approximateInvokeCount: 2 } }]);
});

describe("J4: retries", () => {
  it.each([0, 1, 2, 5])(
    "%i retries are one invocation more, and the next batch follows",
    async (maximumRetryAttempts) => {
      const bench = await createBench({
        settings: { maximumRetryAttempts, batchSize: 1 },
        handler: (batch) => poison(batch.map(textOf)),
      });
      bench.put("x", "after");
      await bench.settle();
      expect(deliveries(bench.batches)).toEqual({ x: maximumRetryAttempts + 1, after: 1 });
      expect(bench.failures()[0]?.requestContext.approximateInvokeCount).toBe(maximumRetryAttempts + 1);
    },
  );

  it("are not used up by throttles", async () => {
    let calls = 0;
    const bench = await createBench({
      settings: { maximumRetryAttempts: 1 },
      handler() {
        const error = new Error(++calls <= 5 ? "Rate Exceeded." : "broken");
        error.name = calls <= 5 ? "TooManyRequestsException" : "Error";
        throw error;
      },
    });
    bench.put("a");
    await bench.settle();
    expect(calls).toBe(7);
    expect(bench.failures()[0]?.requestContext.approximateInvokeCount).toBe(2);
  });

  it("without a limit end with the record's age; 8 invocations in a minute were observed on AWS", async () => {
    const bench = await createBench({
      settings: { maximumRetryAttempts: null, maximumRecordAgeMs: 60_000 },
      durationMs: 1,
      handler: () => poison(["x"]),
    });
    bench.put("x");
    await bench.settle();
    expect(bench.batches).toHaveLength(8);
    expect(bench.failures()).toMatchObject([{ requestContext: { condition: "RecordAgeExceeded" } }]);
  });

  it("without any limit end when the record leaves the stream", async () => {
    const bench = await createBench({ settings: { maximumRetryAttempts: null }, handler: () => poison(["x"]) });
    bench.put("x");
    await bench.settle();
    expect(bench.mapping.stats()).toMatchObject({ discarded: 1, redelivered: 1 });
    const retentionMs = 24 * 3_600_000;
    const longestBackoffMs = 60_000;
    expect(bench.clock.now() - startMs).toBeGreaterThanOrEqual(retentionMs);
    expect(bench.clock.now() - startMs).toBeLessThanOrEqual(retentionMs + longestBackoffMs + 1000);
  });
});

describe("J5: bisect", () => {
  it("lets the good records succeed and gives up the poison alone; splits are not retries", async () => {
    const bench = await createBench({
      settings: { bisectBatchOnFunctionError: true, maximumRetryAttempts: 2 },
      handler: (batch) => poison(batch.map(textOf)),
    });
    bench.put("1", "2", "3", "4", "5", "x", "7", "8");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["1", "2", "3", "4", "5", "x", "7", "8"],
      ["1", "2", "3", "4"],
      ["5", "x", "7", "8"],
      ["5", "x"],
      ["5"],
      ["x"],
      ["x"],
      ["x"],
      ["7", "8"],
    ]);
    expect(bench.failures()).toMatchObject([
      { requestContext: { approximateInvokeCount: 3 }, KinesisBatchInfo: { batchSize: 1 } },
    ]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 7, discarded: 1, splits: 3 });
  });

  it("cuts at the reported record where there is one, not in the middle", async () => {
    let first = true;
    const bench = await createBench({
      settings: { bisectBatchOnFunctionError: true },
      handler(batch) {
        const answer = first ? reporting(batch, (text) => text === "2") : null;
        first = false;
        return answer;
      },
    });
    bench.put("1", "2", "3", "4", "5", "6");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["1", "2", "3", "4", "5", "6"],
      ["2", "3", "4", "5", "6"],
    ]);
  });

  it("halves a batch of which an unknown record is reported, as after an error", async () => {
    const bench = await createBench({
      settings: { bisectBatchOnFunctionError: true, maximumRetryAttempts: 0 },
      handler: (batch) => (batch.length > 1 ? { batchItemFailures: [{ itemIdentifier: "123" }] } : null),
    });
    bench.put("1", "2");
    await bench.settle();
    expect(bench.batches).toEqual([["1", "2"], ["1"], ["2"]]);
  });

  it("loses nothing and changes no order, wherever the poison is and whatever is reported", async () => {
    const behaviour = fc.constantFrom("good", "throws", "reports");
    await fc.assert(
      fc.asyncProperty(
        fc.array(behaviour, { minLength: 1, maxLength: 25 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: 9 }),
        async (behaviours, bisectBatchOnFunctionError, maximumRetryAttempts, batchSize) => {
          const bench = await createBench({
            settings: { bisectBatchOnFunctionError, maximumRetryAttempts, batchSize },
            handler(batch) {
              if (batch.some((record) => textOf(record).startsWith("throws"))) throw new Error("poison");
              return reporting(batch, (text) => text.startsWith("reports"));
            },
          });
          const texts = behaviours.map((name, number) => `${name} ${number}`);
          bench.put(...texts);
          await bench.settle();
          const { records, succeeded, discarded, deliveredToDestination } = bench.mapping.stats();
          expect(records).toBe(texts.length);
          expect(succeeded + discarded).toBe(texts.length);
          expect(deliveredToDestination).toBe(discarded);
          const given = bench.failures().flatMap(({ payload }) => JSON.parse(payload).Records.map(textOf));
          expect(new Set(given).size).toBe(given.length);
          const bad = texts.filter((text) => !text.startsWith("good"));
          expect(given).toEqual(expect.arrayContaining(bad));
          // A report of the first record gives nothing to cut at: such a batch is given up whole.
          if (bisectBatchOnFunctionError && !behaviours.includes("reports")) expect(given).toEqual(bad);
          // The first hand-over of each record follows the order of the stream.
          expect([...new Set(bench.batches.flat())]).toEqual(texts);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("J6: the age of records", () => {
  it("is looked at for each record, before the invocation: the expired one goes, the others are handed over", async () => {
    const bench = await createBench({
      settings: { maximumRecordAgeMs: 60_000 },
      async before(stream, clock) {
        for (const [text, waitMs] of [
          ["old", 1],
          ["1", 60_000],
        ] as const) {
          stream.put({ partitionKey: "k", data: Buffer.from(text) });
          await clock.advanceTo(clock.now() + waitMs);
        }
      },
    });
    bench.put("2", "3", "4", "5");
    await bench.settle();
    // Exactly as old as allowed is not too old.
    expect(bench.batches).toEqual([["1", "2", "3", "4", "5"]]);
    const [failure] = bench.failures();
    expect(failure).toMatchObject({
      requestContext: { condition: "RecordAgeExceeded", approximateInvokeCount: 1 },
      KinesisBatchInfo: { batchSize: 1 },
    });
    expect(failure).not.toHaveProperty("responseContext");
  });
});

describe("J7: the on-failure destination", () => {
  it("gets one object under AWS's key, with the original event as text", async () => {
    const bench = await createBench({ handler: () => poison(["x"]) });
    bench.put("a", "b");
    await bench.settle();
    const [[key, object] = ["", null]] = [...bench.objects];
    expect(key).toMatch(
      /^aws\/lambda\/[0-9a-f-]{36}\/shardId-\d{12}\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/,
    );
    expect(key).toContain("/2026/01/02/2026-01-02T03.04.");
    expect(object?.bucket).toBe("failed");
    expect(JSON.parse(object?.body.payload ?? "")).toEqual(bench.payloads[0]);
    const arrival = new Date(startMs).toISOString();
    const [first, last] = (bench.payloads[0]?.Records ?? []).map(({ kinesis }) => kinesis.sequenceNumber);
    expect(object?.body).toMatchObject({
      version: "1.0",
      requestContext: { functionArn: "arn:aws:lambda:us-east-1:000000000000:function:fold" },
      KinesisBatchInfo: {
        shardId: "shardId-000000000000",
        startSequenceNumber: first,
        endSequenceNumber: last,
        approximateArrivalOfFirstRecord: arrival,
        approximateArrivalOfLastRecord: arrival,
        batchSize: 2,
        streamArn: "arn:aws:kinesis:us-east-1:000000000000:stream/events",
      },
    });
  });

  it("gives the same keys for the same seed, and never one key twice", async () => {
    const run = async () => {
      const bench = await createBench({ settings: { batchSize: 1 }, handler: () => poison(["x"]) });
      bench.put("a", "b", "c");
      await bench.settle();
      return [...bench.objects.keys()];
    };
    const keys = await run();
    expect(keys).toHaveLength(3);
    expect(await run()).toEqual(keys);
  });

  it("that cannot be written to leaves the records counted as discarded, and the shard goes on", async () => {
    const bench = await createBench({
      settings: { batchSize: 1, maximumRetryAttempts: 0 },
      handler: (batch) => poison(batch.map(textOf)),
      put: () => Promise.reject(new Error("no such bucket")),
    });
    bench.put("x", "after");
    await bench.settle();
    expect(bench.batches).toEqual([["x"], ["after"]]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 1, discarded: 1, deliveredToDestination: 0 });
  });
});

describe("a destination of SQS or SNS", () => {
  it.each(["sqs", "sns"] as const)("%s gets where the batch lies, and not its records", async (kind) => {
    const target = `arn:aws:${kind}:us-east-1:000000000000:failed`;
    const bench = await createBench({
      settings: { onFailure: { kind, target }, maximumRetryAttempts: 0 },
      handler: () => poison(["x"]),
    });
    const [first, last] = bench.put("a", "b");
    await bench.settle();
    const arrival = new Date(startMs).toISOString();
    const [[arn, body] = ["", null]] = bench.messages;
    expect(arn).toBe(target);
    expect(body).toEqual({
      requestContext: {
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        functionArn: "arn:aws:lambda:us-east-1:000000000000:function:fold",
        condition: "RetryAttemptsExhausted",
        approximateInvokeCount: 1,
      },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      version: "1.0",
      timestamp: expect.stringMatching(/^2026-01-02T03:04:\d\d\.\d{3}Z$/),
      KinesisBatchInfo: {
        shardId: "shardId-000000000000",
        startSequenceNumber: first?.sequenceNumber,
        endSequenceNumber: last?.sequenceNumber,
        approximateArrivalOfFirstRecord: arrival,
        approximateArrivalOfLastRecord: arrival,
        batchSize: 2,
        streamArn: "arn:aws:kinesis:us-east-1:000000000000:stream/events",
      },
    });
    expect(bench.mapping.stats()).toMatchObject({ discarded: 2, deliveredToDestination: 2, destinationFailures: 0 });
  });
});
