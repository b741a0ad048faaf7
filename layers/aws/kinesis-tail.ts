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
import { type StreamTail, TailGoneError } from "./stream-tail.ts";

export interface KinesisTailOptions {
  readonly client: Pick<KinesisClient, "send">;
  readonly stream: string;
  readonly retentionMs: number;
  /** How far arrival times within a shard may step back (ms). */
  readonly slackMs: number;
  readonly now: () => number;
  /** Between two pages of a shard (ms). */
  readonly pause?: (ms: number) => Promise<unknown>;
  readonly mostRecords?: number;
}

/** Shards that are read at one time. */
export const SHARD_CONCURRENCY = 16;
/** A tail is held in memory, and other readers of the shards wait while it is read: beyond this the lake should settle first. */
export const MOST_TAIL_RECORDS = 500_000;
/** A shard gives five pages and 2 MB a second to all of its readers: half of that is left to the others. */
export const PAGE_MS = 400;
export const PAGE_BYTES_PER_MS = 1000;

/** Opens the tail of what arrived at `fromMs` or later. Nothing is read before it is asked for. */
export function kinesisTail(options: KinesisTailOptions) {
  const { client, stream, retentionMs, slackMs, now, pause = sleep, mostRecords = MOST_TAIL_RECORDS } = options;
  return (fromMs: number): StreamTail => {
    /** The last position that was read of each shard; null before the first. */
    const read = new Map<string, Position | null>();
    let records = 0;
    const isFull = () => records >= mostRecords;
    /** The shards in which it stopped short. */
    const cut = new Set<string>();
    const isRead = ({ shard, ...position }: Position) => {
      const last = read.get(shard) ?? null;
      return last !== null && comparePositions(last, { shard, ...position }) >= 0;
    };

    const iteratorOf = async (shard: string): Promise<string | undefined> => {
      const last = read.get(shard) ?? null;
      const sinceMs = fromMs - slackMs;
      if (last === null && now() - retentionMs > sinceMs) throw gone(sinceMs, retentionMs);
      const start =
        last === null
          ? ({ ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(sinceMs) } as const)
          : ({ ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: last.sequence } as const);
      const command = new GetShardIteratorCommand({ StreamName: stream, ShardId: shard, ...start });
      return (await client.send(command)).ShardIterator;
    };

    /** Reads a shard on, until a position or to where it ends now. Iterators live for five minutes, so each reading has its own. */
    const readOn = async (shard: string, until: Position | null): Promise<readonly StreamRecord[]> => {
      const found: StreamRecord[] = [];
      const isReached = () => until !== null && isRead(until);
      if (isReached()) return found;
      let iterator = await iteratorOf(shard);
      while (iterator !== undefined && !isFull()) {
        const answer = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
        const page = (answer.Records ?? []).flatMap((record) => toStreamRecords(shard, record));
        read.set(shard, page.at(-1)?.position ?? read.get(shard) ?? null);
        found.push(...page.filter(({ arrivalMs }) => arrivalMs >= fromMs));
        records += page.length;
        iterator = answer.MillisBehindLatest === 0 || isReached() ? undefined : answer.NextShardIterator;
        if (iterator !== undefined) await pause(restMs(answer.Records ?? []));
      }
      if (iterator !== undefined) cut.add(shard);
      return found;
    };

    return {
      async upTo(positions) {
        const until = new Map<string, Position>();
        for (const position of positions) {
          const known = until.get(position.shard);
          if (known === undefined || comparePositions(known, position) < 0) until.set(position.shard, position);
        }
        const found = await mapAtMost(SHARD_CONCURRENCY, [...until], ([shard, position]) => readOn(shard, position));
        return found.flat();
      },
      hasReached: (position) => !cut.has(position.shard) || isRead(position),
      async toTip() {
        const shards = await shardsSince(client, stream, fromMs - slackMs);
        const found = await mapAtMost(SHARD_CONCURRENCY, shards, (shard) => readOn(shard, null));
        if (cut.size > 0) throw tailTooLong(fromMs);
        return found.flat();
      },
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

function gone(sinceMs: number, retentionMs: number): TailGoneError {
  return new TailGoneError(
    `expected the stream's records from ${new Date(sinceMs).toISOString()} on, but it keeps them for ${retentionMs / 3_600_000} h only: ` +
      "ask for newer rows of the lake, with a later settledUntil",
  );
}

export function tailTooLong(fromMs: number): Error {
  return new Error(
    `the stream's tail from ${new Date(fromMs).toISOString()} on has more than the ${MOST_TAIL_RECORDS} records that one invocation reads: ` +
      "wait until more of it is in the lake, and ask for rows with a later settledUntil",
  );
}

export function bytesOf(records: readonly KinesisRecord[]): number {
  return records.reduce((sum, { Data }) => sum + (Data?.length ?? 0), 0);
}
