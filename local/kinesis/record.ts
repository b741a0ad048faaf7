/** What Kinesis takes as a record, and where it puts it. */
import { hash } from "node:crypto";
import { AwsError } from "../aws-error.ts";

export interface NewRecord {
  readonly partitionKey: string;
  /** A 128-bit hash key in decimal, which stands in for the MD5 of the partition key. */
  readonly explicitHashKey?: string;
  readonly data: Uint8Array;
}

export const greatestHashKey = 2n ** 128n - 1n;
const partitionKeyLimit = 256;

/** Throws a ValidationException or InvalidArgumentException as AWS does. */
export function checkRecord(record: NewRecord, maxRecordSizeBytes: number): void {
  const { partitionKey, explicitHashKey, data } = record;
  if (partitionKey.length === 0) throw violation("partitionKey", "Member must have length greater than or equal to 1");
  // A string longer than the limit in UTF-16 units may still be within it in characters.
  if (partitionKey.length > partitionKeyLimit && [...partitionKey].length > partitionKeyLimit) {
    throw violation("partitionKey", `Member must have length less than or equal to ${partitionKeyLimit}`);
  }
  if (explicitHashKey !== undefined) parseHashKey("ExplicitHashKey", explicitHashKey);
  if (data.length + Buffer.byteLength(partitionKey) > maxRecordSizeBytes) {
    throw violation("data", `Member must have length less than or equal to ${maxRecordSizeBytes}`);
  }
}

export function parseHashKey(field: string, text: string): bigint {
  if (!/^(0|[1-9]\d{0,38})$/.test(text)) {
    throw violation(field, "Member must satisfy regular expression pattern: 0|([1-9]\\d{0,38})");
  }
  const key = BigInt(text);
  if (key > greatestHashKey) {
    throw new AwsError(
      "InvalidArgumentException",
      `Invalid ${field}. ${field} must be in the range: [0, 2^128-1]. Specified value was ${text}`,
    );
  }
  return key;
}

/** 32 hexadecimal digits, which compare as the number does and are cheaper than a bigint. */
export function hashKeyOf(record: NewRecord): string {
  return record.explicitHashKey === undefined
    ? hash("md5", record.partitionKey, "hex")
    : toHex(BigInt(record.explicitHashKey));
}

export function toHex(key: bigint): string {
  return key.toString(16).padStart(32, "0");
}

function violation(field: string, constraint: string): AwsError {
  return new AwsError(
    "ValidationException",
    `1 validation error detected: Value at '${field}' failed to satisfy constraint: ${constraint}`,
  );
}
