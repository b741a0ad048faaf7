/**
 * What a stream measures of itself (D4), by shard where Kinesis knows the shard. CloudWatch shows the shard level only where enhanced
 * monitoring is on; the stream level is the same figures over all shards, some under another name.
 */

/** By shard: what EnableEnhancedMonitoring can switch on. */
export const shardMetrics = [
  "IncomingBytes",
  "IncomingRecords",
  "OutgoingBytes",
  "OutgoingRecords",
  "WriteProvisionedThroughputExceeded",
  "ReadProvisionedThroughputExceeded",
  "IteratorAgeMilliseconds",
] as const;
export type ShardMetric = (typeof shardMetrics)[number];

/** Of calls and consumers. Those of SubscribeToShard have a consumer on AWS; here they are the stream's. */
export type StreamMetric =
  | "PutRecord.Success"
  | "PutRecords.TotalRecords"
  | "PutRecords.SuccessfulRecords"
  | "PutRecords.FailedRecords"
  | "PutRecords.ThrottledRecords"
  | "SubscribeToShard.RateExceeded"
  | "SubscribeToShard.Success"
  | "SubscribeToShardEvent.Bytes"
  | "SubscribeToShardEvent.MillisBehindLatest"
  | "SubscribeToShardEvent.Records";

/** Under which name the stream level has a figure of the shard level. */
export const streamLevelName: Readonly<Record<ShardMetric, string>> = {
  IncomingBytes: "IncomingBytes",
  IncomingRecords: "IncomingRecords",
  OutgoingBytes: "GetRecords.Bytes",
  OutgoingRecords: "GetRecords.Records",
  WriteProvisionedThroughputExceeded: "WriteProvisionedThroughputExceeded",
  ReadProvisionedThroughputExceeded: "ReadProvisionedThroughputExceeded",
  IteratorAgeMilliseconds: "GetRecords.IteratorAgeMilliseconds",
};

export interface Measure {
  readonly metric: ShardMetric | StreamMetric;
  /** Null for what has no shard. */
  readonly shardId: string | null;
  readonly value: number;
}

/** All measures of one metric since the stream exists. */
export interface Total {
  readonly metric: ShardMetric | StreamMetric;
  readonly shardId: string | null;
  readonly sum: number;
  readonly count: number;
  readonly greatest: number;
}

export interface StreamMetrics {
  add(metric: ShardMetric, shardId: string, value: number): void;
  add(metric: StreamMetric, shardId: null, value: number): void;
  totals(): readonly Total[];
  /** The sum over all shards; 0 when nothing was measured. */
  sum(metric: ShardMetric | StreamMetric): number;
  /** Calls the listener with each measure; returns what ends that. */
  onMeasure(listener: (measure: Measure) => void): () => void;
}

export function createStreamMetrics(): StreamMetrics {
  // Two levels of maps and no key made of both, since every record put comes by here.
  const byShard = new Map<string | null, Map<string, Mutable<Total>>>();
  const listeners = new Set<(measure: Measure) => void>();
  const totals = (): readonly Total[] => [...byShard.values()].flatMap((metrics) => [...metrics.values()]);
  return {
    add(metric: ShardMetric | StreamMetric, shardId: string | null, value: number) {
      const metrics = byShard.get(shardId) ?? new Map<string, Mutable<Total>>();
      const total = metrics.get(metric) ?? { metric, shardId, sum: 0, count: 0, greatest: value };
      if (total.count === 0) byShard.set(shardId, metrics.set(metric, total));
      total.sum += value;
      total.count++;
      if (value > total.greatest) total.greatest = value;
      for (const listener of listeners) listener({ metric, shardId, value });
    },
    totals: () => totals().map((total) => ({ ...total })),
    sum: (wanted) => totals().reduce((sum, { metric, sum: its }) => (metric === wanted ? sum + its : sum), 0),
    onMeasure(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
