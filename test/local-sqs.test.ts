import { createHash } from "node:crypto";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { md5OfAttributes } from "../local/sqs/message.ts";
import { openMessaging, openWaiting, startMs } from "./local-messaging.ts";

const plain = "  Jobs: { Type: AWS::SQS::Queue, Properties: { VisibilityTimeout: 30 } }";
const withDeadLetters = `
  Dead: { Type: AWS::SQS::Queue }
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 10
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2 }`;
const fifo = "  Jobs: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true, ContentBasedDeduplication: true } }";

describe("an unmodified SDK client", () => {
  it("sends, receives and deletes, with attributes whose digests it checks", async () => {
    const { clients, urlOf } = await openMessaging(plain);
    const QueueUrl = urlOf("Jobs");
    const attributes = {
      kind: { DataType: "String", StringValue: "grüße" },
      size: { DataType: "Number.int", StringValue: "5" },
      raw: { DataType: "Binary", BinaryValue: Buffer.from([0, 255, 7]) },
    };
    const sent = await clients.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "hällo", MessageAttributes: attributes }),
    );
    const { Messages: [message] = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] }),
    );
    expect(message).toMatchObject({
      MessageId: sent.MessageId,
      Body: "hällo",
      MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
      Attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(startMs) },
    });
    expect(message?.MessageAttributes?.kind?.StringValue).toBe("grüße");
    expect([...(message?.MessageAttributes?.raw?.BinaryValue ?? [])]).toEqual([0, 255, 7]);
    await clients.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }));
    expect(await counts(clients.sqs, QueueUrl)).toEqual(["0", "0", "0"]);
  });

  it("gets only the attributes that it asks for", async () => {
    const { clients, urlOf } = await openMessaging(plain);
    const QueueUrl = urlOf("Jobs");
    const MessageAttributes = Object.fromEntries(
      ["a.x", "a.y", "b"].map((name) => [name, { DataType: "String", StringValue: "v" }]),
    );
    await clients.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "m", MessageAttributes }));
    const { Messages: [message] = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MessageAttributeNames: ["a.*"],
        MessageSystemAttributeNames: ["SentTimestamp"],
      }),
    );
    expect(Object.keys(message?.MessageAttributes ?? {}).sort()).toEqual(["a.x", "a.y"]);
    expect(Object.keys(message?.Attributes ?? {})).toEqual(["SentTimestamp"]);
  });

  it("finds queues and what they are set to", async () => {
    const { clients, urlOf } = await openMessaging(withDeadLetters);
    const { QueueUrl } = await clients.sqs.send(new GetQueueUrlCommand({ QueueName: "jobs" }));
    expect(QueueUrl).toBe(urlOf("Jobs"));
    expect((await clients.sqs.send(new ListQueuesCommand({ QueueNamePrefix: "j" }))).QueueUrls).toEqual([QueueUrl]);
    const { Attributes } = await clients.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    expect(Attributes).toMatchObject({
      QueueArn: "arn:aws:sqs:us-east-1:000000000000:jobs",
      VisibilityTimeout: "10",
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}',
    });
    const sources = await clients.sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: urlOf("Dead") }));
    expect(sources.queueUrls).toEqual([QueueUrl]);
  });

  it("sends and deletes in batches whose entries fail one by one", async () => {
    const { clients, urlOf } = await openMessaging(plain);
    const QueueUrl = urlOf("Jobs");
    const sent = await clients.sqs.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: "good", MessageBody: "x" },
          { Id: "large", MessageBody: "x".repeat(1_048_577) },
        ],
      }),
    );
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(["good"]);
    expect(sent.Failed).toMatchObject([{ Id: "large", Code: "InvalidParameterValue", SenderFault: true }]);
    const { Messages = [] } = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
    expect((await clients.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))).Successful).toHaveLength(1);
    const twins = [
      { Id: "a", MessageBody: "x" },
      { Id: "a", MessageBody: "y" },
    ];
    await expect(clients.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: twins }))).rejects.toMatchObject({
      name: "BatchEntryIdsNotDistinct",
    });
  });

  it.each([
    ["a queue that is not there", { QueueUrl: "/0/none", MessageBody: "x" }, "QueueDoesNotExist"],
    ["an empty body", { MessageBody: "" }, "MissingParameter"],
    [
      "an attribute of an unknown type",
      { MessageBody: "x", MessageAttributes: { a: { DataType: "Date", StringValue: "1" } } },
      "InvalidParameterValue",
    ],
  ])("hears in AWS's words of %s", async (_, input, name) => {
    const { clients, urlOf, server } = await openMessaging(plain);
    const QueueUrl = "QueueUrl" in input ? `${server.url}${input.QueueUrl}` : urlOf("Jobs");
    await expect(clients.sqs.send(new SendMessageCommand({ ...input, QueueUrl }))).rejects.toMatchObject({ name });
  });

  it("waits for a message where it asks to, in real time only", async () => {
    const { clients, urlOf, queue } = await openWaiting(plain);
    const receiving = clients.sqs.send(new ReceiveMessageCommand({ QueueUrl: urlOf("Jobs"), WaitTimeSeconds: 20 }));
    // A first request, so that the receive is there before the message.
    await clients.sqs.send(new ListQueuesCommand({}));
    queue("Jobs").send({ body: "at last" });
    expect((await receiving).Messages).toMatchObject([{ Body: "at last" }]);

    const standing = await openMessaging(plain);
    const none = await standing.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: standing.urlOf("Jobs"), WaitTimeSeconds: 20 }),
    );
    expect(none.Messages).toBeUndefined();
  });

  it("purges", async () => {
    const { clients, urlOf, queue } = await openMessaging(plain);
    queue("Jobs").send({ body: "x" });
    await clients.sqs.send(new PurgeQueueCommand({ QueueUrl: urlOf("Jobs") }));
    expect(await counts(clients.sqs, urlOf("Jobs"))).toEqual(["0", "0", "0"]);
  });
});

describe("a received message", () => {
  it("is hidden until its visibility timeout has passed, to the millisecond, then comes again", async () => {
    const { clock, queue } = await openMessaging(plain);
    queue("Jobs").send({ body: "x" });
    expect(queue("Jobs").receive(10)).toMatchObject([{ receiveCount: 1 }]);
    await clock.advanceTo(startMs + 29_999);
    expect(queue("Jobs").receive(10)).toEqual([]);
    await clock.advanceTo(startMs + 30_000);
    expect(queue("Jobs").receive(10)).toMatchObject([{ receiveCount: 2, firstReceivedMs: startMs }]);
  });

  it("is shown again at once by a visibility of 0, and is not deleted by an older receive's handle", async () => {
    const { clients, urlOf, queue } = await openMessaging(plain);
    queue("Jobs").send({ body: "x" });
    const [first] = queue("Jobs").receive(1);
    const ReceiptHandle = first?.receiptHandle ?? "";
    await clients.sqs.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: urlOf("Jobs"), ReceiptHandle, VisibilityTimeout: 0 }),
    );
    expect(queue("Jobs").receive(1)).toHaveLength(1);
    queue("Jobs").delete(ReceiptHandle);
    expect(queue("Jobs").counts()).toMatchObject({ hidden: 1 });
  });

  it("goes to the dead letter queue when it was received too often, as itself, and says where it came from", async () => {
    const { clock, queue } = await openMessaging(withDeadLetters);
    const { id } = queue("Jobs").send({ body: "x" });
    for (const _ of [1, 2]) {
      expect(queue("Jobs").receive(1)).toHaveLength(1);
      await clock.advanceTo(clock.now() + 10_000);
    }
    expect(queue("Dead").receive(1)).toEqual([]);
    expect(queue("Jobs").receive(1)).toEqual([]);
    expect(queue("Jobs").counts()).toMatchObject({ visible: 0, moved: 1 });
    expect(queue("Dead").receive(1)).toMatchObject([
      { id, receiveCount: 1, deadLetterSourceArn: "arn:aws:sqs:us-east-1:000000000000:jobs" },
    ]);
  });

  it("stays with its receiver, however often it was received, until its visibility timeout has passed", async () => {
    const { clock, queue } = await openMessaging(withDeadLetters);
    queue("Jobs").send({ body: "x" });
    queue("Jobs").receive(1);
    await clock.advanceTo(startMs + 10_000);
    const [last] = queue("Jobs").receive(1);
    queue("Jobs").receive(1);
    queue("Jobs").delete(last?.receiptHandle ?? "");
    expect(queue("Jobs").counts()).toMatchObject({ hidden: 0, moved: 0 });
    expect(queue("Dead").receive(1)).toEqual([]);
  });

  it("leaves after the retention of the queue, whoever has it", async () => {
    const { clock, queue } = await openMessaging(
      "  Jobs: { Type: AWS::SQS::Queue, Properties: { MessageRetentionPeriod: 60 } }",
    );
    queue("Jobs").send({ body: "x" });
    await clock.advanceTo(startMs + 60_001);
    expect(queue("Jobs").receive(1)).toEqual([]);
    expect(queue("Jobs").nextVisibleMs()).toBeNull();
  });
});

it("a delayed message can be received when its delay is over", async () => {
  const { clock, queue } = await openMessaging(plain);
  queue("Jobs").send({ body: "x", delayMs: 5000 });
  expect(queue("Jobs").counts()).toMatchObject({ visible: 0, delayed: 1 });
  expect(queue("Jobs").nextVisibleMs()).toBe(startMs + 5000);
  await clock.advanceTo(startMs + 5000);
  expect(queue("Jobs").receive(1)).toHaveLength(1);
});

describe("a FIFO queue", () => {
  it("keeps the order within a group, whatever fails: the group waits for its hidden message", async () => {
    const group = fc.constantFrom("a", "b", "c");
    await fc.assert(
      fc.asyncProperty(fc.array(group, { maxLength: 20 }), fc.infiniteStream(fc.boolean()), async (groups, fails) => {
        const { clock, queue } = await openMessaging(fifo);
        for (const [at, groupId] of groups.entries()) queue("Jobs").send({ body: `${groupId} ${at}`, groupId });
        const done: string[] = [];
        while (queue("Jobs").nextVisibleMs() !== null) {
          for (const message of queue("Jobs").receive(3)) {
            if (fails.next().value && message.receiveCount < 3) break;
            done.push(message.body);
            queue("Jobs").delete(message.receiptHandle ?? "");
          }
          await clock.advanceTo(clock.now() + 30_000);
        }
        const byGroup = (bodies: readonly string[]) => Object.groupBy(bodies, (body) => body.slice(0, 1));
        expect(byGroup(done)).toEqual(byGroup(groups.map((groupId, at) => `${groupId} ${at}`)));
      }),
      { numRuns: 30 },
    );
  });

  it("gives out nothing more of a group while one of it is hidden, but of others", async () => {
    const { queue } = await openMessaging(fifo);
    for (const body of ["a 1", "a 2", "b 1"]) queue("Jobs").send({ body, groupId: body.slice(0, 1) });
    const [first] = queue("Jobs").receive(1);
    expect(first?.body).toBe("a 1");
    expect(
      queue("Jobs")
        .receive(10)
        .map(({ body }) => body),
    ).toEqual(["b 1"]);
    queue("Jobs").delete(first?.receiptHandle ?? "");
    expect(
      queue("Jobs")
        .receive(10)
        .map(({ body }) => body),
    ).toEqual(["a 2"]);
  });

  it("drops what it had within five minutes, by id or by content, and asks for a group", async () => {
    const { clock, queue, clients, urlOf } = await openMessaging(fifo);
    const first = queue("Jobs").send({ body: "x", groupId: "a" });
    expect(queue("Jobs").send({ body: "x", groupId: "a" }).id).toBe(first.id);
    queue("Jobs").send({ body: "y", groupId: "a", deduplicationId: "x" });
    expect(queue("Jobs").counts()).toMatchObject({ visible: 2 });
    await clock.advanceTo(startMs + 300_000);
    expect(queue("Jobs").send({ body: "x", groupId: "a" }).id).not.toBe(first.id);
    expect(urlOf("Jobs")).toMatch(/\/jobs\.fifo$/);
    await expect(
      clients.sqs.send(new SendMessageCommand({ QueueUrl: urlOf("Jobs"), MessageBody: "x" })),
    ).rejects.toMatchObject({ name: "MissingParameter" });
  });
});

it("the digest of attributes is AWS's: names in order, each length before its value, 1 for texts and 2 for bytes", () => {
  const text = { timestamp: { dataType: "Number", value: "1493147359900" } };
  expect(md5OfAttributes(text)).toBe("235c5c510d26fb653d073faed50ae77c");
  const hex = ["00000003", "726177", "00000006", "42696e617279", "02", "00000002", "00ff"].join("");
  const expected = createHash("md5").update(Buffer.from(hex, "hex")).digest("hex");
  expect(md5OfAttributes({ raw: { dataType: "Binary", value: Buffer.from([0, 255]) } })).toBe(expected);
});

it.each([
  [
    "VisibilityTimeout: 43201",
    "template.yaml:3: Q: ValidationException: 1 validation error detected: Value '43201' at 'visibilityTimeout'",
  ],
  [
    "RedrivePolicy: { deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:none', maxReceiveCount: 1 }",
    "No queue of the template has the ARN",
  ],
  [
    "RedrivePolicy: { maxReceiveCout: 1 }",
    "template.yaml:3: Q.RedrivePolicy: There is no property maxReceiveCout here",
  ],
])("a queue with %s is refused with its line", async (properties, message) => {
  await expect(openMessaging(`  Q: { Type: AWS::SQS::Queue, Properties: { ${properties} } }`)).rejects.toThrow(message);
});

async function counts(
  client: { send(command: GetQueueAttributesCommand): Promise<{ Attributes?: Record<string, string> | undefined }> },
  QueueUrl: string,
) {
  const { Attributes = {} } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: hidden } = Attributes;
  return [visible, hidden, Attributes.ApproximateNumberOfMessagesDelayed];
}
