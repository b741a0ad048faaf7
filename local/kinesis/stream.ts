/**
 * A Kinesis stream in memory: shards by ranges of the MD5 hash key, with lineage. Limits of throughput are not simulated. Nothing here is random:
 * the same calls at the same clock times give the same stream.
 */
import { AwsError } from "../aws-error.ts";
import type { Clock } from "../clock.ts";
import { checkRecord, greatestHashKey, hashKeyOf, type NewRecord, toHex } from "./record.ts";
import { createShard, type HashRange, type Shard, type ShardLog } from "./shard.ts";

export type { NewRecord } from "./record.ts";
export type { Shard, StartingPosition, StoredRecord } from "./shard.ts";

export type StreamMode = "PROVISIONED" | "ON_DEMAND";

export interface StreamOptions {
  readonly name: string;
  readonly arn: string;
  readonly shardCount: number;
  readonly retentionHours: number;
  readonly clock: Pick<Clock, "now">;
  /** AWS's `MaxRecordSizeInKiB`; 1,024 by default. */
  readonly maxRecordSizeKiB?: number;
  /** PROVISIONED by default. It is told to who asks; the number of shards follows calls only. */
  readonly mode?: StreamMode;
  /** None by default. It is told to who asks; nothing here is encrypted. */
  readonly encryption?: StreamEncryption | null;
}

/** By KMS. */
export interface StreamEncryption {
  readonly keyId: string;
}

export interface Put {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

export interface Stream {
  readonly name: string;
  readonly arn: string;
  readonly mode: StreamMode;
  readonly encryption: StreamEncryption | null;
  readonly createdMs: number;
  readonly maxRecordSizeBytes: number;
  retentionHours: number;
  /** In the order of their creation, closed ones too. */
  shards(): readonly Shard[];
  /** Throws an AwsError when the record is not one that Kinesis takes. */
  put(record: NewRecord): Put;
  /** Closes the shard and opens two; the second begins at the given hash key. Returns the children. */
  split(shardId: string, newStartingHashKey: bigint): readonly Shard[];
  /** Closes two shards whose ranges touch and opens one. */
  merge(shardId: string, adjacentShardId: string): Shard;
  /** Calls the listener after each put, with the shard's id; returns what ends that. */
  onPut(listener: (shardId: string) => void): () => void;
}

const hourMs = 3_600_000;

export function createStream(options: StreamOptions): Stream {
  const { name, arn, clock } = options;
  const maxRecordSizeBytes = (options.maxRecordSizeKiB ?? 1024) * 1024;
  const shards: ShardLog[] = [];
  const listeners = new Set<(shardId: string) => void>();
  let open: readonly { readonly startHex: string; readonly shard: ShardLog }[] = [];

  const openShard = (hashRange: HashRange, parents: readonly ShardLog[]): ShardLog => {
    const shard = createShard({
      index: shards.length,
      parentIds: parents.map((parent) => parent.id),
      hashRange,
      now: clock.now,
      retentionMs: () => stream.retentionHours * hourMs,
    });
    for (const parent of parents) parent.close();
    shards.push(shard);
    return shard;
  };
  const reopen = (): void => {
    open = shards
      .filter((shard) => !shard.closed)
      .map((shard) => ({ startHex: toHex(shard.hashRange.start), shard }))
      .sort((a, b) => (a.startHex < b.startHex ? -1 : 1));
  };
  const openShardOf = (shardId: string): ShardLog => {
    const shard = shards.find(({ id }) => id === shardId);
    if (shard === undefined) {
      throw new AwsError("ResourceNotFoundException", `Could not find shard ${shardId} in stream ${name}.`);
    }
    if (shard.closed) {
      throw new AwsError(
        "InvalidArgumentException",
        `Shard ${shardId} in stream ${name} is closed: expected an open shard.`,
      );
    }
    return shard;
  };

  const stream: Stream = {
    name,
    arn,
    mode: options.mode ?? "PROVISIONED",
    encryption: options.encryption ?? null,
    createdMs: clock.now(),
    maxRecordSizeBytes,
    retentionHours: options.retentionHours,
    shards: () => shards,
    put(record) {
      checkRecord(record, maxRecordSizeBytes);
      const hashKey = hashKeyOf(record);
      const { shard } = open.findLast(({ startHex }) => startHex <= hashKey) as { shard: ShardLog };
      const { sequenceNumber } = shard.append(record.partitionKey, asBuffer(record.data));
      for (const listener of listeners) listener(shard.id);
      return { shardId: shard.id, sequenceNumber };
    },
    split(shardId, newStartingHashKey) {
      const parent = openShardOf(shardId);
      const { start, end } = parent.hashRange;
      if (newStartingHashKey <= start + 1n || newStartingHashKey >= end) {
        throw new AwsError(
          "InvalidArgumentException",
          `NewStartingHashKey ${newStartingHashKey} used in SplitShard() on shard ${shardId} in stream ${name} is not both greater than one plus the shard's StartingHashKey ${start} and less than the shard's EndingHashKey ${end}.`,
        );
      }
      const children = [
        openShard({ start, end: newStartingHashKey - 1n }, [parent]),
        openShard({ start: newStartingHashKey, end }, [parent]),
      ];
      reopen();
      return children;
    },
    merge(shardId, adjacentShardId) {
      const parents = [openShardOf(shardId), openShardOf(adjacentShardId)];
      const [low, high] = parents.map(({ hashRange }) => hashRange).sort((a, b) => (a.start < b.start ? -1 : 1)) as [
        HashRange,
        HashRange,
      ];
      if (low.end + 1n !== high.start) {
        throw new AwsError(
          "InvalidArgumentException",
          `Shards ${shardId} and ${adjacentShardId} in stream ${name} are not an adjacent pair of shards eligible for merging.`,
        );
      }
      const child = openShard({ start: low.start, end: high.end }, parents);
      reopen();
      return child;
    },
    onPut(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };

  for (const range of evenRanges(options.shardCount)) openShard(range, []);
  reopen();
  return stream;
}

/** As AWS cuts them: equal widths, rounded down, and the last range takes the rest. */
function evenRanges(count: number): readonly HashRange[] {
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`Expected a stream of at least one shard, got ${count} shards.`);
  const width = (greatestHashKey + 1n) / BigInt(count);
  return Array.from({ length: count }, (_, at) => ({
    start: BigInt(at) * width,
    end: at === count - 1 ? greatestHashKey : BigInt(at + 1) * width - 1n,
  }));
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
