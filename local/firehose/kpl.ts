import { createHash } from "node:crypto";

/**
 * KPL aggregation: magic, protobuf, MD5 of the protobuf. Firehose takes such records apart before the transform.
 * Whatever is not exactly that (no magic, wrong digest, unreadable protobuf) is one ordinary record.
 * Format: awslabs/amazon-kinesis-producer, aggregation-format.md.
 */
export function deaggregate(partitionKey: string, data: Buffer): readonly InnerRecord[] {
  return takeApart(data) ?? [{ partitionKey, data, subSequenceNumber: 0 }];
}

export interface InnerRecord {
  readonly partitionKey: string;
  /** In decimal, where the producer gave one in place of the key's MD5. */
  readonly explicitHashKey?: string;
  readonly data: Buffer;
  readonly subSequenceNumber: number;
}

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const DIGEST_BYTES = 16;

function takeApart(data: Buffer): InnerRecord[] | null {
  if (data.length < MAGIC.length + DIGEST_BYTES || !data.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const body = data.subarray(MAGIC.length, data.length - DIGEST_BYTES);
  const digest = data.subarray(data.length - DIGEST_BYTES);
  if (!createHash("md5").update(body).digest().equals(digest)) return null;

  const message = readMessage(body);
  if (message === null) return null;
  const texts = (number: number) =>
    message.filter((field) => field.number === number).map((field) => bytesOf(field).toString("utf8"));
  const tables = { keys: texts(1), hashKeys: texts(2) };
  const inner: InnerRecord[] = [];
  for (const field of message) {
    if (field.number !== 3) continue;
    const record = readRecord(bytesOf(field), tables);
    if (record === null) return null;
    inner.push({ ...record, subSequenceNumber: inner.length });
  }
  return inner.length === 0 ? null : inner;
}

interface Tables {
  readonly keys: readonly string[];
  readonly hashKeys: readonly string[];
}

function readRecord(bytes: Buffer, { keys, hashKeys }: Tables): Omit<InnerRecord, "subSequenceNumber"> | null {
  const fields = readMessage(bytes);
  const fieldValue = (number: number) => fields?.find((field) => field.number === number)?.value;
  const [index, hashIndex, data] = [fieldValue(1), fieldValue(2), fieldValue(3)];
  const partitionKey = typeof index === "number" ? keys[index] : undefined;
  const explicitHashKey = typeof hashIndex === "number" ? hashKeys[hashIndex] : undefined;
  if (partitionKey === undefined || !Buffer.isBuffer(data)) return null;
  return { partitionKey, data, ...(explicitHashKey === undefined ? {} : { explicitHashKey }) };
}

interface Field {
  readonly number: number;
  readonly value: number | Buffer;
}

function bytesOf(field: Field): Buffer {
  return Buffer.isBuffer(field.value) ? field.value : Buffer.alloc(0);
}

/** Only varints and length-delimited fields occur in the format; anything else, or a cut message, is null. */
function readMessage(bytes: Buffer): Field[] | null {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const first = tag && readVarint(bytes, tag.end);
    if (!tag || !first) return null;
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    at = wire === 2 ? first.end + first.value : first.end;
    if ((wire !== 0 && wire !== 2) || at > bytes.length) return null;
    fields.push({ number, value: wire === 2 ? bytes.subarray(first.end, at) : first.value });
  }
  return fields;
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } | null {
  let value = 0;
  for (let at = start, scale = 1; at < bytes.length && at < start + 7; at++, scale *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
}
