/** The template's queues and topics behind their services. */
import type { Clock } from "./clock.ts";
import type { Metrics } from "./cloudwatch/metrics.ts";
import { readTopics } from "./sns/read-topics.ts";
import { createSns, type Sns } from "./sns/service.ts";
import { createTopic } from "./sns/topics.ts";
import { meterQueue } from "./sqs/meters.ts";
import { createQueue } from "./sqs/queue.ts";
import { readQueue } from "./sqs/read-settings.ts";
import { createSqs, type Sqs } from "./sqs/service.ts";
import type { Template } from "./template/load.ts";

export interface MessagingOptions {
  readonly template: Template;
  readonly clock: Clock;
  readonly metrics?: Metrics;
  readonly time: "virtual" | "real";
  readonly seed: number;
  /** Of the server, known when it listens. */
  readonly url: () => string;
  readonly log: (line: string) => void;
}

export interface Messaging {
  readonly sqs: Sqs;
  readonly sns: Sns;
  /** Subscriptions to which nothing goes here, as `AlarmMail (email)`. */
  readonly silent: readonly string[];
  stop(): void;
}

/** Throws a TemplateError for what SQS or SNS would refuse. */
export function createMessaging({ template, clock, metrics, time, seed, url, log }: MessagingOptions): Messaging {
  const sqs = createSqs({ clock, time, url, accountId: template.account.accountId });
  const sns = createSns();
  const queueOf = sqs.find;
  for (const resource of template.of("AWS::SQS::Queue")) {
    sqs.add(createQueue({ settings: readQueue(template, resource), clock, seed, queueOf }));
  }
  const meters = metrics === undefined ? [] : sqs.all().map((queue) => meterQueue(queue, metrics, clock));
  const topics = readTopics(template);
  for (const { resource, subscriptions } of topics) {
    const { name, arn } = resource;
    sns.add(createTopic({ name, arn, subscriptions, clock, seed, queueOf, log }));
  }
  const silent = topics
    .flatMap(({ subscriptions }) => subscriptions)
    .filter(({ protocol }) => protocol !== "sqs")
    .map(({ arn, protocol }) => `${arn.split(":").at(-1)} (${protocol})`);
  const stop = (): void => {
    for (const meter of meters) meter.stop();
  };
  return { sqs, sns, silent, stop };
}
