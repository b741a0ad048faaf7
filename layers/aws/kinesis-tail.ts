import { setTimeout as sleep } from "node:timers/promises";
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  type _Record as KinesisRecord,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";
import { comparePositions, deaggregate, type Position, type StreamRecord } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import { demandKept, type StreamTail, type TakeRecords } from "./stream-tail.ts";

export interface KinesisTailOptions {
  readonly client: Pick<KinesisClient, "send">;
  readonly stream: string;
  readonly retentionMs: number;
  /** How far arrival times within a shard may step back (ms). */
  readonly slackMs: number;
  readonly now: () => number;
  /** Between two pages of a shard (ms). */
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** Shards that are read at one time. */
export const SHARD_CONCURRENCY = 16;
/** A shard gives five pages and 2 MB a second to all of its readers: half of that is left to the others. */
export const PAGE_MS = 400;
export const PAGE_BYTES_PER_MS = 1000;

/** Opens the tail of what arrived at `fromMs` or later, beyond what was read before. Nothing is read before it is asked for. */
export function kinesisTail({ client, stream, retentionMs, slackMs, now, pause = sleep }: KinesisTailOptions) {
  return (fromMs: number, readBefore: readonly Position[] = []): StreamTail => {
    /** The last position that was read of each shard. */
    const read = new Map(readBefore.map((position) => [position.shard, position]));
    /** The shards that this one has read itself. */
    const begun = new Set<string>();
    const isRead = (position: Position) => {
      const last = read.get(position.shard);
      return last !== undefined && comparePositions(last, position) >= 0;
    };

    const iteratorOf = async (shard: string): Promise<string | undefined> => {
      const last = read.get(shard);
      const sinceMs = fromMs - slackMs;
      if (!begun.has(shard)) demandKept(sinceMs, { retentionMs, nowMs: now() });
      begun.add(shard);
      const start =
        last === undefined
          ? ({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(sinceMs) } as const)
          : ({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: last.sequence } as const);
      const command = new GetShardIteratorCommand({ StreamName: stream, ShardId: shard, ...start });
      return (await client.send(command)).ShardIterator;
    };

    /** Reads a shard on, until a position or to where it ends now. Iterators live for five minutes, so each reading has its own. */
    const readOn = async (shard: string, until: Position | null, take: TakeRecords): Promise<void> => {
      const isReached = () => until !== null && isRead(until);
      if (isReached()) return;
      let iterator = await iteratorOf(shard);
      while (iterator !== undefined) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
        const page = (answer.Records ?? []).flatMap((record) => toStreamRecords(shard, record));
        const last = page.at(-1);
        if (last !== undefined) read.set(shard, last.position);
        take(page.filter(({ arrivalMs }) => arrivalMs >= fromMs));
        iterator = answer.MillisBehindLatest === 0 || isReached() ? undefined : answer.NextShardIterator;
        if (iterator !== undefined) await pause(restMs(answer.Records ?? []));
      }
    };

    return {
      async upTo(positions, take) {
        const until = new Map<string, Position>();
        for (const position of positions) {
          const known = until.get(position.shard);
          if (known === undefined || comparePositions(known, position) < 0) until.set(position.shard, position);
        }
        await mapAtMost(SHARD_CONCURRENCY, [...until], ([shard, position]) => readOn(shard, position, take));
      },
      async toTip(take) {
        const shards = await shardsSince(client, stream, fromMs - slackMs);
        await mapAtMost(SHARD_CONCURRENCY, shards, (shard) => readOn(shard, null, take));
      },
      hasReached: isRead,
      ends: () => [...read.values()],
    };
  };
}

/** After a page: with such rests a reader takes half of what a shard gives. */
export function restMs(records: readonly KinesisRecord[]): number {
  return Math.max(PAGE_MS, bytesOf(records) / PAGE_BYTES_PER_MS);
}

/** The shards that were open at that moment or later. */
export async function shardsSince(
  client: Pick<KinesisClient, "send">,
  stream: string,
  sinceMs: number,
): Promise<string[]> {
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

export function toStreamRecords(shard: string, record: KinesisRecord): readonly StreamRecord[] {
  return deaggregate({
    position: { shard, sequence: record.SequenceNumber as string, subSequence: 0 },
    partitionKey: record.PartitionKey as string,
    arrivalMs: Number(record.ApproximateArrivalTimestamp),
    data: record.Data as Uint8Array,
  });
}

export function bytesOf(records: readonly KinesisRecord[]): number {
  return records.reduce((sum, { Data }) => sum + (Data?.length ?? 0), 0);
}
