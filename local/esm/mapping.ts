/** An event source mapping of a stream, Kinesis' or a table's: reads every shard of a stream, parents before children, and invokes a function with batches. */
import type { Clock } from "../clock.ts";
import type { Shard, Stream } from "../kinesis/stream.ts";
import type { FunctionHost } from "../lambda/host.ts";
import { mappingId } from "../template/identity.ts";
import { changeFormat } from "./change-format.ts";
import { createDestination, type Destinations } from "./destination.ts";
import { kinesisFormat } from "./kinesis-format.ts";
import { createLane } from "./lane.ts";
import { envelopeBytes, type RecordFormat, toPayload } from "./records.ts";
import type { MappingSettings, Settings } from "./settings.ts";
import { createShardReader, type ShardReader } from "./shard-reader.ts";
import { createCounters, type MappingCounters, type MappingStats } from "./stats.ts";

export interface MappingOptions {
  readonly settings: MappingSettings;
  readonly functionName: string;
  readonly functionArn: string;
  readonly region: string;
  readonly stream: Stream;
  readonly clock: Clock;
  readonly destinations: Destinations;
  readonly invoke: FunctionHost["invoke"];
  readonly seed: number;
  /** Its own by default; a runtime gives some that CloudWatch hears of. */
  readonly counters?: MappingCounters;
  readonly log: (line: string) => void;
}

export interface Mapping {
  readonly logicalId: string;
  readonly id: string;
  readonly functionArn: string;
  readonly settings: Settings;
  /** Nothing is left to read, to run or to retry. */
  caughtUp(): boolean;
  /** Ends open tumbling windows, whatever the time is. */
  closeWindows(): void;
  enabled(): boolean;
  /** When it was last paused or resumed, or created. */
  changedMs(): number;
  lastResult(): string;
  /** Paused, nothing is begun any more; a running invocation still counts. It goes on from where it was. */
  setEnabled(enabled: boolean): void;
  stats(): MappingStats;
  stop(): void;
}

/** Lambda's words for how the last invocation went. */
export const processingResults = {
  none: "No records processed",
  ok: "OK",
  failed: "PROBLEM: Function call failed",
} as const;

export function createMapping(options: MappingOptions): Mapping {
  const { settings, stream, clock, functionArn, counters = createCounters() } = options;
  const id = mappingId(settings.logicalId);
  const readers = new Map<string, ShardReader>();
  // The starting position is for the shards that exist when reading begins; those born later are read from their beginning.
  let starts: ReadonlyMap<string, string | null> | null = null;
  let enabled = false;
  let changedMs = clock.now();
  let lastResult: string = processingResults.none;

  const startReady = (): void => {
    for (const shard of stream.shards()) {
      if (readers.has(shard.id) || !shard.parentIds.every(isFinished)) continue;
      const reader = startReader(shard);
      readers.set(shard.id, reader);
      reader.wake();
    }
  };
  /** A parent that is no longer listed has left the stream. */
  const isFinished = (shardId: string): boolean =>
    readers.get(shardId)?.finished() ?? !stream.shards().some((shard) => shard.id === shardId);

  const startReader = (shard: Shard): ShardReader => {
    const format = formatOf(shard.id, options);
    const giveUp = createDestination({ ...options, format, counters, mappingId: id });
    const lanes = Array.from({ length: settings.parallelizationFactor }, () =>
      createLane({
        settings,
        clock,
        counters,
        retentionMs: () => stream.retentionHours * 3_600_000,
        envelopeBytes: (window) => envelopeBytes(window, format),
        invoke: (call) => options.invoke(options.functionName, toPayload(call, format)),
        giveUp,
        onAnswer(succeeded) {
          lastResult = succeeded ? processingResults.ok : processingResults.failed;
        },
        exhausted: () => readers.get(shard.id)?.exhausted() ?? false,
        closed: () => shard.closed,
        onRoom() {
          readers.get(shard.id)?.read();
          if (shard.closed && enabled) startReady();
        },
      }),
    );
    const consumer = stream.consumers.find(settings.eventSourceArn) ?? null;
    const after = starts?.get(shard.id) ?? null;
    return createShardReader({ shard, after, consumer, format, settings, clock, counters, lanes });
  };
  const onChange = (shardId: string): void => {
    if (!enabled) return;
    if (!readers.has(shardId)) startReady();
    readers.get(shardId)?.wake();
  };
  // A closed shard has an open window to end, and children that wait.
  const ends = [stream.onPut(onChange), stream.onClose(onChange)];
  const caughtUp = (): boolean =>
    stream.shards().every((shard) => {
      const reader = readers.get(shard.id);
      return reader?.caughtUp() ?? shard.read(starts?.get(shard.id) ?? null, 1, 1).length === 0;
    });
  const setEnabled = (value: boolean): void => {
    if (value === enabled) return;
    enabled = value;
    changedMs = clock.now();
    for (const reader of readers.values()) enabled ? reader.resume() : reader.pause();
    if (!enabled) return;
    starts ??= new Map(stream.shards().map((shard) => [shard.id, shard.startOf(settings.startingPosition)]));
    startReady();
    for (const reader of readers.values()) reader.wake();
  };
  setEnabled(settings.enabled);

  return {
    id,
    functionArn,
    settings,
    logicalId: settings.logicalId,
    stats: () => ({ ...counters }),
    caughtUp: () => (enabled ? caughtUp() : ![...readers.values()].some((reader) => reader.busy())),
    enabled: () => enabled,
    changedMs: () => changedMs,
    lastResult: () => lastResult,
    setEnabled,
    closeWindows() {
      for (const reader of readers.values()) reader.closeWindows();
    },
    stop() {
      for (const end of ends) end();
      for (const reader of readers.values()) reader.stop();
    },
  };
}

function formatOf(shardId: string, { settings, region, functionName, functionArn }: MappingOptions): RecordFormat {
  const { eventSourceArn, source } = settings;
  if (source === "dynamodb") return changeFormat({ shardId, eventSourceArn, region });
  const accountId = functionArn.split(":")[4] ?? "";
  const roleArn = `arn:aws:iam::${accountId}:role/${functionName}`;
  return kinesisFormat({ shardId, eventSourceArn, region, roleArn });
}
