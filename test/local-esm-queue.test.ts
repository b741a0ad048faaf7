import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFilters } from "../local/esm/filter.ts";
import { createQueueMapping } from "../local/esm/queue-mapping.ts";
import type { QueueSettings } from "../local/esm/settings.ts";
import type { Invocation } from "../local/lambda/host.ts";
import { openMessaging, startMs } from "./local-messaging.ts";

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Record<string, string>;
}

describe("I2: the event of a queue", () => {
  it("has exactly the keys that Lambda sends", async () => {
    const bench = await createBench();
    const { id } = bench.queue.send({ body: "grüße", attributes: { kind: { dataType: "String", value: "a" } } });
    await bench.settle();
    expect(bench.events).toEqual([
      {
        Records: [
          {
            messageId: id,
            receiptHandle: expect.stringMatching(/^[0-9a-f-]{36}$/),
            body: "grüße",
            attributes: {
              ApproximateReceiveCount: "1",
              SentTimestamp: String(startMs),
              SenderId: "local",
              ApproximateFirstReceiveTimestamp: String(startMs),
            },
            messageAttributes: {
              kind: { stringValue: "a", stringListValues: [], binaryListValues: [], dataType: "String" },
            },
            md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
            md5OfBody: "fee40dc24d0ad6a90c608052aa4e9e66",
            eventSource: "aws:sqs",
            eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:jobs",
            awsRegion: "us-east-1",
          },
        ],
      },
    ]);
  });

  it("of a FIFO queue names group, sequence and deduplication", async () => {
    const bench = await createBench({ properties: "FifoQueue: true" });
    bench.queue.send({ body: "x", groupId: "g", deduplicationId: "d" });
    await bench.settle();
    expect(bench.events[0]?.Records[0]?.attributes).toMatchObject({
      MessageGroupId: "g",
      MessageDeduplicationId: "d",
      SequenceNumber: "00000000000000000001",
    });
  });
});

describe("I2: a queue's messages", () => {
  it("are handed over in batches of at most BatchSize, and deleted when the function succeeds", async () => {
    const bench = await createBench({ settings: { batchSize: 2 } });
    bench.send("a", "b", "c", "d", "e");
    await bench.settle();
    expect(bench.batches).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect(bench.queue.nextVisibleMs()).toBeNull();
    expect(bench.mapping.stats()).toMatchObject({ records: 5, succeeded: 5, redelivered: 0 });
    expect(bench.mapping.caughtUp()).toBe(true);
  });

  it("are gathered for the batching window, unless the batch is full before", async () => {
    const bench = await createBench({ settings: { batchSize: 3, batchingWindowMs: 10_000 } });
    bench.send("a");
    await bench.clock.advanceTo(startMs + 4000);
    bench.send("b");
    await bench.clock.advanceTo(startMs + 20_000);
    bench.send("c", "d", "e");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
    expect(bench.times).toEqual([10_000, 20_000]);
  });

  it("come again after the visibility timeout when the function fails, whole batches then", async () => {
    let calls = 0;
    const bench = await createBench({
      handler() {
        if (++calls === 1) throw new Error("failed on purpose");
      },
    });
    bench.send("a", "b");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
    expect(bench.times).toEqual([0, 30_000]);
    expect(bench.mapping.stats()).toMatchObject({ records: 2, succeeded: 2, redelivered: 2, failedInvocations: 1 });
  });

  it("are a set where some are reported: those alone come again", async () => {
    let first = true;
    const bench = await createBench({
      settings: { reportBatchItemFailures: true },
      handler(records) {
        const failed = first ? records.filter(({ body }) => body === "a" || body === "c") : [];
        first = false;
        return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
      },
    });
    bench.send("a", "b", "c");
    await bench.settle();
    expect(bench.batches).toEqual([
      ["a", "b", "c"],
      ["a", "c"],
    ]);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 3, failedRecords: 3, redelivered: 2 });
  });

  const identified = (itemIdentifier: unknown) => ({ batchItemFailures: [{ itemIdentifier }] });
  it.each([
    [null, true],
    ["", true],
    [{}, true],
    [{ batchItemFailures: [] }, true],
    [{ batchItemFailures: null }, true],
    [identified(""), false],
    [identified(null), false],
    [identified("unknown"), false],
    [{ batchItemFailures: [{ foo: "x" }] }, false],
    [{ batchItemFailures: "all" }, false],
    [{ foo: 1 }, false],
  ])("answered with %j: success of all is %s", async (answer, succeeds) => {
    let calls = 0;
    const bench = await createBench({
      settings: { reportBatchItemFailures: true },
      handler: () => (++calls === 1 ? answer : null),
    });
    bench.send("a", "b");
    await bench.settle();
    expect(bench.batches).toHaveLength(succeeds ? 1 : 2);
    expect(bench.mapping.stats()).toMatchObject({ succeeded: 2, failedRecords: succeeds ? 0 : 2 });
  });

  it("are ignored as failures where the mapping does not ask for reports", async () => {
    const bench = await createBench({
      handler: (records) => ({ batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })) }),
    });
    bench.send("a");
    await bench.settle();
    expect(bench.batches).toHaveLength(1);
  });

  it("go to the dead letter queue by its redrive policy, and the rest goes on meanwhile", async () => {
    const bench = await createBench({
      properties: "RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }",
      settings: { batchSize: 1 },
      handler([record]) {
        if (record?.body === "x") throw new Error("poison");
      },
    });
    bench.send("x", "a");
    await bench.settle();
    expect(bench.batches.flat()).toEqual(["x", "a", "x", "x"]);
    expect(bench.dead.receive(10)).toMatchObject([{ body: "x" }]);
    expect(bench.mapping.stats()).toMatchObject({ records: 2, succeeded: 1, discarded: 1 });
    expect(bench.mapping.caughtUp()).toBe(true);
  });

  it("that a filter does not let through are deleted without an invocation", async () => {
    const bench = await createBench({ settings: { filter: readFilters(['{"body":{"kind":["a"]}}'], "body") } });
    bench.send('{"kind":"b"}', '{"kind":"a"}', "a");
    await bench.settle();
    expect(bench.batches).toEqual([['{"kind":"a"}']]);
    expect(bench.queue.nextVisibleMs()).toBeNull();
    expect(bench.mapping.stats()).toMatchObject({ records: 3, filtered: 2, succeeded: 1 });
  });

  it("wait while the mapping is paused, and are handed over when it goes on", async () => {
    const bench = await createBench({ settings: { enabled: false } });
    bench.send("a");
    await bench.settle();
    expect(bench.batches).toEqual([]);
    bench.mapping.setEnabled(true);
    await bench.settle();
    bench.mapping.setEnabled(false);
    bench.send("b");
    await bench.settle();
    expect(bench.batches).toEqual([["a"]]);
  });

  it("are cut by the 6 MB of an invocation", async () => {
    const bench = await createBench();
    bench.send(...Array(8).fill("x".repeat(1_000_000)));
    await bench.settle();
    expect(bench.batches.map((batch) => batch.length)).toEqual([6, 2]);
    expect(bench.times).toEqual([0, 0]);
  });

  it("run in several batches side by side, of a FIFO queue in one, in order within a group", async () => {
    const standard = await createBench({ settings: { batchSize: 1 }, durationMs: 1000 });
    standard.send("a", "b", "c", "d", "e", "f");
    await standard.settle();
    expect(standard.times).toEqual([0, 0, 0, 0, 0, 1000]);
    const fifo = await createBench({ properties: "FifoQueue: true", settings: { batchSize: 1 }, durationMs: 1000 });
    for (const id of ["a", "b"]) fifo.queue.send({ body: id, groupId: id, deduplicationId: id });
    await fifo.settle();
    expect(fifo.times).toEqual([0, 1000]);

    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "b"), { maxLength: 12 }),
        fc.infiniteStream(fc.boolean()),
        async (groups, fails) => {
          const bench = await createBench({
            properties: "FifoQueue: true",
            settings: { batchSize: 3 },
            handler(records) {
              const poison = records.some(({ attributes }) => Number(attributes.ApproximateReceiveCount) < 3);
              if (poison && fails.next().value) throw new Error("failed on purpose");
            },
          });
          for (const [at, groupId] of groups.entries()) {
            bench.queue.send({ body: `${groupId} ${at}`, groupId, deduplicationId: String(at) });
          }
          await bench.settle();
          for (const group of ["a", "b"]) {
            const first = [...new Set(bench.batches.flat().filter((body) => body.startsWith(group)))];
            expect(first).toEqual(groups.map((one, at) => `${one} ${at}`).filter((body) => body.startsWith(group)));
          }
          expect(bench.mapping.stats().succeeded).toBe(groups.length);
        },
      ),
      { numRuns: 30 },
    );
  });
});

interface BenchOptions {
  /** Of the queue, in the template. */
  readonly properties?: string;
  readonly settings?: Partial<QueueSettings>;
  readonly handler?: (records: readonly SqsRecord[]) => unknown;
  readonly durationMs?: number;
}

async function createBench({ properties, settings, handler, durationMs = 20 }: BenchOptions = {}) {
  const all = [properties, "VisibilityTimeout: 30"].filter(Boolean).join(", ");
  const messaging = await openMessaging(`
  Dead: { Type: AWS::SQS::Queue }
  Jobs: { Type: AWS::SQS::Queue, Properties: { ${all} } }`);
  const queue = messaging.queue("Jobs");
  const { clock } = messaging;
  const events: { readonly Records: readonly SqsRecord[] }[] = [];
  const times: number[] = [];
  const mapping = createQueueMapping({
    settings: {
      source: "sqs",
      logicalId: "WorkJobs",
      line: 1,
      enabled: true,
      eventSourceArn: queue.settings.arn,
      batchSize: 10,
      batchingWindowMs: 0,
      maximumConcurrency: null,
      reportBatchItemFailures: false,
      countsEvents: false,
      filter: null,
      ...settings,
    },
    functionName: "work",
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:work",
    region: "us-east-1",
    queue,
    clock,
    async invoke(_, payload): Promise<Invocation> {
      const event = JSON.parse(JSON.stringify(payload));
      events.push(event);
      times.push(clock.now() - startMs);
      try {
        return { kind: "ok", payload: handler?.(event.Records) ?? null, durationMs };
      } catch (error) {
        return { kind: "error", errorType: "Error", errorMessage: String(error), durationMs };
      }
    },
  });
  return {
    clock,
    queue,
    dead: messaging.queue("Dead"),
    mapping,
    events,
    times,
    get batches() {
      return events.map(({ Records }) => Records.map(({ body }) => body));
    },
    send: (...bodies: string[]) => bodies.map((body) => queue.send({ body })),
    settle: () => clock.runUntilIdle(),
  };
}
