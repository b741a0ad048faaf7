/** Messages as they stand in requests and replies. */
import { AwsError } from "../aws-error.ts";
import { optionalInteger, optionalObject, optionalString, requiredBytes, requiredString } from "../aws-input.ts";
import type { JsonObject } from "../aws-json.ts";
import {
  type Message,
  type MessageAttribute,
  type MessageAttributes,
  md5OfAttributes,
  md5OfText,
  type NewMessage,
} from "./message.ts";

export function messageOf(input: JsonObject): NewMessage {
  const delaySeconds = optionalInteger(input, "DelaySeconds", { min: 0, max: 900 });
  const groupId = optionalString(input, "MessageGroupId");
  const deduplicationId = optionalString(input, "MessageDeduplicationId");
  return {
    body: requiredString(input, "MessageBody"),
    attributes: attributesOf(optionalObject(input, "MessageAttributes") ?? {}),
    ...(delaySeconds === undefined ? {} : { delayMs: delaySeconds * 1000 }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(deduplicationId === undefined ? {} : { deduplicationId }),
  };
}

export function sentMessage({ id, body, attributes, sequenceNumber }: Message): JsonObject {
  return {
    MessageId: id,
    MD5OfMessageBody: md5OfText(body),
    MD5OfMessageAttributes: md5OfAttributes(attributes) ?? undefined,
    SequenceNumber: sequenceNumber ?? undefined,
  };
}

/** Which attributes a receiver wants: of the message, and of the system. */
export interface WantedAttributes {
  readonly message: (name: string) => boolean;
  readonly system: (name: string) => boolean;
}

export function readAttributes(input: JsonObject): WantedAttributes {
  const names = textsOf(input.MessageAttributeNames);
  const system = [...textsOf(input.AttributeNames), ...textsOf(input.MessageSystemAttributeNames)];
  const isNamed = (name: string): boolean =>
    names.some(
      (wanted) =>
        wanted === "All" || wanted === name || (wanted.endsWith(".*") && name.startsWith(wanted.slice(0, -1))),
    );
  return { message: isNamed, system: (name) => system.includes("All") || system.includes(name) };
}

export function receivedMessage(message: Message, wanted: WantedAttributes): JsonObject {
  const attributes = Object.entries(message.attributes).filter(([name]) => wanted.message(name));
  const system = Object.entries(systemAttributes(message)).filter(([name]) => wanted.system(name));
  return {
    MessageId: message.id,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: md5OfText(message.body),
    MD5OfMessageAttributes: md5OfAttributes(Object.fromEntries(attributes)) ?? undefined,
    MessageAttributes:
      attributes.length === 0
        ? undefined
        : Object.fromEntries(attributes.map(([name, value]) => [name, wireForm(value)])),
    Attributes: system.length === 0 ? undefined : Object.fromEntries(system),
  };
}

/** All of them texts, also in the event that a function gets. */
export function systemAttributes(message: Message): Readonly<Record<string, string>> {
  const { groupId, deduplicationId, sequenceNumber, deadLetterSourceArn } = message;
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    SentTimestamp: String(message.sentMs),
    ...(sequenceNumber === null ? {} : { SequenceNumber: sequenceNumber }),
    ...(groupId === null ? {} : { MessageGroupId: groupId }),
    SenderId: message.senderId,
    ...(deduplicationId === null ? {} : { MessageDeduplicationId: deduplicationId }),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedMs ?? message.sentMs),
    ...(deadLetterSourceArn === null ? {} : { DeadLetterQueueSourceArn: deadLetterSourceArn }),
  };
}

export function attributesOf(input: JsonObject): MessageAttributes {
  const entries = Object.entries(input).map(([name, value]) => [name, attributeOf(name, value)] as const);
  if (entries.length <= 10) return Object.fromEntries(entries);
  throw new AwsError(
    "InvalidParameterValue",
    `Number of message attributes [${entries.length}] exceeds the allowed maximum [10].`,
  );
}

function attributeOf(name: string, value: unknown): MessageAttribute {
  const input = (value ?? {}) as JsonObject;
  const dataType = requiredString(input, "DataType");
  if (/^Binary(\.|$)/.test(dataType)) return { dataType, value: requiredBytes(input, "BinaryValue") };
  const text = optionalString(input, "StringValue") ?? "";
  if (/^(String|Number)(\.|$)/.test(dataType) && text !== "") return { dataType, value: text };
  throw new AwsError(
    "InvalidParameterValue",
    `The message attribute '${name}' must contain a non-empty value of type String, Number or Binary, got the type ${dataType}.`,
  );
}

function wireForm({ dataType, value }: MessageAttribute): JsonObject {
  return typeof value === "string"
    ? { DataType: dataType, StringValue: value }
    : { DataType: dataType, BinaryValue: value.toString("base64") };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
