/** What a request on the wire needs to be allowed: one action on one resource mostly, for a batch one on each table. */
import type { JsonObject } from "../aws-json.ts";
import { parseIterator } from "../kinesis/iterator.ts";
import type { Account } from "../template/identity.ts";

export interface Needed {
  readonly action: string;
  /** An ARN, or `*` for what knows no narrower resource. */
  readonly resource: string;
}

/** `service` as the server names it. */
export function neededBy(service: string, operation: string, input: JsonObject, account: Account): readonly Needed[] {
  const needs = services[service];
  if (needs !== undefined) return needs(operation, input, account);
  return [{ action: `${service}:${operation}`, resource: firstArn(input) ?? "*" }];
}

type Needs = (operation: string, input: JsonObject, account: Account) => readonly Needed[];

const services: Readonly<Record<string, Needs>> = {
  dynamodb: tableNeeds,
  kinesis: streamNeeds,
  s3: objectNeeds,
  firehose: (operation, { DeliveryStreamName: name }, account) => [
    { action: `firehose:${operation}`, resource: arn(account, "firehose", `deliverystream/${String(name)}`) },
  ],
  cloudwatch: (operation) => [{ action: `cloudwatch:${operation}`, resource: "*" }],
  events: (operation, { Entries: entries }, account) =>
    Array.isArray(entries)
      ? entries.map(({ EventBusName: bus = "default" }: JsonObject) => ({
          action: `events:${operation}`,
          resource: String(bus).startsWith("arn:") ? String(bus) : arn(account, "events", `event-bus/${String(bus)}`),
        }))
      : [{ action: `events:${operation}`, resource: "*" }],
  sqs: (operation, { QueueUrl: url, QueueName: name }, account) => [
    // The batch forms are allowed by the single ones.
    {
      action: `sqs:${operation.replace(/Batch$/, "")}`,
      resource: arn(account, "sqs", String(url ?? name ?? "*").replace(/^.*\//, "")),
    },
  ],
  lambda: (operation, { subject }, account) =>
    operation === "Invoke"
      ? [{ action: "lambda:InvokeFunction", resource: functionArn(String(subject), account) }]
      : [{ action: `lambda:${operation}`, resource: "*" }],
  states: (operation, { stateMachineArn, executionArn, mapRunArn }) => [
    { action: `states:${operation}`, resource: String(stateMachineArn ?? executionArn ?? mapRunArn ?? "*") },
  ],
  // Allowed by the work group, which only Athena knows of an execution: it asks itself.
  athena: () => [],
  sns: (operation, { TopicArn: topic, TargetArn: target }) => [
    { action: `sns:${operation.replace(/Batch$/, "")}`, resource: String(topic ?? target ?? "*") },
  ],
};

function tableNeeds(operation: string, input: JsonObject, account: Account): readonly Needed[] {
  const tableArn = (name: unknown): string =>
    String(name).startsWith("arn:") ? String(name) : arn(account, "dynamodb", `table/${String(name)}`);
  const { TableName: table, RequestItems: batch, TransactItems: items, IndexName: index } = input;
  if (Array.isArray(items)) {
    // A transaction is allowed item by item.
    return items.flatMap((item) =>
      Object.entries(item as JsonObject).map(([kind, one]) => ({
        action: `dynamodb:${transactionActions[kind] ?? operation}`,
        resource: tableArn((one as JsonObject).TableName),
      })),
    );
  }
  const action = `dynamodb:${operation}`;
  if (typeof batch === "object" && batch !== null)
    return Object.keys(batch).map((name) => ({ action, resource: tableArn(name) }));
  if (table === undefined)
    return [{ action, resource: typeof input.ResourceArn === "string" ? input.ResourceArn : "*" }];
  const resource = tableArn(table);
  return [{ action, resource: index === undefined ? resource : `${resource}/index/${String(index)}` }];
}

const transactionActions: Readonly<Record<string, string>> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
  Get: "GetItem",
};

function streamNeeds(operation: string, input: JsonObject, account: Account): readonly Needed[] {
  const {
    StreamName: name,
    StreamARN: stream,
    ConsumerARN: consumer,
    ResourceARN: tagged,
    ShardIterator: iterator,
  } = input;
  const named = [consumer, stream, tagged].find((one) => typeof one === "string");
  const streamName = typeof iterator === "string" ? iteratedStream(iterator) : name;
  const resource =
    typeof named === "string"
      ? named
      : streamName === undefined
        ? "*"
        : arn(account, "kinesis", `stream/${String(streamName)}`);
  return [{ action: `kinesis:${operation}`, resource }];
}

/** Whatever is wrong with the iterator is Kinesis' to say. */
function iteratedStream(iterator: string): string | undefined {
  try {
    return parseIterator(iterator, 0).streamName;
  } catch {
    return undefined;
  }
}

/** S3 names its actions after older operations. */
const objectActions: Readonly<Record<string, string>> = {
  CompleteMultipartUpload: "PutObject",
  CopyObject: "PutObject",
  CreateMultipartUpload: "PutObject",
  DeleteObjects: "DeleteObject",
  HeadBucket: "ListBucket",
  HeadObject: "GetObject",
  ListBuckets: "ListAllMyBuckets",
  ListObjectsV2: "ListBucket",
  UploadPart: "PutObject",
};

function objectNeeds(operation: string, input: JsonObject): readonly Needed[] {
  const { bucket, key, copySource } = input as { bucket?: string; key?: string; copySource?: string };
  const action = `s3:${objectActions[operation] ?? operation}`;
  const target = bucket ? `arn:aws:s3:::${bucket}${key ? `/${key}` : operation === "DeleteObjects" ? "/*" : ""}` : "*";
  const source =
    copySource === undefined
      ? []
      : [{ action: "s3:GetObject", resource: `arn:aws:s3:::${copySource.replace(/^\//, "")}` }];
  return [{ action, resource: target }, ...source];
}

function functionArn(subject: string, account: Account): string {
  return subject.startsWith("arn:") ? subject : arn(account, "lambda", `function:${subject}`);
}

function arn({ region, accountId }: Account, service: string, rest: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${rest}`;
}

function firstArn(input: JsonObject): string | undefined {
  return Object.values(input).find((value): value is string => typeof value === "string" && value.startsWith("arn:"));
}
