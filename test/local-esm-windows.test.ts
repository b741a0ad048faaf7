import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BenchOptions, createBench, type LambdaEvent, reporting, startMs, textOf } from "./local-esm/bench.ts";

/** The bench starts 5.678 s into a minute. */
const minuteMs = Math.floor(startMs / 60_000) * 60_000;
const iso = (atMs: number) => `${new Date(atMs).toISOString().slice(0, 19)}Z`;

describe("J8: a tumbling window", () => {
  it("tells each invocation its window, its state and its shard, in exactly AWS's keys", async () => {
    const bench = await createCounting();
    bench.put("a");
    await bench.settle();
    const around = {
      window: { start: iso(minuteMs), end: iso(minuteMs + 60_000) },
      shardId: "shardId-000000000000",
      eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/events",
      isWindowTerminatedEarly: false,
    };
    expect(bench.payloads).toEqual([
      { Records: [expect.anything()], ...around, state: {}, isFinalInvokeForWindow: false },
      { Records: [], ...around, state: { count: 1 }, isFinalInvokeForWindow: true },
    ]);
  });

  it("begins with an empty state, carries it from batch to batch, and ends with one final invocation, then begins afresh", async () => {
    const bench = await createCounting({ settings: { batchSize: 2 } });
    bench.put("a", "b", "c");
    await bench.clock.advanceTo(minuteMs + 60_000);
    bench.put("d");
    await bench.settle();
    expect(bench.payloads.map(({ state, isFinalInvokeForWindow }) => [state, isFinalInvokeForWindow])).toEqual([
      [{}, false],
      [{ count: 2 }, false],
      [{ count: 3 }, true],
      [{}, false],
      [{ count: 1 }, true],
    ]);
    expect(bench.batches).toEqual([["a", "b"], ["c"], [], ["d"], []]);
    expect(bench.mapping.stats()).toMatchObject({ records: 4, succeeded: 4, windows: 2, redelivered: 0 });
  });

  it("ends two minutes after its time where nothing follows, and as soon as a record of a later window is read", async () => {
    const idle = await createCounting();
    idle.put("a");
    await idle.settle();
    expect(idle.times.at(-1)).toBe(minuteMs + 60_000 + 120_000 - startMs);

    const followed = await createCounting();
    followed.put("a");
    await followed.clock.advanceTo(minuteMs + 61_000);
    followed.put("b");
    await followed.clock.advanceTo(minuteMs + 63_000);
    expect(followed.payloads.map(({ isFinalInvokeForWindow: final }) => final)).toEqual([false, true, false]);
  });

  it("counts every record in exactly one window, that of its arrival, and ends every window once, however batches fall and fail", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 90_000 }), failures: fc.nat({ max: 2 }) }), {
          maxLength: 30,
        }),
        fc.record({
          batchSize: fc.integer({ min: 1, max: 5 }),
          batchingWindowMs: fc.constantFrom(0, 3000),
          tumblingWindowMs: fc.constantFrom(1000, 60_000, 900_000),
          bisectBatchOnFunctionError: fc.boolean(),
        }),
        async (puts, settings) => {
          const left = puts.map(({ failures }) => failures);
          const bench = await createCounting({
            shardCount: 2,
            settings: { ...settings, maximumRetryAttempts: null },
            fails(batch) {
              const failing = batch.map((record) => Number(textOf(record))).find((number) => (left[number] ?? 0) > 0);
              if (failing !== undefined) left[failing] = (left[failing] ?? 0) - 1;
              return failing !== undefined;
            },
          });
          const expected = new Map<string, number>();
          for (const [number, { waitMs }] of puts.entries()) {
            await bench.clock.advanceTo(bench.clock.now() + waitMs);
            const { shardId } = bench.stream.put({ partitionKey: `k${number}`, data: Buffer.from(String(number)) });
            const windowMs = Math.floor(bench.clock.now() / settings.tumblingWindowMs) * settings.tumblingWindowMs;
            const window = `${shardId} ${iso(windowMs)}`;
            expected.set(window, (expected.get(window) ?? 0) + 1);
          }
          await bench.settle();
          const finals = bench.payloads.filter(({ isFinalInvokeForWindow }) => isFinalInvokeForWindow);
          const counted = finals.map(({ shardId, window, state }) => [`${shardId} ${window?.start}`, state?.count]);
          expect(counted).toHaveLength(expected.size);
          expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected));
          expect(bench.mapping.caughtUp()).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("counts an answer without a state as a failed invocation, with ReportBatchItemFailures or not", async () => {
    for (const reportBatchItemFailures of [true, false]) {
      for (const answer of [null, {}, { batchItemFailures: [] }, { state: null }, { state: "s" }, { state: [] }]) {
        const bench = await createCounting({
          settings: { reportBatchItemFailures, maximumRetryAttempts: 1, tumblingWindowMs: 60_000 },
          handler: (batch) => (batch.length === 0 ? { state: {} } : answer),
        });
        bench.put("a");
        await bench.settle();
        expect(bench.mapping.stats()).toMatchObject({ failedInvocations: 2, discarded: 1, succeeded: 0 });
        expect(bench.failures()).toMatchObject([{ responseContext: { functionError: null } }]);
      }
    }
  });

  it("keeps the state of the last successful invocation when one fails", async () => {
    let calls = 0;
    const bench = await createCounting({
      settings: { batchSize: 1 },
      fails: () => ++calls === 2,
    });
    bench.put("a", "b");
    await bench.settle();
    expect(bench.batches).toEqual([["a"], ["b"], ["b"], []]);
    expect(bench.payloads.map(({ state }) => state)).toEqual([{}, { count: 1 }, { count: 1 }, { count: 2 }]);
  });

  it("of which a part is reported keeps the answered state and goes on from the lowest failure with it", async () => {
    let first = true;
    const bench = await createCounting({
      handler(batch, event) {
        const failed = first ? reporting(batch, (text) => text === "b") : { batchItemFailures: [] };
        const done = first ? 1 : batch.length;
        first = false;
        return { state: { count: countOf(event) + done }, ...failed };
      },
    });
    bench.put("a", "b", "c");
    await bench.settle();
    expect(bench.batches).toEqual([["a", "b", "c"], ["b", "c"], []]);
    expect(bench.payloads.map(({ state }) => state)).toEqual([{}, { count: 1 }, { count: 3 }]);
  });

  it("is ended early when its state exceeds 1 MB, not when it just reaches it, and the rest of it begins with an empty state", async () => {
    const limitBytes = 1024 * 1024;
    const fill = (bytes: number) => ({ fill: "x".repeat(bytes - '{"fill":""}'.length) });
    const sizes = [limitBytes, limitBytes + 1];
    const bench = await createCounting({
      settings: { batchSize: 1 },
      handler: ([record]) => ({ state: record === undefined ? {} : fill(sizes[Number(textOf(record))] ?? 100) }),
    });
    bench.put("0", "1", "2");
    await bench.settle();
    const seen = bench.payloads.map(({ Records, state, isFinalInvokeForWindow, isWindowTerminatedEarly }) => [
      Records.length,
      JSON.stringify(state).length,
      isFinalInvokeForWindow,
      isWindowTerminatedEarly,
    ]);
    expect(seen).toEqual([
      [1, 2, false, false],
      [1, limitBytes, false, false],
      [0, limitBytes + 1, true, true],
      [1, 2, false, false],
      [0, 100, true, false],
    ]);
    expect(new Set(bench.payloads.map(({ window }) => window?.start)).size).toBe(1);
  });

  it("retries its final invocation and holds the shard meanwhile", async () => {
    let finals = 0;
    const bench = await createCounting({
      settings: { maximumRetryAttempts: null },
      fails: (batch) => batch.length === 0 && ++finals <= 3,
    });
    bench.put("a");
    await bench.clock.advanceTo(minuteMs + 60_000);
    bench.put("b");
    await bench.settle();
    expect(bench.batches).toEqual([["a"], [], [], [], [], ["b"], []]);
    expect(bench.payloads.slice(1, 5).map(({ state }) => state)).toEqual(Array(4).fill({ count: 1 }));
  });

  it("whose final invocation never succeeds goes to the destination with its state, and the shard goes on", async () => {
    const bench = await createCounting({
      settings: { maximumRetryAttempts: 1 },
      fails: (batch, { state }) => batch.length === 0 && state?.count === 2,
    });
    const [first, last] = bench.put("a", "b");
    await bench.clock.advanceTo(minuteMs + 60_000);
    bench.put("c");
    await bench.settle();
    expect(bench.batches).toEqual([["a", "b"], [], [], ["c"], []]);
    const [failure] = bench.failures();
    expect(failure).toMatchObject({
      requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 2 },
      KinesisBatchInfo: {
        startSequenceNumber: first?.sequenceNumber,
        endSequenceNumber: last?.sequenceNumber,
        batchSize: 2,
      },
    });
    expect(JSON.parse(failure?.payload ?? "")).toEqual(bench.payloads[1]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 3, discarded: 0, windows: 2, windowsDiscarded: 1 });
  });

  it("gives its final invocation up by age, counted from its first attempt", async () => {
    const bench = await createCounting({
      settings: { maximumRetryAttempts: null, maximumRecordAgeMs: 60_000 },
      fails: (batch) => batch.length === 0,
    });
    bench.put("a");
    await bench.settle();
    expect(bench.batches.length).toBeGreaterThan(2);
    expect(bench.failures()).toMatchObject([{ requestContext: { condition: "RecordAgeExceeded" } }]);
    expect(bench.mapping.stats()).toMatchObject({ windowsDiscarded: 1 });
  });

  it("is closed where its shard is, before the children begin windows of their own with empty states", async () => {
    const bench = await createCounting({ durationMs: 100 });
    bench.put("a");
    await bench.clock.advanceTo(minuteMs + 20_000);
    bench.stream.split("shardId-000000000000", 2n ** 127n);
    bench.stream.put({ partitionKey: "k", explicitHashKey: "0", data: Buffer.from("b") });
    await bench.settle();
    expect(
      bench.payloads.map(({ shardId, state, isFinalInvokeForWindow: final }) => [shardId?.at(-1), state, final]),
    ).toEqual([
      ["0", {}, false],
      ["0", { count: 1 }, true],
      ["1", {}, false],
      ["1", { count: 1 }, true],
    ]);
    expect(new Set(bench.payloads.map(({ window }) => window?.start))).toEqual(new Set([iso(minuteMs)]));
    expect(bench.times[1]).toBeLessThan(minuteMs + 22_000 - startMs);
  });

  it("makes batches smaller by its state, so that no invocation exceeds 6 MB", async () => {
    const bench = await createCounting({
      handler: () => ({ state: { fill: "x".repeat(1_000_000) } }),
      settings: { batchSize: 6 },
    });
    for (let number = 0; number < 18; number++) {
      bench.stream.put({ partitionKey: "k", data: Buffer.alloc(760_000, "x") });
    }
    await bench.settle();
    const sizes = bench.payloads.map((payload) => Buffer.byteLength(JSON.stringify(payload)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6_291_456);
    expect(bench.batches.map((batch) => batch.length)).toEqual([6, 5, 5, 2, 0]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 18 });
  });

  it("makes the rest of a batch smaller, too, when its state has grown meanwhile", async () => {
    let first = true;
    const bench = await createCounting({
      handler(batch) {
        const failures = first ? reporting(batch.slice(1, 2), () => true) : {};
        first = false;
        return { state: { fill: "x".repeat(1_000_000) }, ...failures };
      },
    });
    for (let number = 0; number < 7; number++) {
      bench.stream.put({ partitionKey: "k", data: Buffer.alloc(900_000 - (number === 0 ? 800_000 : 0), "x") });
    }
    await bench.settle();
    expect(bench.batches.map((batch) => batch.length)).toEqual([6, 4, 1, 1, 0]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 7, discarded: 0 });
  });

  it("cuts a batch where the next window begins: a record that arrives at the end of one belongs to the next", async () => {
    const bench = await createCounting({
      async before(stream, clock) {
        for (const [text, atMs] of [
          ["a", minuteMs + 59_999],
          ["b", minuteMs + 60_000],
          ["c", minuteMs + 240_000],
        ] as const) {
          await clock.advanceTo(atMs);
          stream.put({ partitionKey: "k", data: Buffer.from(text) });
        }
      },
    });
    await bench.settle();
    expect(bench.batches).toEqual([["a"], [], ["b"], [], ["c"], []]);
  });

  it("can be ended at once, without waiting for its time", async () => {
    const bench = await createCounting();
    bench.put("a");
    await bench.clock.advanceTo(startMs + 2000);
    expect(bench.mapping.caughtUp()).toBe(false);
    bench.mapping.closeWindows();
    await bench.clock.advanceTo(startMs + 3000);
    expect(bench.payloads.at(-1)).toMatchObject({ isFinalInvokeForWindow: true, isWindowTerminatedEarly: false });
    expect(bench.mapping.caughtUp()).toBe(true);
  });
});

interface CountingOptions extends BenchOptions {
  readonly fails?: (batch: LambdaEvent["Records"], event: LambdaEvent) => boolean;
}

/** Its state is the number of records so far. */
function createCounting({ settings, fails, ...options }: CountingOptions = {}) {
  return createBench({
    settings: { tumblingWindowMs: 60_000, ...settings },
    handler(batch, event) {
      if (fails?.(event.Records, event)) throw new Error("failed on purpose");
      return { state: { count: countOf(event) + batch.length } };
    },
    ...options,
  });
}

function countOf({ state }: LambdaEvent): number {
  return Number(state?.count ?? 0);
}
