/**
 * Where an object lies: `root/<bucket>/<key>`. A key is a path here, so what is no plain path below the bucket is refused, and so is what would be
 * two files in S3 and one here. S3 itself takes most of these keys; the message says that it is the local runtime that does not.
 */
import { join } from "node:path";
import { AwsError } from "../aws-error.ts";

const longestKeyBytes = 1024;
const longestSegmentBytes = 255;

export function pathOf(rootDir: string, bucket: string, key: string): string {
  checkBucketName(bucket);
  checkKey(key);
  return join(rootDir, bucket, ...key.split("/"));
}

export function checkBucketName(bucket: string): void {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) && !bucket.includes("..")) return;
  throw new AwsError("InvalidBucketName", `The specified bucket is not valid: ${JSON.stringify(bucket)}.`);
}

export function checkKey(key: string): void {
  if (key === "") throw new AwsError("InvalidArgument", "Expected a key, got an empty one.");
  if (Buffer.byteLength(key) > longestKeyBytes) throw tooLong(key, `a key of at most ${longestKeyBytes} bytes`);
  for (const segment of key.split("/")) {
    if (segment === "" || segment === "." || segment === ".." || /[\0\\]/.test(segment)) {
      throw new AwsError(
        "InvalidArgument",
        `The local runtime keeps objects as plain files and cannot store the key ${JSON.stringify(key)}: expected segments between slashes that are not empty, "." or "..", without NUL or backslash.`,
      );
    }
    if (Buffer.byteLength(segment) > longestSegmentBytes) {
      throw tooLong(
        key,
        `segments of at most ${longestSegmentBytes} bytes between slashes, since they become file names`,
      );
    }
  }
}

function tooLong(key: string, expected: string): AwsError {
  return new AwsError("KeyTooLongError", `Expected ${expected}, got ${key.slice(0, 80)}….`);
}
