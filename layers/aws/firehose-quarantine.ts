import { type FirehoseClient, PutRecordBatchCommand } from "@aws-sdk/client-firehose";
import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { Rejection } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import { backoff, type Pause } from "./backoff.ts";
import type { Quarantine } from "./quarantine.ts";
import { toOversizeKey, toQuarantineRow } from "./quarantine-row.ts";

/** Firehose's limits for Direct PUT: a record, and a PutRecordBatch. */
export const RECORD_LIMIT_BYTES = 1000 * 1024;
export const BATCH_LIMIT_RECORDS = 500;
export const BATCH_LIMIT_BYTES = 4 * 1024 * 1024;
/** How often a row is offered to Firehose in all. */
export const PUT_TRIES = 5;
/** Oversize objects being written at one time. */
const OBJECT_CONCURRENCY = 4;

export interface FirehoseQuarantineOptions {
  readonly firehose: FirehoseClient;
  readonly s3: S3Client;
  readonly deliveryStream: string;
  /** For rows that are too large for Firehose. */
  readonly bucket: string;
  /** Between two tries; for tests. */
  readonly pause?: Pause;
}

interface Entry {
  readonly rejection: Rejection;
  readonly row: Buffer;
}

interface Refused extends Entry {
  readonly cause: string;
}

/** Quarantine behind a Firehose stream; what Firehose cannot take becomes an object of its own. */
export function firehoseQuarantine({
  firehose,
  s3,
  deliveryStream,
  bucket,
  pause = backoff({ baseMs: 100, capMs: 5000 }),
}: FirehoseQuarantineOptions): Quarantine {
  /** The entries that were not accepted. Each entry of the answer is read: a call succeeds even when all of its records fail. */
  const offer = async (entries: readonly Entry[]): Promise<readonly Refused[]> => {
    try {
      const Records = entries.map(({ row }) => ({ Data: row }));
      const { RequestResponses } = await firehose.send(
        new PutRecordBatchCommand({ DeliveryStreamName: deliveryStream, Records }),
      );
      return entries.flatMap((entry, i) => {
        const { RecordId, ErrorCode } = RequestResponses?.[i] ?? {};
        return RecordId === undefined ? [{ ...entry, cause: ErrorCode ?? "no answer" }] : [];
      });
    } catch (error) {
      return entries.map((entry) => ({ ...entry, cause: String(error) }));
    }
  };

  const putRows = async (entries: readonly Entry[]): Promise<readonly Refused[]> => {
    let left: readonly Entry[] = entries;
    for (let tries = 1; left.length > 0; tries++) {
      const refused: Refused[] = [];
      for (const batch of inBatches(left)) refused.push(...(await offer(batch)));
      if (tries === PUT_TRIES || refused.length === 0) return refused;
      left = refused;
      await pause(tries);
    }
    return [];
  };

  const putObject = async (entry: Entry): Promise<readonly Refused[]> => {
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
      const rows = await putRows(entries.filter(({ row }) => row.length <= RECORD_LIMIT_BYTES));
      return [...objects.flat(), ...rows].map(({ rejection, cause }) => ({ rejection, cause }));
    },
  };
}

/** Runs of entries within both limits of one call. */
function inBatches(entries: readonly Entry[]): Entry[][] {
  const batches: Entry[][] = [];
  let sizeBytes = 0;
  for (const entry of entries) {
    const last = batches.at(-1);
    if (last === undefined || last.length === BATCH_LIMIT_RECORDS || sizeBytes + entry.row.length > BATCH_LIMIT_BYTES) {
      batches.push([entry]);
      sizeBytes = entry.row.length;
    } else {
      last.push(entry);
      sizeBytes += entry.row.length;
    }
  }
  return batches;
}
