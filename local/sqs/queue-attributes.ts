/** What GetQueueAttributes tells, all of it as texts. */
import type { Queue } from "./queue.ts";

export function queueAttributes(queue: Queue, asked: unknown): Readonly<Record<string, string>> {
  const names = Array.isArray(asked) ? asked : [];
  const { settings } = queue;
  const { visible, hidden, delayed } = queue.counts();
  const { redrive } = settings;
  const all = {
    QueueArn: settings.arn,
    ApproximateNumberOfMessages: visible,
    ApproximateNumberOfMessagesNotVisible: hidden,
    ApproximateNumberOfMessagesDelayed: delayed,
    VisibilityTimeout: settings.visibilityTimeoutMs / 1000,
    DelaySeconds: settings.delayMs / 1000,
    MessageRetentionPeriod: settings.retentionMs / 1000,
    MaximumMessageSize: settings.maximumMessageBytes,
    ReceiveMessageWaitTimeSeconds: settings.receiveWaitMs / 1000,
    ...(redrive === null
      ? {}
      : {
          RedrivePolicy: JSON.stringify({
            deadLetterTargetArn: redrive.deadLetterArn,
            maxReceiveCount: redrive.maxReceiveCount,
          }),
        }),
    ...(settings.fifo ? { FifoQueue: true, ContentBasedDeduplication: settings.contentBasedDeduplication } : {}),
  };
  const wanted = Object.entries(all).filter(([name]) => names.includes("All") || names.includes(name));
  return Object.fromEntries(wanted.map(([name, value]) => [name, String(value)]));
}
