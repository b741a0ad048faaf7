/** Writes an aggregated record as the Kinesis Producer Library does: magic, protobuf, MD5 of the protobuf. All parts have one key. */
import { hash } from "node:crypto";

export function aggregate(partitionKey: string, parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat([
    field(1, Buffer.from(partitionKey)),
    // Of a part: the index of its key, which is 0, and its data.
    ...parts.map((data) => field(3, Buffer.concat([Buffer.from([0x08, 0x00]), field(3, data)]))),
  ]);
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), body, hash("md5", body, "buffer")]);
}

/** A length-delimited field. */
function field(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([number * 8 + 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
