/**
 * A Kinesis stream in memory: shards by ranges of the MD5 hash key, with lineage, limits and measures. Nothing here is random: the same calls at the
 * same clock times give the same stream.
 */
import { AwsError } from "../aws-error.ts";
import type { Clock } from "../clock.ts";
import { type Consumers, createConsumers } from "./consumers.ts";
import { createLineage } from "./lineage.ts";
import { createStreamMetrics, type ShardMetric, type StreamMetrics } from "./metrics.ts";
import { scaleOnDemand } from "./on-demand.ts";
import { checkRecord, hashKeyOf, type NewRecord } from "./record.ts";
import type { Shard } from "./shard.ts";
import { createShardLimits, noLimits, type Overload } from "./shard-limits.ts";

export type { NewRecord } from "./record.ts";
export type { Poll, Shard, StartingPosition, StoredRecord } from "./shard.ts";

export type StreamMode = "PROVISIONED" | "ON_DEMAND";

export interface StreamOptions {
  readonly name: string;
  readonly arn: string;
  readonly shardCount: number;
  readonly retentionHours: number;
  readonly clock: Clock;
  /** AWS's `MaxRecordSizeInKiB`; 1,024 by default. */
  readonly maxRecordSizeKiB?: number;
  /** PROVISIONED by default. */
  readonly mode?: StreamMode;
  /** None by default. It is told to who asks; nothing here is encrypted. */
  readonly encryption?: StreamEncryption | null;
  /** The metrics that CloudWatch has by shard; none by default. */
  readonly monitored?: readonly ShardMetric[];
  /** Whether shards have AWS's limits of throughput; none by default. */
  readonly limits?: boolean;
}

/** By KMS. */
export interface StreamEncryption {
  readonly keyId: string;
}

export interface Put {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

/** The mutable properties are settings, which take effect at once. Those of an object that wraps a stream are the wrapper's own. */
export interface Stream {
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
  readonly metrics: StreamMetrics;
  readonly consumers: Consumers;
  mode: StreamMode;
  encryption: StreamEncryption | null;
  maxRecordSizeBytes: number;
  retentionHours: number;
  /** The metrics that CloudWatch has by shard. */
  monitored: readonly ShardMetric[];
  /** In the order of their creation, closed ones too. */
  shards(): readonly Shard[];
  /** Throws an AwsError when the record is not one that Kinesis takes, or when its shard is at its limit and `overload` says `refuse`, as it does by default. */
  put(record: NewRecord, overload?: Overload): Put;
  /** Whether a GetShardIterator call for that shard is answered now. */
  takesIterator(shardId: string, overload: Overload): boolean;
  /** Closes the shard and opens two; the second begins at the given hash key. Returns the children. */
  split(shardId: string, newStartingHashKey: bigint): readonly Shard[];
  /** Closes two shards whose ranges touch and opens one. */
  merge(shardId: string, adjacentShardId: string): Shard;
  /** Splits and merges until that many open shards share the hash keys evenly. */
  scaleTo(shardCount: number): void;
  /** Calls the listener after each put, with the shard's id; returns what ends that. */
  onPut(listener: (shardId: string) => void): () => void;
  /** Calls the listener after a shard was closed by a split or merge, when its children are there; returns what ends that. */
  onClose(listener: (shardId: string) => void): () => void;
}

const hourMs = 3_600_000;

export function createStream(options: StreamOptions): Stream {
  const { name, arn, clock } = options;
  const listeners = new Set<(shardId: string) => void>();
  const closeListeners = new Set<(shardId: string) => void>();
  const metrics = createStreamMetrics();
  const lineage = createLineage({
    streamName: name,
    shardCount: options.shardCount,
    now: clock.now,
    retentionMs: () => stream.retentionHours * hourMs,
    metrics,
    onClose(shardId) {
      for (const listener of closeListeners) listener(shardId);
    },
    newLimits: () => (options.limits === true ? createShardLimits(clock.now) : noLimits),
  });

  const stream: Stream = {
    name,
    arn,
    createdMs: clock.now(),
    metrics,
    consumers: createConsumers({
      streamName: name,
      streamArn: arn,
      clock,
      limited: options.limits === true,
      metrics,
      onChange(listener) {
        const ends = [stream.onPut(listener), stream.onClose(listener)];
        return () => {
          for (const end of ends) end();
        };
      },
    }),
    mode: options.mode ?? "PROVISIONED",
    encryption: options.encryption ?? null,
    maxRecordSizeBytes: (options.maxRecordSizeKiB ?? 1024) * 1024,
    retentionHours: options.retentionHours,
    monitored: options.monitored ?? [],
    shards: lineage.shards,
    put(record, overload = "refuse") {
      checkRecord(record, stream.maxRecordSizeBytes);
      const shard = lineage.shardFor(hashKeyOf(record));
      const sizeBytes = record.data.length + Buffer.byteLength(record.partitionKey);
      if (!shard.limits.takesWrite(sizeBytes, overload)) {
        metrics.add("WriteProvisionedThroughputExceeded", shard.id, 1);
        throw rateExceeded(stream, shard.id);
      }
      const { sequenceNumber } = shard.append(record.partitionKey, asBuffer(record.data));
      metrics.add("IncomingBytes", shard.id, sizeBytes);
      metrics.add("IncomingRecords", shard.id, 1);
      for (const listener of listeners) listener(shard.id);
      return { shardId: shard.id, sequenceNumber };
    },
    takesIterator: (shardId, overload) =>
      lineage
        .shards()
        .find(({ id }) => id === shardId)
        ?.limits.takesIterator(overload) ?? true,
    split: lineage.split,
    merge: lineage.merge,
    scaleTo: lineage.scaleTo,
    onPut(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onClose(listener) {
      closeListeners.add(listener);
      return () => void closeListeners.delete(listener);
    },
  };
  scaleOnDemand(stream, clock);
  return stream;
}

export function rateExceeded({ name, arn }: Pick<Stream, "name" | "arn">, shardId: string): AwsError {
  const account = arn.split(":")[4];
  return new AwsError(
    "ProvisionedThroughputExceededException",
    `Rate exceeded for shard ${shardId} in stream ${name} under account ${account}.`,
  );
}

function asBuffer(data: Uint8Array): Buffer {
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
