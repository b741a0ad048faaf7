import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { Rejection } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import { type FirehosePutOptions, putRows, type Refused } from "./firehose-put.ts";
import type { Quarantine } from "./quarantine.ts";
import { toOversizeKey, toQuarantineRow } from "./quarantine-row.ts";
import { RECORD_LIMIT_BYTES } from "./raw-line.ts";

/** Oversize objects being written at one time. */
const OBJECT_CONCURRENCY = 4;

export interface FirehoseQuarantineOptions extends FirehosePutOptions {
  readonly s3: S3Client;
  /** For rows that are too large for Firehose. */
  readonly bucket: string;
}

interface Entry {
  readonly rejection: Rejection;
  readonly row: Buffer;
}

/** Quarantine behind a Firehose stream; what Firehose cannot take becomes an object of its own. */
export function firehoseQuarantine({ s3, bucket, ...firehose }: FirehoseQuarantineOptions): Quarantine {
  const putObject = async (entry: Entry): Promise<readonly Refused<Entry>[]> => {
    try {
      const Key = toOversizeKey(entry.rejection);
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: entry.row, ContentType: "application/json" }));
      return [];
    } catch (error) {
      return [{ ...entry, cause: String(error) }];
    }
  };

  return {
    async put(rejections) {
      const entries = rejections.map((rejection) => ({ rejection, row: toQuarantineRow(rejection) }));
      const large = entries.filter(({ row }) => row.length > RECORD_LIMIT_BYTES);
      const objects = await mapAtMost(OBJECT_CONCURRENCY, large, putObject);
      const rows = await putRows(
        firehose,
        entries.filter(({ row }) => row.length <= RECORD_LIMIT_BYTES),
      );
      return [...objects.flat(), ...rows].map(({ rejection, cause }) => ({ rejection, cause }));
    },
  };
}
