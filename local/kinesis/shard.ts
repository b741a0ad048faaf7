/** One shard: a log of records that only grows at the end and is trimmed at the start. */
import type { StreamMetrics } from "./metrics.ts";
import { type SequenceSpace, sequenceSpace } from "./sequence.ts";
import type { Overload, ShardLimits } from "./shard-limits.ts";

export interface StoredRecord {
  readonly partitionKey: string;
  readonly sequenceNumber: string;
  readonly data: Buffer;
  readonly arrivalMs: number;
}

/** Both ends belong to the range. */
export interface HashRange {
  readonly start: bigint;
  readonly end: bigint;
}

export type StartingPosition =
  | { readonly kind: "TRIM_HORIZON" | "LATEST" }
  | { readonly kind: "AT_TIMESTAMP"; readonly timestampMs: number }
  | { readonly kind: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string };

/** What a GetRecords call gives. */
export interface Poll {
  readonly records: readonly StoredRecord[];
  /** Where the next call goes on: the sequence number to read after. */
  readonly after: string | null;
  /** How long the next record has been waiting; null when there is none yet. */
  readonly behindMs: number | null;
}

export interface PollOptions {
  /** 10,000 by default and at most. */
  readonly limit?: number;
  /** `refuse` by default. */
  readonly overload?: Overload;
}

export interface Shard {
  readonly id: string;
  readonly parentIds: readonly string[];
  /** A closed shard takes no more records; its children have their own. */
  readonly closed: boolean;
  readonly hashRange: HashRange;
  readonly openedMs: number;
  /** Null while the shard is open. */
  readonly closedMs: number | null;
  readonly startingSequenceNumber: string;
  /** Null while the shard is open. */
  readonly endingSequenceNumber: string | null;
  /**
   * The records after a sequence number (exclusive; null = trim horizon), at most `limit` of them and `maxBytes` of data, but one record at
   * least, so that a large one cannot stop a reader. This is the log itself: no limit counts it.
   */
  read(after: string | null, limit: number, maxBytes: number): readonly StoredRecord[];
  /** Reads as GetRecords does, from what all readers without fan-out of their own share; null when that is used up for now. */
  poll(after: string | null, options?: PollOptions): Poll | null;
  /** The sequence number to read after, so as to begin at that position; null = trim horizon. */
  startOf(position: StartingPosition): string | null;
}

export interface ShardLog extends Shard {
  readonly limits: ShardLimits;
  append(partitionKey: string, data: Buffer): StoredRecord;
  close(): void;
}

export interface ShardOptions {
  readonly index: number;
  readonly parentIds: readonly string[];
  readonly hashRange: HashRange;
  readonly now: () => number;
  readonly retentionMs: () => number;
  readonly limits: ShardLimits;
  readonly metrics: StreamMetrics;
}

export const recordsPerPoll = 10_000;
export const bytesPerPoll = 10 * 1024 * 1024;

export function createShard(options: ShardOptions): ShardLog {
  const { index, parentIds, hashRange, now, retentionMs, limits } = options;
  const sequence: SequenceSpace = sequenceSpace(index);
  // The record of counter c is records[c - trimmed - 1]; the first `expired` of them are already beyond retention.
  const records: StoredRecord[] = [];
  let trimmed = 0;
  let expired = 0;
  let closing: { readonly sequenceNumber: string; readonly atMs: number } | null = null;

  const trim = (): void => {
    const horizonMs = now() - retentionMs();
    for (let first = records[expired]; first !== undefined && first.arrivalMs < horizonMs; first = records[expired])
      expired++;
    // Cutting the array only when half of it is dead makes trimming cost O(1) per record.
    if (expired * 2 <= records.length) return;
    records.splice(0, expired);
    trimmed += expired;
    expired = 0;
  };
  const lastCounter = (): number => trimmed + records.length;
  const indexAfter = (after: string | null): number =>
    after === null ? expired : Math.max(expired, Math.min(sequence.counterOf(after) - trimmed, records.length));

  const shard: ShardLog = {
    id: shardId(index),
    parentIds,
    hashRange,
    limits,
    startingSequenceNumber: sequence.numberOf(0),
    get closed() {
      return closing !== null;
    },
    get endingSequenceNumber() {
      return closing?.sequenceNumber ?? null;
    },
    openedMs: now(),
    get closedMs() {
      return closing?.atMs ?? null;
    },
    append(partitionKey, data) {
      trim();
      const record = { partitionKey, sequenceNumber: sequence.numberOf(lastCounter() + 1), data, arrivalMs: now() };
      records.push(record);
      return record;
    },
    close() {
      closing = { sequenceNumber: sequence.numberOf(lastCounter() + 1), atMs: now() };
    },
    read(after, limit, maxBytes) {
      trim();
      const start = indexAfter(after);
      return records.slice(start, endOfRead(records, start, limit, maxBytes));
    },
    poll: (after, asked) => poll(shard, after, asked ?? {}, options),
    startOf(position) {
      trim();
      switch (position.kind) {
        case "TRIM_HORIZON":
          return null;
        case "LATEST":
          return sequence.numberOf(lastCounter());
        case "AFTER_SEQUENCE_NUMBER":
          return position.sequenceNumber;
        case "AT_SEQUENCE_NUMBER":
          return before(position.sequenceNumber);
        case "AT_TIMESTAMP": {
          const found = records.findIndex((record, at) => at >= expired && record.arrivalMs >= position.timestampMs);
          return sequence.numberOf(found === -1 ? lastCounter() : trimmed + found);
        }
      }
    },
  };
  return shard;
}

function poll(
  shard: ShardLog,
  after: string | null,
  { limit = recordsPerPoll, overload = "refuse" }: PollOptions,
  { limits, metrics, now }: ShardOptions,
): Poll | null {
  if (!limits.takesRead(overload)) {
    metrics.add("ReadProvisionedThroughputExceeded", shard.id, 1);
    return null;
  }
  const records = shard.read(after, limit, bytesPerPoll);
  const sizeBytes = records.reduce((sum, { data }) => sum + data.length, 0);
  limits.gave(sizeBytes);
  const end = records.at(-1)?.sequenceNumber ?? after;
  const [next] = shard.read(end, 1, 0);
  const behindMs = next === undefined ? null : Math.max(0, now() - next.arrivalMs);
  metrics.add("OutgoingBytes", shard.id, sizeBytes);
  metrics.add("OutgoingRecords", shard.id, records.length);
  metrics.add("IteratorAgeMilliseconds", shard.id, behindMs ?? 0);
  return { records, after: end, behindMs };
}

export function shardId(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

function before(sequenceNumber: string): string | null {
  const number = BigInt(sequenceNumber);
  return number === 0n ? null : String(number - 1n);
}

function endOfRead(records: readonly StoredRecord[], start: number, limit: number, maxBytes: number): number {
  let end = start;
  let sizeBytes = 0;
  for (let next = records[end]; next !== undefined && end - start < limit; next = records[end]) {
    sizeBytes += next.data.length;
    if (sizeBytes > maxBytes && end > start) break;
    end++;
  }
  return end;
}
