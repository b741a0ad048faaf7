import type { Clock, Timer } from "../clock.ts";
import type { Shard, StoredRecord, Stream } from "../kinesis/stream.ts";
import { deaggregate } from "./kpl.ts";
import type { SourceRecord } from "./source-record.ts";

/**
 * Reads a Kinesis stream as Firehose does: each shard at most once per second, from LATEST (records put before the delivery stream
 * existed are not delivered), the shards of a reshard from their beginning and after their parents, KPL records taken apart.
 * A read is scheduled only when a record waits for it, so that virtual time does not stop at every second.
 */
export interface ShardReader {
  /** Reads everything now. */
  readAll(): void;
  idle(): boolean;
  stop(): void;
}

const READ_INTERVAL_MS = 1000;
const READ_MAX_RECORDS = 10_000;
const READ_MAX_BYTES = 10 * 1024 * 1024;

interface Cursor {
  after: string | null;
  lastReadMs: number;
  timer: Timer | null;
  /** All its ancestors are read. That stays so: a parent is closed. */
  ready: boolean;
}

export function createShardReader({
  stream,
  clock,
  onRecord,
}: {
  stream: Stream;
  clock: Clock;
  onRecord: (shardId: string, record: SourceRecord) => void;
}): ShardReader {
  const startedMs = clock.now();
  const cursors = new Map<string, Cursor>();
  for (const shard of stream.shards()) cursors.set(shard.id, newCursor(shard.startOf({ kind: "LATEST" })));

  const cursorOf = (shardId: string): Cursor => {
    const cursor = cursors.get(shardId) ?? newCursor(null);
    cursors.set(shardId, cursor);
    return cursor;
  };
  const known = new Map<string, Shard>();
  const shardOf = (shardId: string): Shard | undefined => {
    for (const shard of stream.shards().slice(known.size)) known.set(shard.id, shard);
    return known.get(shardId);
  };
  const unread = (shard: Shard): boolean => shard.read(cursorOf(shard.id).after, 1, 1).length > 0;
  // Remembered, because a lineage of splits and merges has exponentially many paths.
  const parentsRead = (shard: Shard): boolean => {
    const cursor = cursorOf(shard.id);
    cursor.ready ||= shard.parentIds.every((id) => {
      const parent = shardOf(id);
      return parent === undefined || (!unread(parent) && parentsRead(parent));
    });
    return cursor.ready;
  };

  const read = (shard: Shard): void => {
    const cursor = cursorOf(shard.id);
    cursor.lastReadMs = clock.now();
    if (!parentsRead(shard)) return;
    for (const stored of shard.read(cursor.after, READ_MAX_RECORDS, READ_MAX_BYTES)) {
      cursor.after = stored.sequenceNumber;
      for (const record of toSourceRecords(shard.id, stored)) onRecord(shard.id, record);
    }
  };
  const schedule = (shard: Shard): void => {
    const cursor = cursorOf(shard.id);
    if (cursor.timer !== null) return;
    const earliestMs = Math.max(clock.now(), cursor.lastReadMs + 1);
    const ticks = Math.ceil((earliestMs - startedMs) / READ_INTERVAL_MS);
    cursor.timer = clock.at(startedMs + ticks * READ_INTERVAL_MS, () => {
      cursor.timer = null;
      read(shard);
      if (unread(shard)) schedule(shard);
    });
  };
  const stopListening = stream.onPut((shardId) => {
    const shard = cursors.get(shardId)?.timer ? undefined : shardOf(shardId);
    if (shard !== undefined) schedule(shard);
  });

  return {
    readAll() {
      // Shards stand in the order of their creation, so parents come before children.
      for (const shard of stream.shards()) {
        while (unread(shard)) read(shard);
      }
    },
    idle: () => !stream.shards().some(unread),
    stop() {
      stopListening();
      for (const cursor of cursors.values()) {
        if (cursor.timer !== null) clock.cancel(cursor.timer);
        cursor.timer = null;
      }
    },
  };
}

function newCursor(after: string | null): Cursor {
  return { after, lastReadMs: Number.NEGATIVE_INFINITY, timer: null, ready: false };
}

function toSourceRecords(shardId: string, stored: StoredRecord): SourceRecord[] {
  const { sequenceNumber, arrivalMs } = stored;
  return deaggregate(stored.partitionKey, stored.data).map(({ partitionKey, data, subSequenceNumber }) => ({
    // As in observed events: the sequence number, then the sub-sequence with six digits.
    recordId: `${sequenceNumber}${String(subSequenceNumber).padStart(6, "0")}`,
    arrivalMs,
    data,
    kinesis: { shardId, sequenceNumber, subSequenceNumber, partitionKey },
  }));
}
