/** Messages of a queue as Lambda hands them over. */
import { type Message, md5OfAttributes, md5OfText } from "../sqs/message.ts";
import { systemAttributes } from "../sqs/message-wire.ts";

export interface QueueSource {
  readonly eventSourceArn: string;
  readonly region: string;
}

export function toQueueRecord(message: Message, { eventSourceArn, region }: QueueSource): object {
  const md5 = md5OfAttributes(message.attributes);
  return {
    messageId: message.id,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: systemAttributes(message),
    messageAttributes: Object.fromEntries(
      Object.entries(message.attributes).map(([name, { dataType, value }]) => [
        name,
        {
          ...(typeof value === "string" ? { stringValue: value } : { binaryValue: value.toString("base64") }),
          stringListValues: [],
          binaryListValues: [],
          dataType,
        },
      ]),
    ),
    ...(md5 === null ? {} : { md5OfMessageAttributes: md5 }),
    md5OfBody: md5OfText(message.body),
    eventSource: "aws:sqs",
    eventSourceARN: eventSourceArn,
    awsRegion: region,
  };
}

/** How many of the first fit into one invocation; at least one, since a message is smaller than a payload. */
export function countOfMessages(messages: readonly Message[], most: number, source: QueueSource): number {
  let sizeBytes = emptyPayloadBytes;
  let count = 0;
  for (const message of messages) {
    sizeBytes += Buffer.byteLength(JSON.stringify(toQueueRecord(message, source))) + 1;
    if (count === most || (count > 0 && sizeBytes > payloadLimitBytes)) break;
    count++;
  }
  return count;
}

const payloadLimitBytes = 6 * 1024 * 1024;
const emptyPayloadBytes = '{"Records":[]}'.length;
