/**
 * One sequence of batches: a shard's, or with a parallelization factor one of its sub-queues. Strictly one after another:
 * a batch, with all its retries and halves, is done or given up before the next begins. With tumbling windows a batch ends where its window does,
 * and the window's final invocation comes before the next window's first.
 */
import type { Timer } from "../clock.ts";
import { createWork, type WorkOptions } from "./batch-work.ts";
import type { Entry } from "./records.ts";
import { countWithin, idleWaitMs, type TumblingWindow, windowAt } from "./window.ts";

export interface LaneOptions extends Omit<WorkOptions, "onDone"> {
  /** All of a batch is done: there is room for more. */
  readonly onRoom: () => void;
  /** Nothing is left to read; in a closed shard nothing will come any more. */
  readonly exhausted: () => boolean;
  readonly closed: () => boolean;
}

export interface Lane {
  add(entry: Entry): void;
  /** Begins a batch when one is due and none is running. */
  pump(): void;
  waiting(): number;
  idle(): boolean;
  /** An invocation is running. */
  busy(): boolean;
  /** Ends an open window as soon as nothing is left to read, whatever the time is. */
  closeWindow(): void;
  /** Nothing is begun any more until it is resumed; a running invocation still counts. */
  pause(): void;
  resume(): void;
  stop(): void;
}

export function createLane(options: LaneOptions): Lane {
  const { settings, clock } = options;
  const { batchSize, batchingWindowMs, tumblingWindowMs } = settings;
  let pending: Entry[] = [];
  let gatheringSinceMs = Number.NEGATIVE_INFINITY;
  let closing = false;
  let timer: Timer | null = null;
  let stopped = false;
  let paused = false;

  const work = createWork({
    ...options,
    onDone() {
      // The next batching window begins when the previous invocation completes.
      gatheringSinceMs = clock.now();
      options.onRoom();
    },
  });
  const gatheredMs = (): number => gatheringSinceMs + batchingWindowMs;

  const pump = (): void => {
    if (work.busy() || stopped || paused) return;
    if (timer !== null) clock.cancel(timer);
    timer = null;
    const next = pending[0];
    const window = work.window();
    if (window !== null && isOver(window, next)) {
      closing = false;
      work.close();
    } else if (next !== undefined) pumpBatch(next, window);
    else if (window !== null) wait(window.endMs + idleWaitMs);
  };
  const wait = (untilMs: number): void => {
    timer = clock.at(untilMs, () => {
      timer = null;
      pump();
    });
  };
  const isOver = (window: TumblingWindow, next: Entry | undefined): boolean =>
    next === undefined
      ? ((closing || options.closed()) && options.exhausted()) || clock.now() >= window.endMs + idleWaitMs
      : next.record.arrivalMs >= window.endMs;

  const pumpBatch = (next: Entry, open: TumblingWindow | null): void => {
    const window = open ?? (tumblingWindowMs === 0 ? null : windowAt(next.record.arrivalMs, tumblingWindowMs));
    const most = window === null ? batchSize : countWithin(window, pending, batchSize);
    const count = work.fitting(pending, most);
    if (clock.now() < gatheredMs() && pending.length < batchSize && count === pending.length) {
      wait(gatheredMs());
      return;
    }
    // A record that fits into no invocation makes a batch of its own, which is then given up in its turn.
    const entries = pending.slice(0, Math.max(1, count));
    pending = pending.slice(entries.length);
    work.begin(entries, window);
  };

  return {
    pump,
    add(entry) {
      // A batching window that has run out while nothing was waiting begins anew with the first record.
      if (pending.length === 0 && clock.now() > gatheredMs()) gatheringSinceMs = clock.now();
      pending.push(entry);
    },
    waiting: () => pending.length,
    idle: () => !work.busy() && pending.length === 0 && work.window() === null,
    busy: work.running,
    closeWindow() {
      closing = true;
      pump();
    },
    pause() {
      paused = true;
      work.pause();
    },
    resume() {
      paused = false;
      work.resume();
      pump();
    },
    stop() {
      stopped = true;
      work.stop();
    },
  };
}
