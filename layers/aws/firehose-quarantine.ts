import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { mapAtMost } from "./at-most.ts";
import { type FirehosePutOptions, putRows } from "./firehose-put.ts";
import type { Quarantine } from "./quarantine.ts";
import { type QuarantineVerdict, toOversizeKey, toOversizeRow, toQuarantineRow } from "./quarantine-row.ts";
import { RECORD_LIMIT_BYTES } from "./raw-line.ts";

/** Oversize objects being written at one time. */
const OBJECT_CONCURRENCY = 4;

export interface FirehoseQuarantineOptions extends FirehosePutOptions {
  readonly s3: Pick<S3Client, "send">;
  /** For rows that are too large for Firehose. */
  readonly bucket: string;
}

/** Quarantine behind a Firehose stream. */
export function firehoseQuarantine(options: FirehoseQuarantineOptions): Quarantine {
  return {
    async put(rejections) {
      const unput = await putVerdicts(options, rejections);
      return unput.map(({ verdict, cause }) => ({ rejection: verdict, cause }));
    },
  };
}

export interface UnputVerdict<T> {
  readonly verdict: T;
  readonly cause: string;
}

/**
 * Puts rows of verdicts, and gives those that could not be put. A row that Firehose cannot take becomes an object of its own, and a row without
 * the record's bytes after it: what the table speaks of is there to be read.
 */
export async function putVerdicts<T extends QuarantineVerdict>(
  { s3, bucket, ...firehose }: FirehoseQuarantineOptions,
  verdicts: readonly T[],
): Promise<readonly UnputVerdict<T>[]> {
  const entries = verdicts.map((verdict) => ({ verdict, row: toQuarantineRow(verdict) }));
  const large = entries.filter(({ row }) => row.length > RECORD_LIMIT_BYTES);
  const objects = await mapAtMost(OBJECT_CONCURRENCY, large, async ({ verdict, row }) => {
    try {
      const place = { Bucket: bucket, Key: toOversizeKey(verdict) };
      await s3.send(new PutObjectCommand({ ...place, Body: row, ContentType: "application/json" }));
      return [];
    } catch (error) {
      return [{ verdict, cause: String(error) }];
    }
  });
  const unwritten = objects.flat();
  const without = new Set(unwritten.map(({ verdict }) => verdict));
  const rows = entries.flatMap(({ verdict, row }) => {
    if (without.has(verdict)) return [];
    return [{ verdict, row: row.length > RECORD_LIMIT_BYTES ? toOversizeRow(verdict) : row }];
  });
  const refused = await putRows(firehose, rows);
  return [...unwritten, ...refused.map(({ verdict, cause }) => ({ verdict, cause }))];
}
