import type { Clock, Timer } from "../clock.ts";

/**
 * What waits to become an object: one buffer per destination folder, written when it reaches its size or when its first record has waited
 * for the interval, whichever comes first. Objects are written one after another in the order in which they were closed.
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
  /** Closes all buffers now and waits until they are written. */
  flush(): Promise<void>;
  idle(): boolean;
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
  readonly write: (buffer: ClosedBuffer<Target, Entry>) => Promise<void>;
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
  const { clock, bufferBytes, bufferIntervalMs, write } = options;
  const open = new Map<string, OpenBuffer<Target, Entry>>();
  const closed: OpenBuffer<Target, Entry>[] = [];
  let running = 0;
  let lastRun: Promise<void> = Promise.resolve();

  const run = (): Promise<void> => {
    running++;
    lastRun = lastRun.then(async () => {
      for (let buffer = closed.shift(); buffer !== undefined; buffer = closed.shift()) await write(buffer);
      running--;
    });
    return lastRun;
  };
  const close = (id: string): void => {
    const buffer = open.get(id);
    if (buffer === undefined) return;
    clock.cancel(buffer.timer);
    open.delete(id);
    closed.push(buffer);
  };
  const begin = (id: string, target: Target, arrivalMs: number): OpenBuffer<Target, Entry> => {
    const timer = clock.at(clock.now() + bufferIntervalMs, () => {
      close(id);
      return run();
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
      clock.at(clock.now(), run);
    },
    has: (id) => open.has(id),
    openCount: () => open.size,
    async flush() {
      for (const id of [...open.keys()]) close(id);
      await run();
    },
    idle: () => open.size === 0 && closed.length === 0 && running === 0,
    stop() {
      for (const { timer } of open.values()) clock.cancel(timer);
    },
  };
}
