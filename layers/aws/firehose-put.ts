import { type FirehoseClient, PutRecordBatchCommand } from "@aws-sdk/client-firehose";
import { backoff, type Pause } from "./backoff.ts";

/** Firehose's limits for one PutRecordBatch. */
export const BATCH_LIMIT_RECORDS = 500;
export const BATCH_LIMIT_BYTES = 4 * 1024 * 1024;
/** How often a row is offered to Firehose in all. */
export const PUT_TRIES = 5;

export interface FirehosePutOptions {
  readonly firehose: FirehoseClient;
  readonly deliveryStream: string;
  /** Between two tries; for tests. */
  readonly pause?: Pause;
}

/** What is put: its bytes, and whatever it stands for. Each within Firehose's limit for one record. */
export interface Row {
  readonly row: Buffer;
}

export type Refused<T> = T & { readonly cause: string };

/** Puts rows by Direct PUT and gives those that were not accepted. Each entry of an answer is read: a call succeeds even when all of its records fail. */
export async function putRows<T extends Row>(
  { firehose, deliveryStream, pause = backoff({ baseMs: 100, capMs: 5000 }) }: FirehosePutOptions,
  entries: readonly T[],
): Promise<readonly Refused<T>[]> {
  const offer = async (batch: readonly T[]): Promise<readonly Refused<T>[]> => {
    try {
      const Records = batch.map(({ row }) => ({ Data: row }));
      const { RequestResponses } = await firehose.send(
        new PutRecordBatchCommand({ DeliveryStreamName: deliveryStream, Records }),
      );
      return batch.flatMap((entry, i) => {
        const { RecordId, ErrorCode } = RequestResponses?.[i] ?? {};
        return RecordId === undefined ? [{ ...entry, cause: ErrorCode ?? "no answer" }] : [];
      });
    } catch (error) {
      return batch.map((entry) => ({ ...entry, cause: String(error) }));
    }
  };

  let left: readonly T[] = entries;
  for (let tries = 1; left.length > 0; tries++) {
    const refused: Refused<T>[] = [];
    for (const batch of inBatches(left)) refused.push(...(await offer(batch)));
    if (tries === PUT_TRIES || refused.length === 0) return refused;
    left = refused;
    await pause(tries);
  }
  return [];
}

/** Runs of entries within both limits of one call. */
function inBatches<T extends Row>(entries: readonly T[]): T[][] {
  const batches: T[][] = [];
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
