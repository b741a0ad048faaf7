/**
 * Reads one shard for a mapping and deals its records out to the lanes by partition key. The shard is polled on a beat of one second, but
 * only while there is something to read, so that an idle stream costs nothing in virtual time; while it is behind, batches follow back to back.
 */
import { createHash } from "node:crypto";
import type { Clock, Timer } from "../clock.ts";
import { toJson } from "../event-pattern.ts";
import type { Shard, StoredRecord } from "../kinesis/stream.ts";
import type { Lane } from "./lane.ts";
import { type RecordFormat, toEntry } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { MappingCounters } from "./stats.ts";

export interface ShardReaderOptions {
  readonly shard: Shard;
  /** Exclusive; null = trim horizon. */
  readonly after: string | null;
  readonly format: RecordFormat;
  readonly settings: MappingSettings;
  readonly clock: Clock;
  readonly counters: MappingCounters;
  readonly lanes: readonly Lane[];
}

export interface ShardReader {
  /** There may be something new: polls at the next beat. */
  wake(): void;
  /** Reads at once, as Lambda does while it is behind. */
  read(): void;
  caughtUp(): boolean;
  /** Ends open tumbling windows, whatever the time is. */
  closeWindows(): void;
  /** Nothing is left to read. */
  exhausted(): boolean;
  /** Closed, and all of it done: its children may begin. */
  finished(): boolean;
  stop(): void;
}

const beatMs = 1000;
/** Kinesis' limits of one GetRecords call. */
const readLimit = 10_000;
const readLimitBytes = 10 * 1024 * 1024;

export function createShardReader({
  shard,
  format,
  settings,
  clock,
  counters,
  lanes,
  after,
}: ShardReaderOptions): ShardReader {
  let cursor = after;
  let lastPollMs = clock.now() - beatMs;
  let timer: Timer | null = null;
  // With several lanes one of them may be full while others starve, hence the second batch of room.
  const roomInAll = settings.batchSize * (lanes.length === 1 ? 1 : 2 * lanes.length);

  const passes = (record: StoredRecord): boolean =>
    settings.filter === null || settings.filter(() => toJson(format.filterable(record)), record.data.toString());

  const read = (): void => {
    lastPollMs = clock.now();
    for (;;) {
      const room = roomInAll - lanes.reduce((sum, lane) => sum + lane.waiting(), 0);
      const records = room > 0 ? shard.read(cursor, Math.min(room, readLimit), readLimitBytes) : [];
      for (const record of records) {
        cursor = record.sequenceNumber;
        if (passes(record)) lanes[laneOf(record.partitionKey, lanes.length)]?.add(toEntry(record, format));
        else counters.filtered++;
      }
      counters.records += records.length;
      if (records.length === 0) break;
    }
    for (const lane of lanes) lane.pump();
  };
  const hasMore = (): boolean => shard.read(cursor, 1, 1).length > 0;
  const caughtUp = (): boolean => lanes.every((lane) => lane.idle()) && !hasMore();

  return {
    read,
    caughtUp,
    wake() {
      const beats = Math.max(1, Math.ceil((clock.now() - lastPollMs) / beatMs));
      timer ??= clock.at(lastPollMs + beats * beatMs, () => {
        timer = null;
        read();
      });
    },
    closeWindows() {
      for (const lane of lanes) lane.closeWindow();
    },
    exhausted: () => !hasMore(),
    finished: () => shard.closed && caughtUp(),
    stop() {
      if (timer !== null) clock.cancel(timer);
      for (const lane of lanes) lane.stop();
    },
  };
}

/** AWS does not publish how it assigns keys; all that counts is that a key stays in its lane. */
function laneOf(partitionKey: string, lanes: number): number {
  return lanes === 1 ? 0 : createHash("md5").update(partitionKey).digest().readUInt32BE(0) % lanes;
}
