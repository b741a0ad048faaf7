import type { S3Client } from "@aws-sdk/client-s3";
import type { StreamRecord } from "@millrace/engine";
import { mapAtMost } from "../at-most.ts";
import { failedRecords } from "./failed-batch.ts";
import { failedKeys } from "./failed-batches.ts";

/** What Lambda has left on failure in a time, whatever function it was that gave up. */
export interface GivenUp {
  readonly batches: number;
  /** Of as many batches as may be read. */
  readonly records: readonly StreamRecord[];
}

const READS = 4;

/** By when a batch was given up, half-open (epoch ms). Objects without records (the SQS form, put there by a person) count, and have none. */
export function s3GivenUp(client: S3Client, bucket: string) {
  return async (fromMs: number, toMs: number, mostRead: number): Promise<GivenUp> => {
    const keys = await failedKeys(client, bucket, (ms) => ms !== null && ms >= fromMs && ms < toMs);
    const recordsIn = async (key: string) => {
      const records: StreamRecord[] = [];
      try {
        for await (const { record } of failedRecords(client, { bucket, key }))
          if (record !== null) records.push(record);
      } catch (error) {
        // It is counted all the same; what cannot be reached is another matter.
        if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
      }
      return records;
    };
    const records = await mapAtMost(READS, keys.slice(0, mostRead), recordsIn);
    return { batches: keys.length, records: records.flat() };
  };
}
