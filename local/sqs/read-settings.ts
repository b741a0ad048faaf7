/** A queue of the template, with AWS's defaults and ranges. */
import type { Resource, Template } from "../template/load.ts";
import { type Properties, propertiesOf } from "../template/properties.ts";
import type { QueueSettings, Redrive } from "./queue.ts";

export function readQueue(template: Template, { logicalId, name, arn, properties, line }: Resource): QueueSettings {
  const queue = propertiesOf(template, logicalId, properties, line);
  const fifo = queue.boolean("FifoQueue", false);
  return {
    name,
    arn,
    fifo,
    contentBasedDeduplication: queue.boolean("ContentBasedDeduplication", false),
    visibilityTimeoutMs: queue.integer("VisibilityTimeout", 0, 43_200, 30) * 1000,
    delayMs: queue.integer("DelaySeconds", 0, 900, 0) * 1000,
    retentionMs: queue.integer("MessageRetentionPeriod", 60, 1_209_600, 345_600) * 1000,
    maximumMessageBytes: queue.integer("MaximumMessageSize", 1024, 1_048_576, 1_048_576),
    receiveWaitMs: queue.integer("ReceiveMessageWaitTimeSeconds", 0, 20, 0) * 1000,
    redrive:
      queue.raw("RedrivePolicy") === undefined ? null : readRedrive(template, queue.inner("RedrivePolicy"), fifo),
  };
}

function readRedrive(template: Template, policy: Properties, fifo: boolean): Redrive {
  policy.refuseUnknown("deadLetterTargetArn maxReceiveCount");
  const deadLetterArn = policy.text("deadLetterTargetArn");
  const target = template.of("AWS::SQS::Queue").find(({ arn }) => arn === deadLetterArn);
  if (target === undefined || deadLetterArn === undefined) {
    throw policy.fail("deadLetterTargetArn", `No queue of the template has the ARN ${deadLetterArn}.`);
  }
  if ((String(target.properties.FifoQueue) === "true") !== fifo) {
    throw policy.fail(
      "deadLetterTargetArn",
      "The dead letter queue of a FIFO queue must be FIFO too, and the other way round.",
    );
  }
  return { deadLetterArn, maxReceiveCount: policy.integer("maxReceiveCount", 1, 1000, 0) };
}
