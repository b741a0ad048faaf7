/**
 * Reads one shard for a mapping and deals its records out to the lanes by partition key. A shared reader polls on a beat, but only while there is
 * something to read, so that an idle stream costs nothing in virtual time; while it is behind, batches follow back to back. To a consumer with
 * enhanced fan-out records are pushed: there is no beat, and what others read does not matter.
 */
import { createHash } from "node:crypto";
import { AwsError } from "../aws-error.ts";
import type { Clock, Timer } from "../clock.ts";
import { toJson } from "../event-pattern.ts";
import type { Consumer } from "../kinesis/consumers.ts";
import type { Subscription } from "../kinesis/fan-out.ts";
import type { Shard, StoredRecord } from "../kinesis/stream.ts";
import { innerRecords } from "./inner-records.ts";
import type { Lane } from "./lane.ts";
import { type RecordFormat, toEntry } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { MappingCounters } from "./stats.ts";

export interface ShardReaderOptions {
  readonly shard: Shard;
  /** Exclusive; null = trim horizon. */
  readonly after: string | null;
  /** With enhanced fan-out. */
  readonly consumer: Consumer | null;
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
  /** An invocation is running. */
  busy(): boolean;
  /** Ends open tumbling windows, whatever the time is. */
  closeWindows(): void;
  /** Nothing is left to read. */
  exhausted(): boolean;
  /** Closed, and all of it done: its children may begin. */
  finished(): boolean;
  pause(): void;
  resume(): void;
  stop(): void;
}

const beatsMs = { kinesis: 1000, dynamodb: 250 };
/**
 * A shard answers five reads a second in all: a refused one is worth another try after this, more or less. If all readers waited alike, the
 * same one would come first each time.
 */
const refusedMs = { least: 100, span: 200 };
/** When somebody else has taken the subscription over: the earliest at which it can be taken back. */
const takenMs = 5000;

export function createShardReader(options: ShardReaderOptions): ShardReader {
  const { shard, consumer, format, settings, clock, counters, lanes } = options;
  const beatMs = consumer === null ? beatsMs[settings.source] : 0;
  let cursor = options.after;
  let fetched: readonly StoredRecord[] = [];
  let lastPollMs = clock.now() - beatMs;
  let timer: Timer | null = null;
  let paused = false;
  // Then the next read is that of the next beat: batches follow back to back only while the reader is behind.
  let atTip = false;
  let refusals = 0;
  let subscription: Subscription | null = null;
  // With several lanes one of them may be full while others starve, hence the second batch of room.
  const roomInAll = settings.batchSize * (lanes.length === 1 ? 1 : 2 * lanes.length);

  const passes = (record: StoredRecord): boolean =>
    settings.filter === null || settings.filter(() => toJson(format.filterable(record)), record.data.toString());
  const room = (): number => roomInAll - lanes.reduce((sum, lane) => sum + lane.waiting(), 0);

  const deal = (records: readonly StoredRecord[]): void => {
    for (const record of records) {
      if (passes(record)) lanes[laneOf(record.partitionKey, lanes.length)]?.add(toEntry(record, format));
      else counters.filtered++;
    }
  };
  const take = (records: readonly StoredRecord[]): void => {
    cursor = records.at(-1)?.sequenceNumber ?? cursor;
    const inner = consumer === null ? records : records.flatMap((record) => innerRecords(record, shard.hashRange));
    const kept = inner.filter((record) => record !== null);
    fetched = fetched.length === 0 ? kept : [...fetched, ...kept];
    counters.records += inner.length;
    counters.lost += inner.length - kept.length;
  };
  /** False when there is nothing, or nothing now. */
  const fetch = (): boolean => {
    if (consumer !== null || atTip) return false;
    lastPollMs = clock.now();
    const polled = shard.poll(cursor);
    if (polled === null) at(clock.now() + refusalMs(settings.logicalId, shard.id, refusals++));
    else take(polled.records);
    if (polled !== null) atTip = polled.behindMs === null;
    return (polled?.records.length ?? 0) > 0;
  };
  const subscribe = (of: Consumer): void => {
    if (paused || subscription !== null || (shard.closed && !hasMore())) return;
    const position = cursor === null ? ({ kind: "TRIM_HORIZON" } as const) : afterNumber(cursor);
    const again = (): void => {
      subscription = null;
      clock.at(clock.now() + takenMs, () => subscribe(of));
    };
    try {
      subscription = of.subscribe({
        shard,
        position,
        onPush({ records }) {
          take(records);
          read();
        },
        onEnd: (error) => error !== null && again(),
      });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      again();
    }
  };

  const read = (): void => {
    if (paused) return;
    for (let free = room(); free > 0; free = room()) {
      if (fetched.length === 0 && !fetch()) break;
      deal(fetched.slice(0, free));
      fetched = fetched.slice(free);
    }
    for (const lane of lanes) lane.pump();
  };
  const at = (atMs: number): void => {
    timer ??= clock.at(atMs, () => {
      timer = null;
      atTip = false;
      read();
    });
  };
  const hasMore = (): boolean => fetched.length > 0 || shard.read(cursor, 1, 1).length > 0;
  const caughtUp = (): boolean => lanes.every((lane) => lane.idle()) && !hasMore();
  const unsubscribe = (): void => {
    subscription?.stop();
    subscription = null;
  };
  const cancel = (): void => {
    if (timer !== null) clock.cancel(timer);
    timer = null;
  };

  return {
    read,
    caughtUp,
    wake() {
      if (paused) return;
      if (consumer !== null) subscribe(consumer);
      const beats = beatMs === 0 ? 0 : Math.max(1, Math.ceil((clock.now() - lastPollMs) / beatMs));
      at(Math.max(clock.now(), lastPollMs + beats * beatMs));
    },
    busy: () => lanes.some((lane) => lane.busy()),
    closeWindows() {
      for (const lane of lanes) lane.closeWindow();
    },
    exhausted: () => !hasMore(),
    finished: () => shard.closed && caughtUp(),
    pause() {
      paused = true;
      cancel();
      unsubscribe();
      for (const lane of lanes) lane.pause();
    },
    resume() {
      paused = false;
      for (const lane of lanes) lane.resume();
    },
    stop() {
      paused = true;
      cancel();
      unsubscribe();
      for (const lane of lanes) lane.stop();
    },
  };
}

function afterNumber(sequenceNumber: string) {
  return { kind: "AFTER_SEQUENCE_NUMBER", sequenceNumber } as const;
}

/** By chance, but the same in every run. */
function refusalMs(...of: readonly (string | number)[]): number {
  const chance = createHash("md5").update(of.join(" ")).digest().readUInt32BE(0) / 2 ** 32;
  return Math.round(refusedMs.least + chance * refusedMs.span);
}

/** AWS does not publish how it assigns keys; all that counts is that a key stays in its lane. */
function laneOf(partitionKey: string, lanes: number): number {
  return lanes === 1 ? 0 : createHash("md5").update(partitionKey).digest().readUInt32BE(0) % lanes;
}
