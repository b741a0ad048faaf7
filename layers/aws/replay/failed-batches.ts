import { GetObjectCommand, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import { mapAtMost } from "../at-most.ts";
import type { S3Place } from "../object-lines.ts";
import { type FailedBatch, failuresIn } from "./failed-batch.ts";

/** Batches that Lambda gave up, from what it left on failure. */
export interface FailedBatches {
  /** Those of one function with a record that arrived in [fromMs, toMs). */
  between(fromMs: number, toMs: number): Promise<readonly FoundBatch[]>;
}

export interface FoundBatch extends FailedBatch {
  /** Where its records lie; null where the stream alone has them. */
  readonly stored: S3Place | null;
}

/** Lambda's own prefix in its destination. */
const FAILED_PREFIX = "aws/lambda/";
/** Objects of up to 6 MB. */
const READS = 16;
/** Nobody says of which zone the times in keys are. */
const ZONE_MS = 24 * 3_600_000;

export interface FailedBatchesOptions {
  readonly bucket: string;
  readonly functionName: string;
  /** How long the stream keeps a record: later than that Lambda cannot give up a batch with it. */
  readonly retentionMs: number;
}

/** Messages of the SQS and SNS forms may lie here as objects, too. Objects whose keys say that they cannot have records of the time are not read. */
export function s3FailedBatches(client: S3Client, options: FailedBatchesOptions): FailedBatches {
  const { bucket, functionName, retentionMs } = options;
  const read = async (key: string): Promise<readonly FoundBatch[]> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const text = (await Body?.transformToString()) ?? "";
    try {
      return failuresIn(text)
        .filter((failure) => failure.functionName === functionName)
        .map(({ batch, hasRecords }) => ({ ...batch, stored: hasRecords ? { bucket, key } : null }));
    } catch (error) {
      throw new Error(`${bucket}/${key}: ${error instanceof Error ? error.message : error}`);
    }
  };
  return {
    async between(fromMs, toMs) {
      const keys = await failedKeys(
        client,
        bucket,
        (ms) => ms === null || (ms >= fromMs - ZONE_MS && ms < toMs + retentionMs + ZONE_MS),
      );
      const batches = (await mapAtMost(READS, keys, read)).flat();
      return batches.filter((one) => Date.parse(one.lastArrival) >= fromMs && Date.parse(one.firstArrival) < toMs);
    },
  };
}

/** What Lambda has left on failure, by when it gave up. */
export async function failedKeys(
  client: S3Client,
  bucket: string,
  isMeant: (givenUpMs: number | null) => boolean,
): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: FAILED_PREFIX }))
    for (const { Key = "" } of Contents) if (isMeant(givenUpAt(Key))) keys.push(Key);
  return keys;
}

/** `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<UUID>` (epoch ms); null for a key that somebody else has chosen. */
function givenUpAt(key: string): number | null {
  const [, day, hour, minute, second] = /\/(\d{4}-\d\d-\d\d)T(\d\d)\.(\d\d)\.(\d\d)-[^/]*$/.exec(key) ?? [];
  return day === undefined ? null : Date.parse(`${day}T${hour}:${minute}:${second}Z`);
}
