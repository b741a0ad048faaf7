/** Topics and their subscriptions. A message goes to the queues that subscribe; to mail, telephone and web addresses nothing goes from here. */

import type { Clock } from "../clock.ts";
import { type EventPattern, type Json, Numeral, parseJson } from "../event-pattern.ts";
import type { MessageAttributes } from "../sqs/message.ts";
import type { Queue } from "../sqs/queue.ts";
import { uuidOf } from "../uuid.ts";

export interface Subscription {
  readonly arn: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly rawMessageDelivery: boolean;
  /** Null = every message. */
  readonly filter: { readonly scope: "MessageAttributes" | "MessageBody"; readonly matches: EventPattern } | null;
}

export interface Publication {
  readonly message: string;
  readonly subject?: string;
  readonly attributes?: MessageAttributes;
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

export interface Topic {
  readonly name: string;
  readonly arn: string;
  readonly subscriptions: readonly Subscription[];
  /** Returns the message's id. */
  publish(publication: Publication): string;
  published(): number;
}

export interface TopicOptions {
  readonly name: string;
  readonly arn: string;
  readonly subscriptions: readonly Subscription[];
  readonly clock: Pick<Clock, "now">;
  readonly seed: number;
  readonly queueOf: (arn: string) => Queue | undefined;
  readonly log: (line: string) => void;
}

export function createTopic({ name, arn, subscriptions, clock, seed, queueOf, log }: TopicOptions): Topic {
  let published = 0;
  return {
    name,
    arn,
    subscriptions,
    published: () => published,
    publish(publication) {
      const id = uuidOf(seed, "published", arn, ++published);
      for (const subscription of subscriptions) {
        if (subscription.protocol !== "sqs" || !passes(subscription, publication)) continue;
        const queue = queueOf(subscription.endpoint);
        const { message, attributes = {}, ...fifo } = publication;
        const raw = subscription.rawMessageDelivery;
        const body = raw
          ? message
          : JSON.stringify(envelope(publication, { id, arn, nowMs: clock.now(), subscription }));
        if (queue === undefined) log(`${name}: there is no queue ${subscription.endpoint} to deliver to.`);
        else queue.send({ body, ...(raw ? { attributes } : {}), ...groupOf(fifo) });
      }
      return id;
    },
  };
}

function groupOf({ groupId, deduplicationId }: Omit<Publication, "message">) {
  return {
    ...(groupId === undefined ? {} : { groupId }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
  };
}

interface Sent {
  readonly id: string;
  readonly arn: string;
  readonly nowMs: number;
  readonly subscription: Subscription;
}

/** What a queue gets without raw delivery. Nothing here is signed: the signature says so. */
function envelope({ message, subject, attributes = {} }: Publication, { id, arn, nowMs, subscription }: Sent): object {
  const entries = Object.entries(attributes).map(([name, { dataType, value }]) => {
    const text = typeof value === "string" ? value : value.toString("base64");
    return [name, { Type: dataType, Value: text }] as const;
  });
  return {
    Type: "Notification",
    MessageId: id,
    TopicArn: arn,
    ...(subject === undefined ? {} : { Subject: subject }),
    Message: message,
    Timestamp: new Date(nowMs).toISOString(),
    SignatureVersion: "1",
    Signature: "not-signed-by-the-local-runtime",
    SigningCertURL: "https://sns.amazonaws.com/SimpleNotificationService.pem",
    UnsubscribeURL: `https://sns.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`,
    ...(entries.length === 0 ? {} : { MessageAttributes: Object.fromEntries(entries) }),
  };
}

function passes({ filter }: Subscription, { message, attributes = {} }: Publication): boolean {
  if (filter === null) return true;
  if (filter.scope === "MessageAttributes") {
    const values = Object.entries(attributes).map(([name, { dataType, value }]) => [name, filterable(dataType, value)]);
    return filter.matches(Object.fromEntries(values));
  }
  try {
    return filter.matches(parseJson(message));
  } catch {
    // A body that is not JSON matches no policy over bodies.
    return false;
  }
}

function filterable(dataType: string, value: string | Buffer): Json {
  if (typeof value !== "string") return null;
  if (dataType === "Number") return new Numeral(value);
  return dataType === "String.Array" ? parseJson(value) : value;
}
