import { gunzipSync, gzipSync } from "node:zlib";
import type { StreamRecord } from "@millrace/engine";
import { fromPayload, type Payload, toPayload } from "./payload.ts";

/**
 * A record as the archive keeps it: one line of JSON with the exact bytes and what Kinesis knew about them. Whatever is repaired is made from
 * such lines, so that the same code makes the same of it, with the original arrival and position.
 */
export function toRawLine({ position, partitionKey, arrivalMs, data }: StreamRecord): string {
  const { shard, sequence, subSequence } = position;
  const line = { arrival: arrivalMs, shard, sequence, subSequence, key: partitionKey, ...toPayload(data) };
  return `${JSON.stringify(line)}\n`;
}

/** Null for what is no such line: nothing is made up. Fields beyond these are passed over, so a row of quarantine is a line, too. */
export function fromRawLine(text: string): StreamRecord | null {
  return recordIn(parsed(text));
}

/** The same of a row that Athena has unloaded: names in lower case, and no nulls. */
export function fromUnloadedLine(text: string): StreamRecord | null {
  const line = parsed(text);
  return line === null ? null : recordIn({ ...line, subSequence: line.subsequence, dataBase64: line.database64 });
}

function recordIn(line: Readonly<Record<string, unknown>> | null): StreamRecord | null {
  if (line === null) return null;
  const { arrival, shard, sequence, subSequence, key } = line;
  const sound =
    isTime(arrival) &&
    typeof shard === "string" &&
    shard !== "" &&
    typeof sequence === "string" &&
    /^\d+$/.test(sequence) &&
    Number.isSafeInteger(subSequence) &&
    typeof key === "string" &&
    (typeof line.data === "string" || typeof line.dataBase64 === "string");
  if (!sound) return null;
  return {
    position: { shard, sequence, subSequence: subSequence as number },
    partitionKey: key,
    arrivalMs: arrival,
    data: fromPayload(line as unknown as Payload),
  };
}

/** Firehose takes no more than this by Direct PUT. */
export const RECORD_LIMIT_BYTES = 1000 * 1024;
/** Of a line once it is unpacked: what JSON can make of the largest record (10 MiB), and its frame. */
const LINE_LIMIT_BYTES = 64 * 1024 * 1024;
const GZIP = [0x1f, 0x8b];

/** A line as it is put onto a stream again: where it is too large it is packed, and null where that does not suffice. */
export function packLine(line: string): Buffer | null {
  const plain = Buffer.from(line);
  if (plain.length <= RECORD_LIMIT_BYTES) return plain;
  const packed = gzipSync(plain);
  return packed.length <= RECORD_LIMIT_BYTES ? packed : null;
}

/** Whether a record can be put onto a delivery again. */
export function fitsDelivery(record: StreamRecord): boolean {
  // What JSON makes of bytes, at the most, and the frame: no need to look closer at a small one.
  return record.data.length * 6 < RECORD_LIMIT_BYTES / 2 || packLine(toRawLine(record)) !== null;
}

/** The record in a packed or plain line; null for anything else. */
export function unpackLine(bytes: Uint8Array): StreamRecord | null {
  if (!GZIP.every((byte, i) => bytes[i] === byte)) return fromRawLine(Buffer.from(bytes).toString("utf8"));
  try {
    return fromRawLine(gunzipSync(bytes, { maxOutputLength: LINE_LIMIT_BYTES }).toString("utf8"));
  } catch {
    return null;
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The greatest time that a Date can hold. */
const LATEST_MS = 8.64e15;

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && Math.abs(value) <= LATEST_MS;
}
