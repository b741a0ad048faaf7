import type { Clock, Timer } from "../clock.ts";
import type { Overload } from "../kinesis/shard-limits.ts";
import type { Shard, StoredRecord, Stream } from "../kinesis/stream.ts";
import { deaggregate } from "./kpl.ts";
import { oldest } from "./retry-queue.ts";
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
  /** Of the records that are not read; null when there is none. */
  oldestArrivalMs(): number | null;
  stop(): void;
}

const READ_INTERVAL_MS = 1000;

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
  onPoll,
}: {
  stream: Stream;
  clock: Clock;
  onRecord: (shardId: string, record: SourceRecord) => void;
  /** How far behind a read was; null when Kinesis refused it. */
  onPoll: (behindMs: number | null) => void;
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

  /** A read that is refused, because the shard's readers share what it gives, is repeated at the next beat. */
  const read = (shard: Shard, overload: Overload): void => {
    const cursor = cursorOf(shard.id);
    cursor.lastReadMs = clock.now();
    if (!parentsRead(shard)) return;
    const poll = shard.poll(cursor.after, { overload });
    onPoll(poll === null ? null : (poll.behindMs ?? 0));
    for (const stored of poll?.records ?? []) {
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
      read(shard, "refuse");
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
        while (unread(shard)) read(shard, "lend");
      }
    },
    idle: () => !stream.shards().some(unread),
    oldestArrivalMs: () =>
      oldest(stream.shards().map((shard) => shard.read(cursorOf(shard.id).after, 1, 1)[0]?.arrivalMs ?? null)),
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
