import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { afterEach, describe, expect, it } from "vitest";
import { AwsError } from "../local/aws-error.ts";
import { virtualClock } from "../local/clock.ts";
import { createMetrics, type Metrics } from "../local/cloudwatch/metrics.ts";
import { parseStatistic, type Statistic, statisticOf } from "../local/cloudwatch/samples.ts";
import { startTables, type TablesOptions } from "../local/dynamodb.ts";
import { meterStream } from "../local/kinesis/meters.ts";
import { createStream } from "../local/kinesis/stream.ts";
import { startServer } from "../local/server.ts";
import { answered, LARGE_BUFFER, lambda, parquet, type StackOptions, startStack } from "./local-firehose.ts";

const startMs = Date.UTC(2026, 0, 2);
const opened: { stop(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

describe("what AWS/Firehose says of a delivery stream (C9.1, C6.5)", () => {
  it("counts what it read, transformed, converted and wrote", async () => {
    const { stack, sum } = firehose({
      destination: {
        BufferingHints: LARGE_BUFFER,
        ProcessingConfiguration: lambda(),
        DataFormatConversionConfiguration: parquet(),
      },
      columns: [{ name: "n", type: "int" }],
      answer: ({ records }, invocation) =>
        invocation === 1
          ? { kind: "error", errorType: "Error", errorMessage: "once", durationMs: 20 }
          : answered(
              records.map(({ recordId, data }, at) => ({
                recordId,
                data,
                result: at === 0 ? "ProcessingFailed" : "Ok",
              })),
            ),
    });
    for (const n of [1, 2, '"oops"', 3]) stack.stream.put({ partitionKey: "k", data: Buffer.from(`{"n":${n}}`) });
    await stack.delivery.flush();
    expect(sum("DataReadFromKinesisStream.Records")).toBe(4);
    expect(sum("DataReadFromKinesisStream.Bytes")).toBe(3 * 7 + 12);
    expect(sum("ExecuteProcessing.Success", "Sum")).toBe(1);
    expect(sum("ExecuteProcessing.Success", "SampleCount")).toBe(2);
    expect(sum("SucceedProcessing.Records")).toBe(3);
    expect(sum("SucceedConversion.Records")).toBe(2);
    expect(sum("FailedConversion.Records")).toBe(1);
    expect(sum("DeliveryToS3.Records")).toBe(2);
    expect(sum("DeliveryToS3.ObjectCount")).toBe(1);
    expect(sum("DeliveryToS3.Success", "Average")).toBe(1);
  });

  it("tells every minute how old the oldest record is that is not written, however stuck it is", async () => {
    const { stack, sum } = firehose({
      directPut: true,
      destination: { BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 60 } },
      beforePut: (put) => {
        if (put <= 6) throw new Error("S3 is away");
      },
    });
    stack.delivery.put([Buffer.from("first")]);
    await stack.clock.advanceTo(stack.clock.now() + 50_000);
    stack.delivery.put([Buffer.from("second")]);
    await stack.clock.advanceTo(stack.clock.now() + 600_000);
    expect(stack.delivery.idle()).toBe(true);
    expect(sum("IncomingRecords")).toBe(2);
    expect(sum("DeliveryToS3.Success", "SampleCount")).toBe(7);
    expect(sum("DeliveryToS3.Success")).toBe(1);
    // Written at last after 60 s in the buffer and 0.25 + 0.5 + 1 + 2 + 4 + 8 s of waits.
    expect(sum("DeliveryToS3.DataFreshness", "Maximum")).toBe(75.75);
    // The first minute ended 54.321 s after the first record.
    expect(sum("DeliveryToS3.DataFreshness", "Minimum")).toBe(54.321);
    expect(stack.clock.pending).toBe(0);
  });

  it("says when too many partitions are open, and how many there are", async () => {
    const { stack, sum } = firehose({
      destination: {
        BufferingHints: LARGE_BUFFER,
        DynamicPartitioningConfiguration: { Enabled: true },
        Prefix: "!{partitionKeyFromLambda:n}/!{timestamp:yyyy}/",
        ErrorOutputPrefix: "errors/!{firehose:error-output-type}/",
        ProcessingConfiguration: lambda(),
      },
      answer: ({ records }) =>
        answered(
          records.map(({ recordId, data }, n) => ({
            recordId,
            data,
            result: "Ok",
            metadata: { partitionKeys: { n: String(n) } },
          })),
        ),
    });
    for (let n = 0; n < 501; n++) stack.stream.put({ partitionKey: "k", data: Buffer.from("x") });
    await stack.delivery.flush();
    expect(sum("PartitionCount", "Maximum")).toBe(500);
    expect(sum("PartitionCountExceeded", "Maximum")).toBe(1);
    expect(sum("PartitionCountExceeded", "Sum")).toBe(1);
  });

  it("tells how far behind the stream it is, and reads that the shard refused, which it repeats", async () => {
    const { stack, sum } = firehose({ limits: true });
    const [shard] = stack.stream.shards();
    // Others use the shard's reads up.
    for (let read = 0; read < 5; read++) shard?.poll(null);
    stack.stream.put({ partitionKey: "k", data: Buffer.from("x") });
    await stack.clock.advanceTo(stack.clock.now() + 1);
    expect([sum("ThrottledGetRecords"), sum("DataReadFromKinesisStream.Records")]).toEqual([1, null]);
    await stack.clock.advanceTo(stack.clock.now() + 2000);
    expect([sum("ThrottledGetRecords"), sum("DataReadFromKinesisStream.Records")]).toEqual([1, 1]);
    expect(sum("KinesisMillisBehindLatest", "Maximum")).toBe(0);
  });
});

describe("what AWS/Kinesis says of a stream (D4)", () => {
  it("has the stream's figures over all shards, and the shards' own where the template asks for them", () => {
    const clock = virtualClock(startMs);
    const metrics = createMetrics({ clock });
    const stream = createStream({
      name: "events",
      arn: "arn:aws:kinesis:r:a:stream/events",
      shardCount: 2,
      retentionHours: 24,
      clock,
    });
    stream.monitored = ["IncomingRecords"];
    const end = meterStream(stream, metrics);
    for (let key = 0; key < 20; key++) stream.put({ partitionKey: String(key), data: Buffer.from("abc") });
    const [first] = stream.shards();
    const polled = first?.poll(null);
    const of = (name: string, dimensions = {}) =>
      figureOf(metrics, "AWS/Kinesis", name, { StreamName: "events", ...dimensions }, "Sum");
    expect(of("IncomingRecords")).toBe(20);
    expect(of("IncomingBytes")).toBe(20 * 3 + 10 + 2 * 10);
    expect(of("GetRecords.Records")).toBe(polled?.records.length);
    const byShard = stream.shards().map(({ id }) => of("IncomingRecords", { ShardId: id }) ?? 0);
    expect(byShard.reduce((sum, count) => sum + count)).toBe(20);
    expect(of("IncomingBytes", { ShardId: first?.id })).toBeNull();
    end();
    stream.put({ partitionKey: "k", data: Buffer.from("abc") });
    expect(of("IncomingRecords")).toBe(20);
  });
});

describe("what AWS/DynamoDB says of a table", () => {
  it("counts consumed units, failed conditions, and throttled requests and items", async () => {
    let refusals = 0;
    const { client, of } = await tables({
      around: async ({ operation, input }, carryOut) => {
        if (operation === "GetItem" && refusals++ === 0)
          throw new AwsError("ProvisionedThroughputExceededException", "too fast");
        const output = await carryOut(input);
        const left = { UnprocessedKeys: { items: { Keys: [{ id: { S: "a" } }, { id: { S: "b" } }] } } };
        return operation === "BatchGetItem" ? { ...output, ...left } : output;
      },
    });
    const put = (input: Partial<PutItemCommandInput> = {}) =>
      client.send(new PutItemCommand({ TableName: "items", Item: { id: { S: "a" } }, ...input }));
    await put();
    await put({ ConditionExpression: "attribute_not_exists(id)" }).catch(() => {});
    const get = new GetItemCommand({ TableName: "items", Key: { id: { S: "a" } } });
    await client.send(get).catch(() => {});
    await client.send(get);
    await client.send(new BatchGetItemCommand({ RequestItems: { items: { Keys: [{ id: { S: "a" } }] } } }));
    expect(of("ConsumedWriteCapacityUnits")).toBe(2);
    expect(of("ConsumedReadCapacityUnits")).toBe(1);
    expect(of("ConditionalCheckFailedRequests")).toBe(1);
    expect(of("ReadThrottleEvents")).toBe(1 + 2);
    expect(of("ThrottledRequests", { Operation: "GetItem" })).toBe(1);
    expect(of("WriteThrottleEvents")).toBeNull();
  });
});

function firehose(options: StackOptions) {
  const stack = startStack(options);
  opened.push(stack.delivery);
  const sum = (name: string, statistic = "Sum") =>
    figureOf(stack.metrics, "AWS/Firehose", name, { DeliveryStreamName: "raw-delivery" }, statistic);
  return { stack, sum };
}

async function tables(options: Pick<TablesOptions, "around">) {
  const clock = virtualClock(startMs);
  const metrics = createMetrics({ clock });
  const dynamodb = await startTables({ clock, metrics, ...options });
  await dynamodb.createTable({
    TableName: "items",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  });
  const absent = { handle: () => {} };
  const server = await startServer({ clock, services: { kinesis: absent, s3: absent, dynamodb } });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new DynamoDBClient({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 });
  opened.push({ stop: () => client.destroy() }, server, dynamodb);
  const of = (name: string, dimensions = {}) =>
    figureOf(metrics, "AWS/DynamoDB", name, { TableName: "items", ...dimensions }, "Sum");
  return { client, of };
}

/** Over the day; null when there is no value. */
function figureOf(
  metrics: Metrics,
  namespace: string,
  name: string,
  dimensions: Readonly<Record<string, string>>,
  statistic: string,
): number | null {
  const samples = metrics.samples({ namespace, name, dimensions }, startMs, startMs + 86_400_000);
  return statisticOf(samples, parseStatistic(statistic) as Statistic);
}
