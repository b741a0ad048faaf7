import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { chunkReader, failuresIn, NOTHING_REACHED, type Sourced, s3FailedBatches } from "@millrace/aws";
import { describe, expect, it } from "vitest";
import { type Failure, failureBody, failureKey } from "../local/esm/failure-record.ts";
import { kinesisFormat } from "../local/esm/kinesis-format.ts";
import { aggregate } from "./local-firehose.ts";

/** What Lambda's destinations on failure get, as the local runtime writes it. */

const streamArn = "arn:aws:kinesis:us-east-1:000000000000:stream/events";
const [first, second] = [41, 42].map((n) => ({
  partitionKey: "k",
  sequenceNumber: `495903382714902566085596925383615710959215759891365888${n}`,
  data:
    n === 41
      ? Buffer.from("one")
      : aggregate([
          ["a", "two"],
          ["b", "three"],
        ]),
  arrivalMs: Date.UTC(2026, 2, 1, 12, 0, n),
})) as [Stored, Stored];
const format = kinesisFormat({
  shardId: "shardId-000000000001",
  eventSourceArn: streamArn,
  region: "us-east-1",
  roleArn: "r",
});
const body = JSON.stringify(failureBody(failureOf(streamArn)));
const expected = {
  batch: {
    ...{ stream: "events", shard: "shardId-000000000001", first: first.sequenceNumber, last: second.sequenceNumber },
    ...{ firstArrival: "2026-03-01T12:00:41.000Z", lastArrival: "2026-03-01T12:00:42.000Z" },
  },
  functionName: "update-features",
  hasRecords: false,
  at: "2026-03-01T12:00:43.000Z",
};

describe("failuresIn", () => {
  const notification = JSON.stringify({ Type: "Notification", TopicArn: "arn", Message: body });
  it.each([
    ["a message", body, 1],
    ["messages, a line each", `${body}\n${body}\n\n`, 2],
    ["messages in a list", JSON.stringify([JSON.parse(body), body]), 2],
    ["what receive-message answers", JSON.stringify({ Messages: [{ Body: body, MessageId: "1" }] }), 1],
    ["an event of SQS", JSON.stringify({ Records: [{ body, messageId: "1" }, { body }] }), 2],
    ["an event of SNS", JSON.stringify({ Records: [{ Sns: { Message: body } }] }), 1],
    ["a notification in a queue", JSON.stringify({ Messages: [{ Body: notification }] }), 1],
    ["other messages", JSON.stringify({ Messages: [{ Body: "hello" }, { Body: '{"DDBStreamBatchInfo":{}}' }] }), 0],
  ])("reads %s", (_, text, count) => {
    expect(failuresIn(text)).toEqual(Array.from({ length: count }, () => expected));
  });

  it("names the stream also where its reader has a consumer of its own", () => {
    const consumer = JSON.stringify(failureBody(failureOf(`${streamArn}/consumer/features:1700000000`)));
    expect(failuresIn(consumer)).toEqual([expected]);
  });

  it("throws for what is no JSON, and for a batch without its place", () => {
    expect(() => failuresIn(`${body}\noops`)).toThrow('expected messages as JSON, got "oops"');
    expect(() => failuresIn('{"KinesisBatchInfo":{"shardId":"a"}}')).toThrow("expected a KinesisBatchInfo with");
  });
});

describe("an object of a failed batch", () => {
  it.each([
    ["text, as it is documented", (payload: object) => JSON.stringify(payload)],
    ["an object, as it was seen", (payload: object) => payload],
  ])("is a source of replays, its payload being %s", async (_, written) => {
    const text = JSON.stringify({
      ...JSON.parse(body),
      payload: written({ Records: [first, second].map((record) => format.toLambda(record)) }),
    });
    expect(failuresIn(text)).toEqual([{ ...expected, hasRecords: true }]);
    const s3 = { send: async () => ({ Body: { transformToString: async () => text } }) };
    const stream = { pages: () => Promise.reject() };
    const options = { s3: s3 as never, stream: stream as never, retentionMs: 0, now: () => 0 };
    const read = chunkReader(options)("failed");
    const chunk = { kind: "stored", bucket: "failed", key: "aws/lambda/a" } as const;
    const texts = (all: readonly Sourced[]) => all.map(({ record }) => Buffer.from(record?.data ?? []).toString());
    const all = await collect(read(chunk, NOTHING_REACHED, { records: 1, untilMs: Number.POSITIVE_INFINITY }));
    expect(texts(all)).toEqual(["one", "two", "three"]);
    expect(all.map(({ record }) => record?.position.subSequence)).toEqual([0, 0, 1]);
    expect(all[0]?.record).toMatchObject({ arrivalMs: first.arrivalMs, position: { sequence: first.sequenceNumber } });
    expect(
      texts(await collect(read(chunk, { taken: 2, last: null }, { records: 1, untilMs: Number.POSITIVE_INFINITY }))),
    ).toEqual(["three"]);
  });
});

describe("the failed bucket", () => {
  const dayMs = 86_400_000;
  const atMs = (day: number) => Date.UTC(2026, 2, 1 + day, 12);

  /** An object a day, each a batch that was given up so many days after its records had arrived; and one that a person has put there. */
  function bucketOf(delayDays: number) {
    const read: string[] = [];
    const objects = new Map<string, string>();
    for (let day = 0; day < 60; day++) {
      const failure = failureOf(streamArn);
      const [first, last] = [atMs(day), atMs(day) + 1000].map((arrivalMs) => ({ arrivalMs }));
      const batch = {
        ...failure.batch,
        first: { ...failure.batch.first, record: { ...failure.batch.first.record, ...first } },
        last: { ...failure.batch.last, record: { ...failure.batch.last.record, ...last } },
      };
      const key = failureKey({ ...failure, nowMs: atMs(day + delayDays), objectId: `o${day}` });
      objects.set(key, JSON.stringify(failureBody({ ...failure, batch })));
    }
    objects.set("aws/lambda/by-hand.json", body);
    const client: S3Client = Object.create(S3Client.prototype);
    const send = async (command: ListObjectsV2Command | { readonly input: { readonly Key: string } }) => {
      if (command instanceof ListObjectsV2Command) return { Contents: [...objects.keys()].map((Key) => ({ Key })) };
      read.push(command.input.Key);
      return { Body: { transformToString: async () => objects.get(command.input.Key) } };
    };
    Object.assign(client, { send });
    const options = { bucket: "failed", functionName: "update-features", retentionMs: 7 * dayMs };
    return { read, batches: s3FailedBatches(client, options) };
  }

  it("gives what arrived in the time, however late it was given up, and reads only what may be that", async () => {
    for (const delayDays of [0, 1, 6.9]) {
      const { batches, read } = bucketOf(delayDays);
      const found = await batches.between(atMs(20), atMs(22));
      const days = [20, 21].map((day) => new Date(atMs(day)).toISOString());
      expect(found.map(({ firstArrival }) => firstArrival)).toEqual(days);
      expect(read).toContain("aws/lambda/by-hand.json");
      expect(read.length).toBeLessThan(16);
    }
  });
});

interface Stored {
  readonly partitionKey: string;
  readonly sequenceNumber: string;
  readonly data: Buffer;
  readonly arrivalMs: number;
}

function failureOf(arn: string): Failure {
  const at = (record: Stored) => ({ record, identifier: record.sequenceNumber, sizeBytes: 1, handedOver: 1 });
  return {
    condition: "RetryAttemptsExhausted",
    batch: { first: at(first), last: at(second), count: 2 },
    format,
    streamArn: arn,
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:update-features",
    mappingId: "m",
    invocations: 1,
    functionError: "Unhandled",
    nowMs: second.arrivalMs + 1000,
    requestId: "r",
    objectId: "o",
  };
}

async function collect(all: AsyncIterable<Sourced>): Promise<readonly Sourced[]> {
  const found: Sourced[] = [];
  for await (const one of all) found.push(one);
  return found;
}
