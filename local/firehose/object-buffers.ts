import type { Clock, Timer } from "../clock.ts";
import { oldest, type RetryQueue, type Task } from "./retry-queue.ts";

/**
 * What waits to become an object: one buffer per destination folder, written when it reaches its size or when its first record has waited
 * for the interval, whichever comes first. Objects are written one after another in the order in which they were closed; one that cannot
 * be written is tried again, and holds up those behind it.
 */
export interface ObjectBuffers<Target, Entry> {
  add(
    id: string,
    target: () => Target,
    entry: Entry,
    record: { readonly arrivalMs: number; readonly sizeBytes: number },
  ): void;
  has(id: string): boolean;
  /** Buffers that still collect. */
  openCount(): number;
  /** Closes all buffers now and writes them, as far as the queue allows (see RetryQueue.flush). */
  flush(): Promise<void>;
  idle(): boolean;
  /** Of what is not written; null when there is nothing. */
  oldestArrivalMs(): number | null;
  stop(): void;
}

export interface ClosedBuffer<Target, Entry> {
  readonly target: Target;
  readonly entries: readonly Entry[];
  readonly oldestArrivalMs: number;
}

export interface ObjectBuffersOptions<Target, Entry> {
  readonly clock: Clock;
  readonly bufferBytes: number;
  readonly bufferIntervalMs: number;
  readonly queue: RetryQueue;
  /** Called once for a buffer, when it is closed: every try writes the same object. */
  readonly toTask: (buffer: ClosedBuffer<Target, Entry>) => Task;
}

interface OpenBuffer<Target, Entry> {
  readonly target: Target;
  readonly entries: Entry[];
  readonly timer: Timer;
  oldestArrivalMs: number;
  sizeBytes: number;
}

export function createObjectBuffers<Target, Entry>(
  options: ObjectBuffersOptions<Target, Entry>,
): ObjectBuffers<Target, Entry> {
  const { clock, bufferBytes, bufferIntervalMs, queue, toTask } = options;
  const open = new Map<string, OpenBuffer<Target, Entry>>();

  const close = (id: string): void => {
    const buffer = open.get(id);
    if (buffer === undefined) return;
    clock.cancel(buffer.timer);
    open.delete(id);
    queue.push(toTask(buffer));
  };
  const begin = (id: string, target: Target, arrivalMs: number): OpenBuffer<Target, Entry> => {
    const timer = clock.at(clock.now() + bufferIntervalMs, () => {
      close(id);
      return queue.run();
    });
    const buffer = { target, entries: [], timer, oldestArrivalMs: arrivalMs, sizeBytes: 0 };
    open.set(id, buffer);
    return buffer;
  };

  return {
    add(id, target, entry, { arrivalMs, sizeBytes }) {
      const buffer = open.get(id) ?? begin(id, target(), arrivalMs);
      buffer.entries.push(entry);
      buffer.oldestArrivalMs = Math.min(buffer.oldestArrivalMs, arrivalMs);
      buffer.sizeBytes += sizeBytes;
      if (buffer.sizeBytes < bufferBytes) return;
      close(id);
      clock.at(clock.now(), queue.run);
    },
    has: (id) => open.has(id),
    openCount: () => open.size,
    async flush() {
      for (const id of [...open.keys()]) close(id);
      await queue.flush();
    },
    idle: () => open.size === 0 && queue.idle(),
    oldestArrivalMs: () =>
      oldest([queue.oldestArrivalMs(), ...[...open.values()].map((buffer) => buffer.oldestArrivalMs)]),
    stop() {
      for (const { timer } of open.values()) clock.cancel(timer);
      queue.stop();
    },
  };
}
