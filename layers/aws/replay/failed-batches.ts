import { GetObjectCommand, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import type { Position } from "@millrace/engine";
import { mapAtMost } from "../at-most.ts";

/** Batches that Lambda gave up, from what it left on failure. */
export interface FailedBatches {
  /** Those of one function with a record that arrived in [fromMs, toMs). */
  between(fromMs: number, toMs: number): Promise<readonly FailedBatch[]>;
}

export interface FailedBatch {
  /** Its last record, whatever its place inside an aggregate. */
  readonly last: Position;
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
}

/** Lambda's own prefix in its destination. */
const PREFIX = "aws/lambda/";
const READS = 16;

/**
 * An object of the S3 destination has the records besides; a message of the SQS form says the same of the batch without them, and may lie
 * here as an object, too: only its positions are needed, since the records themselves are in the lake.
 */
export function s3FailedBatches(client: S3Client, bucket: string, functionName: string): FailedBatches {
  const read = async (key: string): Promise<readonly FailedBatch[]> => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const { requestContext, KinesisBatchInfo: info } = JSON.parse((await Body?.transformToString()) ?? "") as Failure;
    if (info === undefined || requestContext?.functionArn?.split(":")[6] !== functionName) return [];
    return [
      {
        last: { shard: info.shardId, sequence: info.endSequenceNumber, subSequence: Number.MAX_SAFE_INTEGER },
        firstArrivalMs: Date.parse(info.approximateArrivalOfFirstRecord),
        lastArrivalMs: Date.parse(info.approximateArrivalOfLastRecord),
      },
    ];
  };
  return {
    async between(fromMs, toMs) {
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: PREFIX })) {
        for (const { Key = "" } of Contents) keys.push(Key);
      }
      const batches = (await mapAtMost(READS, keys, read)).flat();
      return batches.filter(({ firstArrivalMs, lastArrivalMs }) => lastArrivalMs >= fromMs && firstArrivalMs < toMs);
    },
  };
}

interface Failure {
  readonly requestContext?: { readonly functionArn?: string };
  readonly KinesisBatchInfo?: {
    readonly shardId: string;
    readonly endSequenceNumber: string;
    readonly approximateArrivalOfFirstRecord: string;
    readonly approximateArrivalOfLastRecord: string;
  };
}
