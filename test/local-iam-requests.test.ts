import { afterEach, describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { neededBy } from "../local/iam/requests.ts";
import { formatIterator } from "../local/kinesis/iterator.ts";
import { type Server, startServer } from "../local/server.ts";

const account = { accountId: "000000000000", region: "us-east-1", stackName: "s" };
const table = "arn:aws:dynamodb:us-east-1:000000000000:table";
const stream = "arn:aws:kinesis:us-east-1:000000000000:stream/events";

describe("what a request needs", () => {
  it.each<readonly [string, string, string, object, readonly string[]]>([
    ["an item", "dynamodb", "PutItem", { TableName: "t" }, [`dynamodb:PutItem ${table}/t`]],
    ["a table by its ARN", "dynamodb", "GetItem", { TableName: `${table}/t` }, [`dynamodb:GetItem ${table}/t`]],
    ["an index", "dynamodb", "Query", { TableName: "t", IndexName: "i" }, [`dynamodb:Query ${table}/t/index/i`]],
    [
      "a batch over tables",
      "dynamodb",
      "BatchWriteItem",
      { RequestItems: { a: [], b: [] } },
      [`dynamodb:BatchWriteItem ${table}/a`, `dynamodb:BatchWriteItem ${table}/b`],
    ],
    [
      "a transaction, item by item",
      "dynamodb",
      "TransactWriteItems",
      { TransactItems: [{ Put: { TableName: "a" } }, { ConditionCheck: { TableName: "b" } }] },
      [`dynamodb:PutItem ${table}/a`, `dynamodb:ConditionCheckItem ${table}/b`],
    ],
    ["no table at all", "dynamodb", "ListTables", {}, ["dynamodb:ListTables *"]],
    ["a stream by name", "kinesis", "PutRecords", { StreamName: "events" }, [`kinesis:PutRecords ${stream}`]],
    [
      "a stream by its iterator",
      "kinesis",
      "GetRecords",
      {
        ShardIterator: formatIterator({
          streamName: "events",
          shardId: "shardId-000000000000",
          after: null,
          issuedMs: 0,
        }),
      },
      [`kinesis:GetRecords ${stream}`],
    ],
    [
      "a consumer",
      "kinesis",
      "SubscribeToShard",
      { ConsumerARN: `${stream}/consumer/c:1` },
      [`kinesis:SubscribeToShard ${stream}/consumer/c:1`],
    ],
    ["an object", "s3", "UploadPart", { bucket: "b", key: "k/l" }, ["s3:PutObject arn:aws:s3:::b/k/l"]],
    ["an object's head", "s3", "HeadObject", { bucket: "b", key: "k" }, ["s3:GetObject arn:aws:s3:::b/k"]],
    ["a listing", "s3", "ListObjectsV2", { bucket: "b", key: "" }, ["s3:ListBucket arn:aws:s3:::b"]],
    ["all buckets", "s3", "ListBuckets", { bucket: "", key: "" }, ["s3:ListAllMyBuckets *"]],
    [
      "a copy, of which the source is read",
      "s3",
      "CopyObject",
      { bucket: "b", key: "k", copySource: "/a/k" },
      ["s3:PutObject arn:aws:s3:::b/k", "s3:GetObject arn:aws:s3:::a/k"],
    ],
    [
      "a delivery",
      "firehose",
      "PutRecordBatch",
      { DeliveryStreamName: "d" },
      ["firehose:PutRecordBatch arn:aws:firehose:us-east-1:000000000000:deliverystream/d"],
    ],
    [
      "a batch of messages, as single ones",
      "sqs",
      "SendMessageBatch",
      { QueueUrl: "http://127.0.0.1:1/000000000000/q" },
      ["sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:q"],
    ],
    ["a topic", "sns", "Publish", { TopicArn: "arn:aws:sns:us-east-1:0:t" }, ["sns:Publish arn:aws:sns:us-east-1:0:t"]],
    [
      "a function",
      "lambda",
      "Invoke",
      { subject: "fold" },
      ["lambda:InvokeFunction arn:aws:lambda:us-east-1:000000000000:function:fold"],
    ],
    ["metrics, of which none is narrower", "cloudwatch", "PutMetricData", {}, ["cloudwatch:PutMetricData *"]],
    [
      "a service of which no more is known",
      "states",
      "StartExecution",
      { stateMachineArn: "arn:m" },
      ["states:StartExecution arn:m"],
    ],
  ])("%s", (_, service, operation, input, expected) => {
    const needed = neededBy(service, operation, input as Record<string, unknown>, account);
    expect(needed.map(({ action, resource }) => `${action} ${resource}`)).toEqual(expected);
  });
});

describe("a service that forgets to ask", () => {
  const started: Server[] = [];
  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop();
  });

  it("is seen when a request has been answered without a check", async () => {
    const seen: string[] = [];
    const access = { check() {}, unchecked: (...words: readonly string[]) => void seen.push(words.join(" ")) };
    const forgetful = { handle: (_: unknown, response: { end(): unknown }) => void response.end() };
    const server = await startServer({
      clock: virtualClock(0),
      access,
      services: { kinesis: forgetful, dynamodb: forgetful, s3: forgetful },
    });
    started.push(server);
    const authorization =
      "AWS4-HMAC-SHA256 Credential=Fold-1/20260102/us-east-1/kinesis/aws4_request, SignedHeaders=host";
    const headers = { "x-amz-target": "Kinesis_20131202.PutRecord", authorization };
    await (await fetch(server.url, { method: "POST", headers, body: "{}" })).text();
    expect(seen).toEqual(["Fold-1 kinesis PutRecord"]);
  });
});
