import { join } from "node:path";
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, it } from "vitest";
import type { KillPoint } from "../local/lambda/host.ts";
import { startRuntime } from "../local/runtime.ts";
import { createProject, functionResource } from "./local-project/project.ts";

/** Writes its records side by side, each under its text with the number of times that it was written. */
const project = createProject({
  "template.yaml": `
Transform: AWS::Serverless-2016-10-31
Resources:
  EventStream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  SeenTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
${functionResource(
  "Write",
  [
    "Environment: { Variables: { TABLE: !Ref SeenTable } }",
    "Timeout: 20",
    "Events:",
    "  Stream:",
    "    Type: Kinesis",
    "    Properties:",
    "      Stream: !GetAtt EventStream.Arn",
    "      StartingPosition: TRIM_HORIZON",
    "      BatchSize: 20",
    "      MaximumBatchingWindowInSeconds: 1",
  ],
  ["External: ['@aws-sdk/*']"],
)}`,
  "write/handler.ts": `
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
const client = new DynamoDBClient({});
const one = { ":one": { N: "1" } };
export const handler = async (event: any) => {
  await Promise.all(event.Records.map(({ kinesis }: any) => {
    const id = { S: Buffer.from(kinesis.data, "base64").toString() };
    const UpdateExpression = "ADD times :one";
    return client.send(new UpdateItemCommand({ TableName: process.env.TABLE, Key: { id }, UpdateExpression, ExpressionAttributeValues: one }));
  }));
};`,
});
afterAll(() => project.remove());

const startMs = Date.UTC(2025, 5, 1);

describe("a handler that writes side by side and is killed at its writes", () => {
  it("leaves as many writes as the kills say, counts no dead environment's writes, and does so again", async () => {
    const first = await run(1);
    // 60 records: each third invocation is killed at its seventh write, and its batch comes again whole.
    const killed = first.points.filter(({ write, invocation }) => write === 7 && invocation % 3 === 1).length;
    expect(killed).toBeGreaterThan(1);
    expect(first.stats.functions.Write).toMatchObject({ kills: killed, invocations: 3 + killed });
    expect(first.times.length).toBe(60);
    expect(first.times.reduce((sum, times) => sum + times, 0)).toBe(60 + 7 * killed);
    for (const [invocation, points] of Map.groupBy(first.points, (point) => point.invocation)) {
      const expected = invocation % 3 === 1 ? 7 : 20;
      expect(points.map(({ write }) => write)).toEqual(Array.from({ length: expected }, (_, at) => at + 1));
    }
    const second = await run(2);
    expect(second).toEqual(first);
  });
});

async function run(number: number) {
  const points: KillPoint[] = [];
  const runtime = await startRuntime({
    templatePath: project.templatePath,
    outDir: join(project.outDir, String(number)),
    clock: { kind: "virtual", startMs },
    kill(point) {
      if (point.phase === "write") points.push(point);
      return point.phase === "write" && point.write === 7 && point.invocation % 3 === 1;
    },
  });
  for (let at = 0; at < 60; at++) {
    runtime.stream("EventStream").put({ partitionKey: String(at), data: Buffer.from(`text ${at}`) });
  }
  await runtime.drain();
  const stats = runtime.stats();
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const { Items: items = [] } = await client.send(new ScanCommand({ TableName: runtime.physicalId("SeenTable") }));
  client.destroy();
  await runtime.stop();
  return { points, stats: { ...stats, requests: {} }, times: items.map(({ times }) => Number(times?.N)) };
}
