import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
} from "@aws-sdk/client-sns";
import { describe, expect, it } from "vitest";
import { openMessaging, startMs } from "./local-messaging.ts";

const TopicArn = "arn:aws:sns:us-east-1:000000000000:bell";
const topic = (subscription: string) => `
  Inbox: { Type: AWS::SQS::Queue }
  Bell: { Type: AWS::SNS::Topic }
  Ears:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref Bell, Protocol: sqs, Endpoint: !GetAtt Inbox.Arn${subscription} }`;

describe("a topic", () => {
  it("delivers to its queue in SNS's envelope", async () => {
    const { clients, queue } = await openMessaging(topic(""));
    const MessageAttributes = { kind: { DataType: "String", StringValue: "alarm" } };
    const input = { TopicArn, Message: 'grüße & "<x>"', Subject: "now", MessageAttributes };
    const { MessageId } = await clients.sns.send(new PublishCommand(input));
    const [message] = queue("Inbox").receive(10);
    expect(JSON.parse(message?.body ?? "")).toMatchObject({
      Type: "Notification",
      MessageId,
      TopicArn,
      Subject: "now",
      Message: 'grüße & "<x>"',
      Timestamp: new Date(startMs).toISOString(),
      MessageAttributes: { kind: { Type: "String", Value: "alarm" } },
    });
    expect(message?.attributes).toEqual({});
  });

  it("delivers the message itself where delivery is raw, with its attributes", async () => {
    const { clients, queue } = await openMessaging(topic(", RawMessageDelivery: true"));
    const MessageAttributes = { raw: { DataType: "Binary", BinaryValue: Buffer.from([1, 2]) } };
    await clients.sns.send(new PublishCommand({ TopicArn, Message: "x", MessageAttributes }));
    expect(queue("Inbox").receive(10)).toMatchObject([
      { body: "x", attributes: { raw: { dataType: "Binary", value: Buffer.from([1, 2]) } } },
    ]);
  });

  it("delivers what its filter policy lets through, by attributes or by the body", async () => {
    const byAttribute = await openMessaging(topic(", FilterPolicy: { size: [{ numeric: ['>', 5] }] }"));
    for (const size of ["5", "6"]) {
      const MessageAttributes = { size: { DataType: "Number", StringValue: size } };
      await byAttribute.clients.sns.send(new PublishCommand({ TopicArn, Message: size, MessageAttributes }));
    }
    expect(messagesIn(byAttribute.queue("Inbox"))).toEqual(["6"]);

    const byBody = await openMessaging(topic(", FilterPolicyScope: MessageBody, FilterPolicy: { kind: [a] }"));
    for (const Message of ['{"kind":"a"}', '{"kind":"b"}', "a"]) {
      await byBody.clients.sns.send(new PublishCommand({ TopicArn, Message }));
    }
    expect(messagesIn(byBody.queue("Inbox"))).toEqual(['{"kind":"a"}']);
  });

  it("takes batches, and messages by protocol", async () => {
    const { clients, queue } = await openMessaging(topic(""));
    const Message = JSON.stringify({ default: "for all", sqs: "for queues" });
    const result = await clients.sns.send(
      new PublishBatchCommand({
        TopicArn,
        PublishBatchRequestEntries: [
          { Id: "1", Message, MessageStructure: "json" },
          { Id: "2", Message: "x".repeat(262_145) },
        ],
      }),
    );
    expect(result.Successful?.map(({ Id }) => Id)).toEqual(["1"]);
    expect(result.Failed).toMatchObject([{ Id: "2", Code: "InvalidParameter" }]);
    expect(messagesIn(queue("Inbox"))).toEqual(["for queues"]);
    const ten = Array.from({ length: 10 }, (_, at) => ({ Id: String(at), Message: `message ${at}` }));
    await clients.sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: ten }));
    expect(messagesIn(queue("Inbox"))).toEqual(ten.map(({ Message: text }) => text));
  });

  it("is listed with its subscriptions, and one that is not there is refused in AWS's words", async () => {
    const { clients, silent } = await openMessaging(`${topic("")}
  Mail: { Type: AWS::SNS::Subscription, Properties: { TopicArn: !Ref Bell, Protocol: email, Endpoint: a@example.com } }`);
    expect((await clients.sns.send(new ListTopicsCommand({}))).Topics).toEqual([{ TopicArn }]);
    const { Subscriptions } = await clients.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(Subscriptions?.map(({ Protocol }) => Protocol)).toEqual(["sqs", "email"]);
    const { Attributes } = await clients.sns.send(new GetTopicAttributesCommand({ TopicArn }));
    expect(Attributes).toMatchObject({ SubscriptionsConfirmed: "2" });
    expect(silent).toEqual(["Mail (email)"]);
    const absent = clients.sns.send(new PublishCommand({ TopicArn: `${TopicArn}s`, Message: "x" }));
    await expect(absent).rejects.toMatchObject({ name: "NotFoundException", message: "Topic does not exist" });
  });

  it("may have its subscriptions inside", async () => {
    const { clients, queue } = await openMessaging(`
  Inbox: { Type: AWS::SQS::Queue }
  Bell: { Type: AWS::SNS::Topic, Properties: { Subscription: [{ Protocol: sqs, Endpoint: !GetAtt Inbox.Arn }] } }`);
    await clients.sns.send(new PublishCommand({ TopicArn, Message: "x" }));
    expect(messagesIn(queue("Inbox"))).toEqual(["x"]);
  });

  it.each([
    [
      ", FilterPolicy: { kind: a }",
      "template.yaml:8: Ears: InvalidParameterException: Invalid parameter: FilterPolicy: kind takes",
    ],
    [", FilterPolicyScope: Body, FilterPolicy: { kind: [a] }", "Expected MessageAttributes or MessageBody, got Body."],
  ])("with %s is refused with its line", async (subscription, message) => {
    await expect(openMessaging(topic(subscription))).rejects.toThrow(message);
  });
});

function messagesIn(
  queue: Awaited<ReturnType<typeof openMessaging>>["queue"] extends (id: string) => infer Q ? Q : never,
) {
  return queue.receive(10).map(({ body }) => (JSON.parse(body) as { Message: string }).Message);
}
