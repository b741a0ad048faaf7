import { describe, expect, it } from "vitest";
import {
  answered,
  base64,
  errorRecords,
  FUNCTION_ARN,
  LARGE_BUFFER,
  lambda,
  START_MS,
  type Stack,
  type StackOptions,
  startStack,
} from "./local-firehose.ts";

const ERRORS = "errors/!{firehose:error-output-type}/";

describe("the Lambda transform of a local delivery stream (J13)", () => {
  it("C2.1, C2.2: asks with the request that Firehose sends for a Kinesis source", async () => {
    const { requests } = await run({}, ["hello"]);
    expect(requests).toEqual([
      {
        invocationId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        sourceKinesisStreamArn: "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream",
        deliveryStreamArn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/raw-delivery",
        region: "us-east-1",
        records: [
          {
            recordId: expect.stringMatching(/^\d+000000$/),
            approximateArrivalTimestamp: START_MS,
            data: base64("hello"),
            kinesisRecordMetadata: {
              sequenceNumber: expect.stringMatching(/^\d+$/),
              subsequenceNumber: 0,
              partitionKey: "key-0",
              shardId: "shardId-000000000000",
              approximateArrivalTimestamp: START_MS,
            },
          },
        ],
      },
    ]);
  });

  it("C2.6, C2.10, C2.12 Lambda.ProcessingFailedStatus, C3.2, C3.6: delivers Ok as it is, forgets Dropped, and keeps the original of ProcessingFailed with lambdaARN", async () => {
    const stack = await run(
      {
        answer: ({ records }) =>
          answered(
            records.map(({ recordId }, at) => ({
              recordId,
              result: ["Ok", "Dropped", "ProcessingFailed"][at],
              data: base64(`new ${at};`),
            })),
          ),
      },
      ["a", "b", "c"],
    );
    expect(delivered(stack)).toBe("new 0;");
    expect(errorRecords(stack.objects, "errors/")).toEqual([
      {
        attemptsMade: 1,
        arrivalTimestamp: START_MS,
        errorCode: "Lambda.ProcessingFailedStatus",
        errorMessage: "ProcessingFailed status set for record",
        attemptEndingTimestamp: expect.any(Number),
        rawData: base64("c"),
        lambdaARN: FUNCTION_ARN,
      },
    ]);
    expect(stack.delivery.stats()).toMatchObject({
      received: 3,
      delivered: 1,
      dropped: 1,
      failed: 1,
      failedByCode: { "Lambda.ProcessingFailedStatus": 1 },
    });
  });

  it.each([
    [
      "C2.5, C2.6: a result that AWS does not know",
      "Lambda.ProcessingFailedStatus",
      { result: "ok", data: base64("x") },
    ],
    ["no result", "Lambda.InvalidReturnFormat", { data: base64("x") }],
    ["Ok with null data", "Lambda.InvalidReturnFormat", { result: "Ok", data: null }],
    ["Ok with data that is not base64", "Lambda.InvalidReturnFormat", { result: "Ok", data: "{}" }],
  ])("C2.12 fails a record alone: %s is %s", async (_case, errorCode, faulty) => {
    const stack = await run(
      {
        answer: ({ records }) =>
          answered(
            records.map(({ recordId, data }, at) =>
              at === 1 ? { recordId, ...faulty } : { recordId, result: "Ok", data },
            ),
          ),
      },
      ["a", "b", "c"],
    );
    expect(delivered(stack)).toBe("ac");
    expect(errorRecords(stack.objects, "errors/processing-failed/")).toMatchObject([
      { errorCode, attemptsMade: 1, rawData: base64("b") },
    ]);
    expect(stack.requests).toHaveLength(1);
  });

  it("C2.12 Lambda.MissingRecordId, Lambda.DuplicatedRecordId, C2.13: fails a record whose recordId is missing or doubled, and ignores an unknown one", async () => {
    const stack = await run(
      {
        answer: ({ records }) => {
          const [a, b] = records.map(({ recordId, data }) => ({ recordId, result: "Ok", data }));
          return answered([a, b, b, { recordId: "unknown", result: "Ok", data: base64("x") }]);
        },
      },
      ["a", "b", "c"],
    );
    expect(delivered(stack)).toBe("a");
    expect(errorRecords(stack.objects, "errors/")).toMatchObject([
      { errorCode: "Lambda.DuplicatedRecordId", rawData: base64("b") },
      { errorCode: "Lambda.MissingRecordId", rawData: base64("c") },
    ]);
  });

  it("C2.12 Lambda.InvalidReturnFormat: fails the whole batch without a retry when the answer has no list of records", async () => {
    const stack = await run({ answer: () => ({ kind: "ok", payload: null, durationMs: 1 }) }, ["a", "b"]);
    expect(errorRecords(stack.objects, "errors/").map(({ errorCode }) => errorCode)).toEqual([
      "Lambda.InvalidReturnFormat",
      "Lambda.InvalidReturnFormat",
    ]);
    expect(stack.requests).toHaveLength(1);
  });

  it.each([
    ["0", 1],
    ["2", 3],
    [undefined, 4],
  ])(
    "C2.12 Lambda.FunctionError, C2.14: with NumberOfRetries %s invokes a failing function %i times with the same batch, then keeps it in the error output",
    async (retries, invocations) => {
      const parameters = retries === undefined ? {} : { NumberOfRetries: retries };
      const failing = () => ({ kind: "error", errorType: "Error", errorMessage: "down", durationMs: 1 }) as const;
      const stack = await run({ answer: failing, destination: destination(parameters) }, ["a", "b"]);
      expect(stack.requests).toHaveLength(invocations);
      expect(new Set(stack.requests.map((request) => JSON.stringify(request))).size).toBe(1);
      expect(errorRecords(stack.objects, "errors/")).toMatchObject(
        ["a", "b"].map((data) => ({
          attemptsMade: invocations,
          errorCode: "Lambda.FunctionError",
          rawData: base64(data),
        })),
      );
    },
  );

  it("C2.12: delivers a batch once when the function recovers within its retries", async () => {
    const stack = await run(
      {
        answer: ({ records }, invocation) =>
          invocation < 3
            ? { kind: "error", errorType: "Error", errorMessage: "down", durationMs: 1 }
            : answered(records.map(({ recordId, data }) => ({ recordId, result: "Ok", data }))),
      },
      ["a", "b"],
    );
    expect(delivered(stack)).toBe("ab");
    expect(stack.delivery.stats()).toMatchObject({ delivered: 2, failed: 0, transformBatches: 1 });
  });

  it("C2.14: counts a response over 6 MB as a failed invocation", async () => {
    const big = Buffer.alloc(4 * 1024 * 1024, "x").toString("base64");
    const stack = await run(
      {
        answer: ({ records }) => answered(records.map(({ recordId }) => ({ recordId, result: "Ok", data: big }))),
        destination: destination({ NumberOfRetries: "1" }),
      },
      ["a", "b"],
    );
    expect(stack.requests).toHaveLength(2);
    expect(stack.delivery.stats().failedByCode).toEqual({ "Lambda.FunctionError": 2 });
  });

  it("C2.14: ends a batch at BufferSizeInMBs, and the last one after BufferIntervalInSeconds", async () => {
    const stack = startStack({ destination: destination({ BufferSizeInMBs: "0.2", BufferIntervalInSeconds: "30" }) });
    for (let at = 0; at < 5; at++) stack.stream.put({ partitionKey: "k", data: Buffer.alloc(110_000, "x") });
    await stack.clock.advanceTo(START_MS + 29_999);
    expect(stack.requests.map(({ records }) => records.length)).toEqual([2, 2]);
    await stack.clock.advanceTo(START_MS + 31_000);
    expect(stack.requests.map(({ records }) => records.length)).toEqual([2, 2, 1]);
  });

  it("C2.14: keeps every request under 6 MB even when records are many and small", async () => {
    const stack = startStack({ destination: destination({ BufferSizeInMBs: "3", BufferIntervalInSeconds: "900" }) });
    for (let at = 0; at < 20_000; at++)
      stack.stream.put({ partitionKey: "k".repeat(100), data: Buffer.alloc(60, "x") });
    await stack.clock.advanceTo(START_MS + 10_000);
    await stack.delivery.flush();
    const sizes = stack.requests.map((request) => JSON.stringify(request).length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(6 * 1024 * 1024);
    expect(sizes.length).toBeGreaterThan(1);
    expect(stack.delivery.stats().delivered).toBe(20_000);
  });

  it("C2.10, C2.16: appends the delimiter after the transform", async () => {
    const { Processors } = lambda();
    const append = {
      Type: "AppendDelimiterToRecord",
      Parameters: [{ ParameterName: "Delimiter", ParameterValue: "\\n" }],
    };
    const processing = { Enabled: true, Processors: [...Processors, append] };
    const stack = await run({ destination: { ...destination(), ProcessingConfiguration: processing } }, ["a", "b"]);
    expect(delivered(stack)).toBe("a\nb\n");
  });

  it("C2.15: does not transform when Enabled is left out", async () => {
    const { Processors } = lambda();
    const stack = await run({ destination: { ...destination(), ProcessingConfiguration: { Processors } } }, ["a"]);
    expect(stack.requests).toEqual([]);
    expect(delivered(stack)).toBe("a");
  });

  it("C2.7, C3.8, C6.2: keeps a record whose prefix needs a partition key that the function did not answer in the error output", async () => {
    const stack = await run(
      {
        destination: {
          ...destination(),
          BufferingHints: LARGE_BUFFER,
          Prefix: "c/dt=!{partitionKeyFromLambda:dt}/",
          DynamicPartitioningConfiguration: { Enabled: true },
        },
        answer: ({ records }) =>
          answered(
            records.map(({ recordId, data }, at) => ({
              recordId,
              result: "Ok",
              data,
              metadata: { partitionKeys: [{ dt: "2026" }, { dt: 3 }, {}][at] },
            })),
          ),
      },
      ["a", "b", "c"],
    );
    expect(stack.objects.keys("c/")).toEqual([expect.stringMatching(/^c\/dt=2026\//)]);
    expect(errorRecords(stack.objects, "errors/dynamic-partitioning-failed/").map(({ rawData }) => rawData)).toEqual([
      base64("b"),
      base64("c"),
    ]);
  });
});

function destination(parameters: Readonly<Record<string, string>> = {}) {
  return { Prefix: "good/!{timestamp:yyyy}/", ErrorOutputPrefix: ERRORS, ProcessingConfiguration: lambda(parameters) };
}

async function run(options: StackOptions, data: readonly string[]): Promise<Stack> {
  const stack = startStack({ destination: destination(), ...options });
  for (const [at, text] of data.entries()) stack.stream.put({ partitionKey: `key-${at}`, data: Buffer.from(text) });
  await stack.delivery.flush();
  return stack;
}

function delivered({ objects }: Stack): string {
  return objects.keys("good/").map(objects.text).join("");
}
