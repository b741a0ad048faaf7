import type { Clock, Timer } from "../clock.ts";
import type { TransformSettings } from "./processors.ts";
import { oldest, type RetryQueue, type Task } from "./retry-queue.ts";
import type { SourceRecord } from "./source-record.ts";
import { INVOKE_LIMIT_BYTES, requestBytes, type Transformed } from "./transform.ts";

/**
 * Batches for the transform, one buffer per shard (and one for Direct PUT): a batch ends at BufferSizeInMBs, at Lambda's request
 * limit or after BufferIntervalInSeconds. Batches run one after another, so that records keep their order; AWS runs up to five a shard.
 */
export interface TransformBuffers {
  add(bufferId: string, record: SourceRecord): void;
  /** Ends all batches now and waits for their answers, as far as the queue allows (see RetryQueue.flush). */
  flush(): Promise<void>;
  idle(): boolean;
  /** Of what has not been transformed; null when there is nothing. */
  oldestArrivalMs(): number | null;
  stop(): void;
}

export interface TransformBuffersDeps {
  readonly settings: TransformSettings;
  readonly clock: Clock;
  readonly queue: RetryQueue;
  readonly transform: (records: readonly SourceRecord[]) => Promise<readonly Transformed[]>;
  readonly onTransformed: (results: readonly Transformed[]) => void;
}

interface OpenBatch {
  readonly records: SourceRecord[];
  readonly timer: Timer;
  sizeBytes: number;
  requestBytes: number;
}

/** What the envelope of a request takes, at most. */
const ENVELOPE_BYTES = 1024;

export function createTransformBuffers({
  settings,
  clock,
  queue,
  transform,
  onTransformed,
}: TransformBuffersDeps): TransformBuffers {
  const open = new Map<string, OpenBatch>();
  let stopped = false;

  const toTask = (records: readonly SourceRecord[]): Task => ({
    name: `transforming a batch of ${records.length} records`,
    oldestArrivalMs: arrivalOf(records),
    async run() {
      const results = await transform(records);
      // Nobody writes any more what comes after the stop.
      if (!stopped) onTransformed(results);
    },
  });
  const end = (bufferId: string): void => {
    const batch = open.get(bufferId);
    if (batch === undefined) return;
    clock.cancel(batch.timer);
    open.delete(bufferId);
    queue.push(toTask(batch.records));
  };
  const begin = (bufferId: string): OpenBatch => {
    const timer = clock.at(clock.now() + settings.bufferIntervalMs, () => {
      end(bufferId);
      return queue.run();
    });
    const batch = { records: [], timer, sizeBytes: 0, requestBytes: ENVELOPE_BYTES };
    open.set(bufferId, batch);
    return batch;
  };
  const runSoon = (): void => void clock.at(clock.now(), queue.run);

  return {
    add(bufferId, record) {
      const addedBytes = requestBytes(record);
      const current = open.get(bufferId);
      if (current !== undefined && current.requestBytes + addedBytes > INVOKE_LIMIT_BYTES) {
        end(bufferId);
        runSoon();
      }
      const batch = open.get(bufferId) ?? begin(bufferId);
      batch.records.push(record);
      batch.sizeBytes += record.data.length;
      batch.requestBytes += addedBytes;
      if (batch.sizeBytes < settings.bufferBytes) return;
      end(bufferId);
      runSoon();
    },
    async flush() {
      for (const bufferId of [...open.keys()]) end(bufferId);
      await queue.flush();
    },
    idle: () => open.size === 0 && queue.idle(),
    oldestArrivalMs: () =>
      oldest([queue.oldestArrivalMs(), ...[...open.values()].map(({ records }) => arrivalOf(records))]),
    stop() {
      stopped = true;
      queue.stop();
      for (const { timer } of open.values()) clock.cancel(timer);
    },
  };
}

/** Records of a buffer come in the order of their arrival. */
function arrivalOf(records: readonly SourceRecord[]): number {
  return records[0]?.arrivalMs ?? Number.POSITIVE_INFINITY;
}
