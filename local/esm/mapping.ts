/** A Kinesis event source mapping: reads every shard of a stream, parents before children, and invokes a function with batches. */
import type { Clock } from "../clock.ts";
import type { Shard, Stream } from "../kinesis/stream.ts";
import type { FunctionHost } from "../lambda/host.ts";
import type { ObjectStore } from "../s3/store.ts";
import { uuidOf } from "../uuid.ts";
import type { GivenUp } from "./batch-work.ts";
import { type Failure, failureBody, failureKey } from "./failure-record.ts";
import { createLane } from "./lane.ts";
import { envelopeBytes, type RecordSource, toPayload } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import { createShardReader, type ShardReader } from "./shard-reader.ts";
import { createCounters, type MappingCounters, type MappingStats } from "./stats.ts";

export interface MappingOptions {
  readonly settings: MappingSettings;
  readonly functionName: string;
  readonly functionArn: string;
  readonly region: string;
  readonly stream: Stream;
  readonly clock: Clock;
  readonly objects: Pick<ObjectStore, "put">;
  readonly invoke: FunctionHost["invoke"];
  readonly seed: number;
  readonly log: (line: string) => void;
}

export interface Mapping {
  readonly logicalId: string;
  /** Nothing is left to read, to run or to retry. */
  caughtUp(): boolean;
  /** Ends open tumbling windows, whatever the time is. */
  closeWindows(): void;
  stats(): MappingStats;
  stop(): void;
}

export function createMapping(options: MappingOptions): Mapping {
  const { settings, stream, clock } = options;
  const counters = createCounters();
  const readers = new Map<string, ShardReader>();
  // The starting position is for the shards that exist now; those born later are read from their beginning.
  const starts = new Map(stream.shards().map((shard) => [shard.id, shard.startOf(settings.startingPosition)]));

  const startReady = (): void => {
    for (const shard of stream.shards()) {
      // A shard that was closed while nothing came has an open window to end.
      if (shard.closed) readers.get(shard.id)?.wake();
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
    const source = sourceOf(shard.id, options);
    const giveUp = destination(source, options, counters);
    const lanes = Array.from({ length: settings.parallelizationFactor }, () =>
      createLane({
        settings,
        clock,
        counters,
        retentionMs: () => stream.retentionHours * 3_600_000,
        envelopeBytes: (window) => envelopeBytes(window, source),
        invoke: (call) => options.invoke(options.functionName, toPayload(call, source)),
        giveUp,
        exhausted: () => readers.get(shard.id)?.exhausted() ?? false,
        closed: () => shard.closed,
        onRoom() {
          readers.get(shard.id)?.read();
          if (shard.closed) startReady();
        },
      }),
    );
    return createShardReader({ shard, after: starts.get(shard.id) ?? null, source, settings, clock, counters, lanes });
  };
  const unsubscribe = stream.onPut((shardId) => {
    if (!readers.has(shardId)) startReady();
    readers.get(shardId)?.wake();
  });
  startReady();

  return {
    logicalId: settings.logicalId,
    stats: () => ({ ...counters }),
    caughtUp: () =>
      stream.shards().every((shard) => {
        const reader = readers.get(shard.id);
        return reader?.caughtUp() ?? shard.read(starts.get(shard.id) ?? null, 1, 1).length === 0;
      }),
    closeWindows() {
      for (const reader of readers.values()) reader.closeWindows();
    },
    stop() {
      unsubscribe();
      for (const reader of readers.values()) reader.stop();
    },
  };
}

function sourceOf(shardId: string, { settings, region, functionName, functionArn }: MappingOptions): RecordSource {
  const accountId = functionArn.split(":")[4] ?? "";
  const roleArn = `arn:aws:iam::${accountId}:role/${functionName}`;
  return { shardId, eventSourceArn: settings.eventSourceArn, region, roleArn };
}

/** Writes what is given up to the bucket. Without a bucket, or when the write fails, it is only counted, as on AWS. */
function destination(
  source: RecordSource,
  { settings, functionArn, clock, objects, seed, log }: MappingOptions,
  counters: MappingCounters,
): (given: GivenUp) => Promise<void> {
  const { shardId } = source;
  const { logicalId, onFailureBucket, streamArn } = settings;
  const mappingId = uuidOf(seed, "mapping", logicalId);
  let number = 0;

  const deliver = async ({ call, ...given }: GivenUp, bucket: string): Promise<boolean> => {
    number++;
    const failure: Failure = {
      ...given,
      shardId,
      streamArn,
      functionArn,
      mappingId,
      payload: toPayload(call, source),
      nowMs: clock.now(),
      requestId: uuidOf(seed, "failure", logicalId, shardId, number),
      objectId: uuidOf(seed, "failure object", logicalId, shardId, number),
    };
    try {
      await objects.put(bucket, failureKey(failure), Buffer.from(failureBody(failure)));
      return true;
    } catch (error) {
      const what = `the failure of ${given.batch.count} records`;
      log(`${logicalId}: ${what} could not be written to ${bucket}: ${String(error)}`);
      return false;
    }
  };

  return async (given) => {
    const delivered = onFailureBucket !== null && (await deliver(given, onFailureBucket));
    if (given.what === "window") {
      counters.windowsDiscarded++;
      return;
    }
    counters.discarded += given.batch.count;
    if (delivered) counters.deliveredToDestination += given.batch.count;
  };
}
