/** Messages of a queue: what a sender gives, what a queue keeps, and the digests by which a client checks both. */
import { createHash } from "node:crypto";

export interface MessageAttribute {
  readonly dataType: string;
  /** A text or a number, or bytes. */
  readonly value: string | Buffer;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

export interface NewMessage {
  readonly body: string;
  readonly attributes?: MessageAttributes;
  /** The queue's by default. */
  readonly delayMs?: number;
  readonly groupId?: string;
  readonly deduplicationId?: string;
  readonly senderId?: string;
}

/** As the queue keeps it; a receiver gets a copy. */
export interface Message {
  readonly id: string;
  readonly body: string;
  readonly attributes: MessageAttributes;
  readonly senderId: string;
  readonly sentMs: number;
  readonly groupId: string | null;
  readonly deduplicationId: string | null;
  /** Of FIFO queues. */
  readonly sequenceNumber: string | null;
  readonly deadLetterSourceArn: string | null;
  readonly receiveCount: number;
  readonly firstReceivedMs: number | null;
  readonly visibleAtMs: number;
  /** Of the last receive. */
  readonly receiptHandle: string | null;
}

export function md5OfText(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** Null without attributes. By name: name, type, and 1 with a text or 2 with bytes, each with its length before it. */
export function md5OfAttributes(attributes: MessageAttributes): string | null {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return null;
  const digest = createHash("md5");
  const add = (value: string | Buffer): void => {
    const bytes = Buffer.from(value as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    digest.update(length).update(bytes);
  };
  for (const name of names) {
    const { dataType, value } = attributes[name] as MessageAttribute;
    add(name);
    add(dataType);
    digest.update(Buffer.from([typeof value === "string" ? 1 : 2]));
    add(value);
  }
  return digest.digest("hex");
}

/** Body and attributes count towards the limit of a message. */
export function sizeOf({ body, attributes = {} }: NewMessage): number {
  let sizeBytes = Buffer.byteLength(body);
  for (const [name, { dataType, value }] of Object.entries(attributes)) {
    sizeBytes += Buffer.byteLength(name) + Buffer.byteLength(dataType) + Buffer.byteLength(value);
  }
  return sizeBytes;
}
