import { setTimeout as sleep } from "node:timers/promises";
import {
  GetRecordsCommand,
  type GetRecordsCommandInput,
  GetShardIteratorCommand,
  type KinesisClient,
  type _Record as KinesisRecord,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";
import { deaggregate, type StreamRecord } from "@millrace/engine";
import type { StreamReader } from "./stream-reader.ts";

/** A shard gives five pages and 2 MB a second to all of its readers: half of that is left to the others. */
export const PAGE_MS = 400;
const PAGE_BYTES_PER_MS = 1000;
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
  /** Records on the next page of each shard: whoever reads on often need not find out anew how large they are. */
  const mostOf = new Map<string, number>();
  return {
    shardsSince: (sinceMs) => shardsSince(client, stream, sinceMs),
    async *pages(shard, from, limit) {
      const start =
        "at" in from
          ? ({ ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: from.at } as const)
          : ({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(from.arrivalMs) } as const);
      const command = new GetShardIteratorCommand({ StreamName: stream, ShardId: shard, ...start });
      let iterator = (await client.send(command)).ShardIterator;
      while (iterator !== undefined) {
        const most = mostOf.get(shard) ?? FIRST_PAGE_RECORDS;
        const Limit = Math.min(most, limit?.records ?? most);
        const answer = await pageAt(client, { ShardIterator: iterator, Limit });
        const records = answer?.Records ?? [];
        if (records.length > 0) mostOf.set(shard, fittingIn(PAGE_BYTES, bytesOf(records) / records.length));
        yield { records: records.flatMap((record) => toStreamRecords(shard, record)) };
        if (answer !== null) iterator = answer.MillisBehindLatest === 0 ? undefined : answer.NextShardIterator;
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

/** After a page: with such rests a reader takes half of what a shard gives. */
function restMs(records: readonly KinesisRecord[]): number {
  return Math.max(PAGE_MS, bytesOf(records) / PAGE_BYTES_PER_MS);
}

/** The shards that were open at that moment or later. */
async function shardsSince(client: Pick<KinesisClient, "send">, stream: string, sinceMs: number): Promise<string[]> {
  const shards: string[] = [];
  const filter = { Type: "FROM_TIMESTAMP", Timestamp: new Date(sinceMs) } as const;
  let next: string | undefined;
  do {
    // Kinesis refuses the stream's name beside a token.
    const page = next === undefined ? { StreamName: stream, ShardFilter: filter } : { NextToken: next };
    const answer = await client.send(new ListShardsCommand(page));
    shards.push(...(answer.Shards ?? []).map(({ ShardId }) => ShardId as string));
    next = answer.NextToken;
  } while (next !== undefined);
  return shards;
}

function toStreamRecords(shard: string, record: KinesisRecord): readonly StreamRecord[] {
  return deaggregate({
    position: { shard, sequence: record.SequenceNumber as string, subSequence: 0 },
    partitionKey: record.PartitionKey as string,
    arrivalMs: Number(record.ApproximateArrivalTimestamp),
    data: record.Data as Uint8Array,
  });
}

function bytesOf(records: readonly KinesisRecord[]): number {
  return records.reduce((sum, { Data }) => sum + (Data?.length ?? 0), 0);
}
