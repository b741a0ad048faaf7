import { setTimeout as sleep } from "node:timers/promises";
import {
  GetRecordsCommand,
  type GetRecordsCommandInput,
  GetShardIteratorCommand,
  type KinesisClient,
} from "@aws-sdk/client-kinesis";
import { bytesOf, restMs, shardsSince, toStreamRecords } from "./kinesis-tail.ts";
import type { StreamReader } from "./stream-reader.ts";

/** Kinesis gives no more at a time. */
const MOST_PAGE_RECORDS = 10_000;
/** It gives up to 10 MB, and refuses everybody for as long as that is worth: after a first page that tells how large records are, pages are smaller. */
const FIRST_PAGE_RECORDS = 100;
const PAGE_BYTES = 1_000_000;
/** The longest that a shard refuses after one page. */
export const REFUSED_REST_MS = 5000;

export interface KinesisReaderOptions {
  readonly client: Pick<KinesisClient, "send">;
  readonly stream: string;
  /** Between two pages (ms): half of what a shard gives is left to its other readers. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

export function kinesisReader({ client, stream, pause = sleep }: KinesisReaderOptions): StreamReader {
  return {
    shardsSince: (sinceMs) => shardsSince(client, stream, sinceMs),
    async *pages(shard, from, limit) {
      const start =
        "at" in from
          ? ({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: from.at } as const)
          : ({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(from.arrivalMs) } as const);
      const command = new GetShardIteratorCommand({ StreamName: stream, ShardId: shard, ...start });
      let most = FIRST_PAGE_RECORDS;
      let iterator = (await client.send(command)).ShardIterator;
      while (iterator !== undefined) {
        const Limit = Math.min(most, limit?.records ?? most);
        const answer = await pageAt(client, { ShardIterator: iterator, Limit });
        const records = answer?.Records ?? [];
        yield { records: records.flatMap((record) => toStreamRecords(shard, record)) };
        if (answer !== null) iterator = answer.MillisBehindLatest === 0 ? undefined : answer.NextShardIterator;
        if (records.length > 0) most = fittingIn(PAGE_BYTES, bytesOf(records) / records.length);
        if (iterator !== undefined) await pause(answer === null ? REFUSED_REST_MS : restMs(records));
      }
    },
  };
}

function fittingIn(bytes: number, meanBytes: number): number {
  return Math.max(1, Math.min(MOST_PAGE_RECORDS, Math.floor(bytes / meanBytes)));
}

/** Null where the shard gives nothing now, since others read it: also for longer than the SDK tries, or has quota to. */
async function pageAt(client: Pick<KinesisClient, "send">, input: GetRecordsCommandInput) {
  try {
    return await client.send(new GetRecordsCommand(input));
  } catch (error) {
    if (error instanceof Error && error.name === "ProvisionedThroughputExceededException") return null;
    throw error;
  }
}
