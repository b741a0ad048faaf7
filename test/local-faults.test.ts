import { join } from "node:path";
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, it } from "vitest";
import type { FaultRates } from "../local/faults/catalogue.ts";
import { createDraws } from "../local/faults/draw.ts";
import { startRuntime } from "../local/runtime.ts";
import { createProject, functionResource, mightyRole } from "./local-project/project.ts";

/** Counts each record under its text, reads it back, and tells a delivery stream. What fails is left for the next time. */
const project = createProject({
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  EventStream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  ToldBucket: { Type: AWS::S3::Bucket }
  ToldDelivery:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamType: DirectPut
      ExtendedS3DestinationConfiguration:
        BucketARN: !GetAtt ToldBucket.Arn
        RoleARN: !GetAtt Role.Arn
        Prefix: told/
        BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 300 }
  Role: ${mightyRole}
  SeenTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
${functionResource(
  "Count",
  [
    "Environment: { Variables: { TABLE: !Ref SeenTable, TOLD: !Ref ToldDelivery } }",
    "Timeout: 20",
    "Events:",
    "  Stream:",
    "    Type: Kinesis",
    "    Properties:",
    "      Stream: !GetAtt EventStream.Arn",
    "      StartingPosition: TRIM_HORIZON",
    "      BatchSize: 10",
    "      MaximumBatchingWindowInSeconds: 1",
    "      MaximumRetryAttempts: 20",
    "      FunctionResponseTypes: [ReportBatchItemFailures]",
  ],
  ["External: ['@aws-sdk/*']"],
)}
${functionResource("Chance")}`,
  "chance/handler.ts": "export const handler = async () => [Math.random(), Math.random()];",
  "count/handler.ts": `
import { setTimeout as sleep } from "node:timers/promises";
import { BatchGetItemCommand, DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { FirehoseClient, PutRecordBatchCommand } from "@aws-sdk/client-firehose";
const client = new DynamoDBClient({ maxAttempts: 10 });
const firehose = new FirehoseClient({ maxAttempts: 10 });
const table = process.env.TABLE!;
const one = { ":one": { N: "1" } };
export const handler = async ({ Records }: any) => {
  const texts = Records.map(({ kinesis }: any) => Buffer.from(kinesis.data, "base64").toString());
  let Keys: any = texts.map((text: string) => ({ id: { S: text } }));
  while (Keys?.length > 0) {
    const { UnprocessedKeys } = await client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys } } }));
    Keys = UnprocessedKeys?.[table]?.Keys;
    // Longer in all than a test may take.
    await sleep(15_000);
  }
  const failed = await Promise.all(texts.map(async (text: string, at: number) => {
    const input = { TableName: table, Key: { id: { S: text } }, UpdateExpression: "ADD times :one", ExpressionAttributeValues: one };
    return client.send(new UpdateItemCommand(input)).then(() => [], () => [{ itemIdentifier: Records[at].kinesis.sequenceNumber }]);
  }));
  let left = texts;
  while (left.length > 0) {
    const put = { DeliveryStreamName: process.env.TOLD, Records: left.map((text: string) => ({ Data: Buffer.from(text + " ") })) };
    const { RequestResponses = [] } = await firehose.send(new PutRecordBatchCommand(put));
    left = left.filter((_: string, at: number) => RequestResponses[at]?.RecordId === undefined);
  }
  return { batchItemFailures: failed.flat() };
};`,
});
afterAll(() => project.remove());

const startMs = Date.UTC(2025, 5, 1);
const records = 100;

describe("injected faults", () => {
  it("crash and time out before, between and after the writes, and no record is left out", async () => {
    const { stats, times, told } = await run({ crash: 0.2, timeout: 0.2 });
    expect(Object.keys(stats.faults)).toEqual(["crash", "timeout"]);
    const { crash = 0, timeout = 0 } = stats.faults;
    expect(stats.functions.Count).toMatchObject({ invocations: 10 + crash + timeout, kills: crash + timeout });
    expect(times).toHaveLength(records);
    // Between: of a batch that died, some records are counted once more and others are not.
    expect(new Set(times).size).toBeGreaterThan(1);
    expect(new Set(told).size).toBe(records);
  });

  it("throttle an invocation without its counting as an attempt", async () => {
    const { stats, times } = await run({ throttle: 0.7 });
    expect(stats.faults.throttle).toBeGreaterThan(10);
    expect(stats.mappings.CountStream).toMatchObject({ invocations: 10 + (stats.faults.throttle ?? 0), discarded: 0 });
    expect(times.every((count) => count === 1)).toBe(true);
  });

  it("deliver again what was answered for, at once or from an earlier checkpoint", async () => {
    const { stats, times } = await run({ redeliver: 0.4 });
    expect(stats.faults.redeliver).toBeGreaterThan(2);
    expect(stats.functions.Count?.invocations).toBeGreaterThan(10 + (stats.faults.redeliver ?? 0));
    expect(Math.max(...times)).toBeGreaterThan(2);
    expect(Math.min(...times)).toBe(1);
  });

  it("tear the writes of an invocation, whose function lives to report the lowest", async () => {
    const { stats, times } = await run({ torn: 0.3 });
    expect(stats.faults.torn).toBeGreaterThan(1);
    expect(stats.functions.Count).toMatchObject({ kills: 0, errors: 0 });
    expect(stats.mappings.CountStream?.failedInvocations).toBe(stats.faults.torn);
    expect(times).toHaveLength(records);
    expect(new Set(times).size).toBeGreaterThan(1);
  });

  it("throttle requests to a table and leave keys unprocessed, which takes a client's patience and nothing else", async () => {
    const { stats, times } = await run({ "table-throttle": 0.2, "table-partial": 0.3 });
    expect(stats.faults["table-throttle"]).toBeGreaterThan(10);
    expect(stats.faults["table-partial"]).toBeGreaterThan(10);
    expect(times).toEqual(Array(records).fill(1));
  });

  it("lose the reply of a write that happened, so that the client writes again", async () => {
    const { stats, times } = await run({ "table-lost-reply": 0.2 });
    const lost = stats.faults["table-lost-reply"] ?? 0;
    expect(lost).toBeGreaterThan(10);
    expect(times.reduce((sum, count) => sum + count, 0)).toBe(records + lost);
  });

  it("refuse puts to Firehose in part and whole, and lose their replies", async () => {
    const { stats, told } = await run({ "put-partial": 0.3, "put-fail": 0.2, "put-lost-reply": 0.2 });
    expect(Object.values(stats.faults).every((count) => count > 1)).toBe(true);
    expect(new Set(told).size).toBe(records);
    // Only a lost reply makes a record come twice.
    expect(told.length).toBeGreaterThan(records);
  });

  it("happen again in the same way with the same seed, and differently with another", async () => {
    const rates = { crash: 0.1, redeliver: 0.1, torn: 0.1, "table-throttle": 0.1, "put-partial": 0.2 };
    const first = await run(rates, 3);
    expect(await run(rates, 3)).toEqual(first);
    expect((await run(rates, 4)).stats.faults).not.toEqual(first.stats.faults);
  });
});

describe("chance inside a handler", () => {
  it("follows from the seed, so that jitter is the same in every run", async () => {
    const draw = async (seed: number): Promise<unknown> => {
      const outDir = join(project.outDir, `chance-${++runs}`);
      const clock = { kind: "virtual", startMs } as const;
      const runtime = await startRuntime({ templatePath: project.templatePath, outDir, clock, seed });
      const { kind, ...answer } = await runtime.invoke("Chance", {});
      await runtime.stop();
      expect(kind).toBe("ok");
      return answer;
    };
    const first = await draw(1);
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
  });
});

describe("a draw", () => {
  it("depends on nothing but the seed and its subject", () => {
    const [a, b] = [createDraws(1, { crash: 0.5 }), createDraws(1, { crash: 0.5 })];
    const inOrder = Array.from({ length: 100 }, (_, at) => a.happens("crash", "batch", at));
    const backwards = Array.from({ length: 100 }, (_, at) => b.happens("crash", "batch", 99 - at)).reverse();
    expect(backwards).toEqual(inOrder);
    expect(new Set(inOrder).size).toBe(2);
    expect(a.counts()).toEqual({ crash: inOrder.filter(Boolean).length });
  });
});

let runs = 0;

async function run(faults: FaultRates, seed = 1) {
  const runtime = await startRuntime({
    templatePath: project.templatePath,
    outDir: join(project.outDir, String(++runs)),
    clock: { kind: "virtual", startMs },
    seed,
    faults,
  });
  for (let at = 0; at < records; at++) {
    runtime.stream("EventStream").put({ partitionKey: String(at), data: Buffer.from(`text ${at}`) });
  }
  await runtime.drain();
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const { Items: items = [] } = await client.send(new ScanCommand({ TableName: runtime.physicalId("SeenTable") }));
  client.destroy();
  const bucket = runtime.physicalId("ToldBucket");
  const objects = await Promise.all(
    (await runtime.objects.keys(bucket, "told/")).map((key) => runtime.objects.get(bucket, key)),
  );
  await runtime.stop();
  const times = items.map(({ times: count }) => Number(count?.N));
  const told = objects.flatMap((body) => String(body).match(/text \d+/g) ?? []).sort();
  return { stats: { ...runtime.stats(), requests: {} }, times, told };
}
