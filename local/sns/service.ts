/** The topics of one account and the operations on them, over the query protocol. */
import { AwsError } from "../aws-error.ts";
import { awsQueryService, type QueryInput, type QueryOperation } from "../aws-query.ts";
import type { XmlElements } from "../s3/xml.ts";
import type { MessageAttribute, MessageAttributes } from "../sqs/message.ts";
import type { Publication, Subscription, Topic } from "./topics.ts";

export interface Sns extends ReturnType<typeof awsQueryService> {
  add(topic: Topic): void;
  find(arn: string): Topic | undefined;
  all(): readonly Topic[];
}

const messageLimitBytes = 262_144;

export function createSns(): Sns {
  const topics = new Map<string, Topic>();
  const topicOf = (arn: string): Topic => {
    const topic = topics.get(arn);
    if (topic !== undefined) return topic;
    throw new AwsError("NotFound", "Topic does not exist", 404);
  };
  const all = (): readonly Topic[] => [...topics.values()];
  const listed = (found: readonly Topic[]): XmlElements => ({
    Subscriptions: {
      member: found.flatMap((topic) => topic.subscriptions.map((subscription) => subscriptionOf(topic, subscription))),
    },
  });

  const operations: Record<string, QueryOperation> = {
    Publish(input) {
      const arn = input.text("TopicArn") ?? input.text("TargetArn");
      if (arn === undefined) throw invalid("TopicArn or TargetArn; the local runtime sends to topics only");
      return { MessageId: topicOf(arn).publish(publicationOf(input)) };
    },
    PublishBatch(input) {
      const topic = topicOf(input.required("TopicArn"));
      const entries = input.items("PublishBatchRequestEntries.member");
      if (entries.length === 0 || entries.length > 10)
        throw invalid(`a batch of 1 to 10 entries, got ${entries.length}`);
      const done: XmlElements[] = [];
      const failed: XmlElements[] = [];
      for (const entry of entries) {
        const Id = entry.required("Id");
        try {
          done.push({ Id, MessageId: topic.publish(publicationOf(entry)) });
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
          failed.push({ Id, Code: error.code, Message: error.message, SenderFault: true });
        }
      }
      return { Successful: { member: done }, Failed: { member: failed } };
    },
    ListTopics: () => ({ Topics: { member: all().map(({ arn }) => ({ TopicArn: arn })) } }),
    ListSubscriptions: () => listed(all()),
    ListSubscriptionsByTopic: (input) => listed([topicOf(input.required("TopicArn"))]),
    GetTopicAttributes(input) {
      const { arn, subscriptions } = topicOf(input.required("TopicArn"));
      const attributes = { TopicArn: arn, SubscriptionsConfirmed: subscriptions.length, SubscriptionsPending: 0 };
      return { Attributes: { entry: Object.entries(attributes).map(([key, value]) => ({ key, value })) } };
    },
  };
  return {
    ...awsQueryService({ name: "SNS", namespace: "http://sns.amazonaws.com/doc/2010-03-31/", operations }),
    add: (topic) => void topics.set(topic.arn, topic),
    find: (arn) => topics.get(arn),
    all,
  };
}

function publicationOf(input: QueryInput): Publication {
  const message = input.required("Message");
  const subject = input.text("Subject");
  const groupId = input.text("MessageGroupId");
  const deduplicationId = input.text("MessageDeduplicationId");
  if (message === "") throw invalid("a Message that is not empty");
  if (Buffer.byteLength(message) > messageLimitBytes) throw invalid(`a Message of at most ${messageLimitBytes} bytes`);
  return {
    message: input.text("MessageStructure") === "json" ? messageForQueues(message) : message,
    attributes: attributesOf(input),
    ...(subject === undefined ? {} : { subject }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
  };
}

/** A message by protocol: `{"default": …, "sqs": …}`. */
function messageForQueues(text: string): string {
  const forms = parsed(text) as { readonly sqs?: unknown; readonly default?: unknown } | null;
  if (typeof forms?.default !== "string")
    throw invalid("a Message in JSON with the text 'default' for MessageStructure json");
  return typeof forms.sqs === "string" ? forms.sqs : forms.default;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function attributesOf(input: QueryInput): MessageAttributes {
  const entries = input.items("MessageAttributes.entry").map((entry): [string, MessageAttribute] => {
    const value = entry.inner("Value");
    const dataType = value.required("DataType");
    const bytes = value.text("BinaryValue");
    const text = bytes === undefined ? value.required("StringValue") : Buffer.from(bytes, "base64");
    return [entry.required("Name"), { dataType, value: text }];
  });
  return Object.fromEntries(entries);
}

function subscriptionOf({ arn }: Topic, { arn: subscriptionArn, protocol, endpoint }: Subscription): XmlElements {
  return {
    TopicArn: arn,
    SubscriptionArn: subscriptionArn,
    Protocol: protocol,
    Endpoint: endpoint,
    Owner: arn.split(":")[4],
  };
}

function invalid(expected: string): AwsError {
  return new AwsError("InvalidParameter", `Invalid parameter: expected ${expected}.`);
}
