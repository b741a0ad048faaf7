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
const PREFIX = "aws/lambda/";
const READS = 16;

/** Messages of the SQS and SNS forms may lie here as objects, too. */
export function s3FailedBatches(client: S3Client, bucket: string, functionName: string): FailedBatches {
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
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: PREFIX })) {
        for (const { Key = "" } of Contents) keys.push(Key);
      }
      const batches = (await mapAtMost(READS, keys, read)).flat();
      return batches.filter((one) => Date.parse(one.lastArrival) >= fromMs && Date.parse(one.firstArrival) < toMs);
    },
  };
}
