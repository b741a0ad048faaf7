import { md5Hex } from "./md5.ts";
import type { StreamRecord } from "./position.ts";

/**
 * Opens a KPL aggregate: magic, protobuf `AggregatedRecord`, MD5 of the protobuf (awslabs aggregation-format.md). A standard
 * event source mapping hands aggregates over unopened. Whatever is not a well-formed aggregate is one ordinary record, as the
 * awslabs libraries have it, so nothing is ever lost here.
 */
const MAGIC = [0xf3, 0x89, 0x9a, 0xc2];
const DIGEST_BYTES = 16;

/** The user records inside, in order, each with its sub-sequence and its own partition key; or the record itself. */
export function deaggregate(record: StreamRecord): readonly StreamRecord[] {
  const { data } = record;
  if (data.length < MAGIC.length + DIGEST_BYTES || MAGIC.some((byte, i) => data[i] !== byte)) return [record];
  const body = data.subarray(MAGIC.length, data.length - DIGEST_BYTES);
  const digest = data.subarray(data.length - DIGEST_BYTES);
  if (md5Hex(body) !== Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")) return [record];

  const inner = parseAggregate(body);
  if (inner === null) return [record];
  return inner.map(({ data }, subSequence) => ({ ...record, data, position: { ...record.position, subSequence } }));
}

/** The user records of an AggregatedRecord message, or null when the bytes are not one. */
function parseAggregate(body: Uint8Array): { readonly data: Uint8Array }[] | null {
  const records: { data: Uint8Array }[] = [];
  let keys = 0;
  const indices: number[] = [];
  const whole = readFields(body, (field, value) => {
    if (field === 1 && typeof value !== "number") keys++;
    if (field !== 3 || typeof value === "number") return;
    let data: Uint8Array | null = null;
    let keyIndex = -1;
    const ok = readFields(value, (inner, content) => {
      if (inner === 1 && typeof content === "number") keyIndex = content;
      if (inner === 3 && typeof content !== "number") data = content;
    });
    if (ok && data !== null) records.push({ data });
    indices.push(ok && data !== null ? keyIndex : -1);
  });
  return whole && records.length > 0 && indices.every((index) => index >= 0 && index < keys) ? records : null;
}

/** Walks the fields of a protobuf message; false when it is cut short or uses a wire type that the format does not. */
function readFields(bytes: Uint8Array, visit: (field: number, value: number | Uint8Array) => void): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 49; unit *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) return -1;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    return -1;
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if (tag < 0 || value < 0) return false;
    if (tag % 8 === 0) visit(Math.floor(tag / 8), value);
    else if (tag % 8 === 2 && at + value <= bytes.length) {
      visit(Math.floor(tag / 8), bytes.subarray(at, at + value));
      at += value;
    } else return false;
  }
  return true;
}
