/**
 * One sequence of batches: a shard's, or with a parallelization factor one of its sub-queues. Strictly one after another:
 * a batch, with all its retries and halves, is done or given up before the next begins. What is still to do of a batch is a stack, its earliest records on top.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Invocation } from "../lambda/host.ts";
import type { Condition } from "./failure-record.ts";
import { countThatFit, type Entry } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { MappingCounters } from "./stats.ts";
import { judge, type Verdict } from "./verdict.ts";

interface Batch {
  readonly entries: readonly Entry[];
  /** Invocations that failed without progress. */
  readonly attempts: number;
}

export interface GivenUp {
  readonly entries: readonly Entry[];
  readonly condition: Condition;
  readonly invocations: number;
  readonly functionError?: "Unhandled" | null;
}

export interface LaneOptions {
  readonly settings: MappingSettings;
  readonly clock: Clock;
  readonly counters: MappingCounters;
  readonly retentionMs: () => number;
  readonly invoke: (entries: readonly Entry[]) => Promise<Invocation>;
  readonly giveUp: (given: GivenUp) => Promise<void>;
  /** All of a batch is done: there is room for more. */
  readonly onRoom: () => void;
}

export interface Lane {
  add(entry: Entry): void;
  /** Begins a batch when one is due and none is running. */
  pump(): void;
  waiting(): number;
  idle(): boolean;
  stop(): void;
}

export function createLane(options: LaneOptions): Lane {
  const { settings, clock, counters } = options;
  const { batchSize, batchingWindowMs } = settings;
  let pending: Entry[] = [];
  let stack: Batch[] = [];
  let busy = false;
  let windowOpenedMs = Number.NEGATIVE_INFINITY;
  let windowTimer: Timer | null = null;
  let failuresInARow = 0;
  let stopped = false;

  const windowEndMs = (): number => windowOpenedMs + batchingWindowMs;
  const isDue = (): boolean =>
    clock.now() >= windowEndMs() || pending.length >= batchSize || countThatFit(pending, batchSize) < pending.length;

  const pump = (): void => {
    if (busy || stopped || pending.length === 0) return;
    if (!isDue()) {
      windowTimer ??= clock.at(windowEndMs(), () => {
        windowTimer = null;
        pump();
      });
      return;
    }
    if (windowTimer !== null) clock.cancel(windowTimer);
    windowTimer = null;
    // A record that fits into no invocation makes a batch of its own, which is then given up in its turn.
    const count = Math.max(1, countThatFit(pending, batchSize));
    stack = [{ entries: pending.slice(0, count), attempts: 0 }];
    pending = pending.slice(count);
    busy = true;
    later(0);
  };

  const later = (delayMs: number): void => void clock.at(clock.now() + delayMs, step);

  const step = async (): Promise<void> => {
    if (stopped) return;
    const top = stack.pop();
    if (top === undefined) {
      busy = false;
      // The next window begins when the previous invocation completes.
      windowOpenedMs = clock.now();
      options.onRoom();
      return;
    }
    const batch = await withoutUnusable(top, options);
    if (batch.entries.length === 0) return later(0);
    countHandedOver(batch.entries, counters);
    const startedMs = clock.now();
    const invocation = await options.invoke(batch.entries);
    clock.at(startedMs + invocation.durationMs, () => settle(batch, invocation));
  };

  const settle = async (batch: Batch, invocation: Invocation): Promise<void> => {
    if (stopped) return;
    const verdict = judge(invocation, batch.entries, settings.reportBatchItemFailures);
    if (verdict.kind !== "done") counters.failedInvocations++;
    const next = await nextOf(batch, verdict, options);
    stack.push(...next.todo.toReversed());
    failuresInARow = next.progress ? 0 : failuresInARow + 1;
    later(next.wait ? backoffMs(failuresInARow) : 0);
  };

  return {
    pump,
    add(entry) {
      // A window that has run out while nothing was waiting begins anew with the first record.
      if (pending.length === 0 && clock.now() > windowEndMs()) windowOpenedMs = clock.now();
      pending.push(entry);
    },
    waiting: () => pending.length,
    idle: () => !busy && pending.length === 0,
    stop() {
      stopped = true;
    },
  };
}

/** What remains of a batch after an invocation, in order; what is given up has been given up when this returns. */
async function nextOf(batch: Batch, verdict: Verdict, options: LaneOptions) {
  const { settings, counters } = options;
  const { entries } = batch;
  if (verdict.kind === "done") {
    counters.succeeded += entries.length;
    return { todo: [], progress: true, wait: false };
  }
  if (verdict.kind === "throttled") return { todo: [batch], progress: false, wait: true };
  if (verdict.kind === "partial" && verdict.from > 0) {
    // The rest is a fresh batch: partial progress resets the retry counter.
    counters.succeeded += verdict.from;
    counters.splits++;
    return { todo: [{ entries: entries.slice(verdict.from), attempts: 0 }], progress: true, wait: true };
  }
  if (verdict.kind === "failed" && settings.bisectBatchOnFunctionError && entries.length > 1) {
    // Splitting does not count as a retry; a single record can only be retried.
    counters.splits++;
    const middle = Math.ceil(entries.length / 2);
    const halves = [entries.slice(0, middle), entries.slice(middle)];
    return { todo: halves.map((half) => ({ entries: half, attempts: 0 })), progress: true, wait: false };
  }
  const attempts = batch.attempts + 1;
  if (settings.maximumRetryAttempts === null || attempts <= settings.maximumRetryAttempts) {
    return { todo: [{ entries, attempts }], progress: false, wait: true };
  }
  const functionError = verdict.kind === "failed" ? verdict.functionError : null;
  await options.giveUp({ entries, condition: "RetryAttemptsExhausted", invocations: attempts, functionError });
  return { todo: [], progress: true, wait: false };
}

/** Gives up, before an invocation, the records that are too old, and the one that is too large. */
async function withoutUnusable(batch: Batch, options: LaneOptions): Promise<Batch> {
  const { settings, clock, retentionMs, giveUp } = options;
  const longestMs = Math.min(settings.maximumRecordAgeMs ?? Number.POSITIVE_INFINITY, retentionMs());
  const isExpired = ({ record }: Entry): boolean => clock.now() - record.arrivalMs > longestMs;
  const expired = batch.entries.filter(isExpired);
  const entries = expired.length === 0 ? batch.entries : batch.entries.filter((entry) => !isExpired(entry));
  const invocations = batch.attempts;
  if (expired.length > 0) await giveUp({ entries: expired, condition: "RecordAgeExceeded", invocations });
  if (entries.length === 0 || countThatFit(entries, 1) === 1) return { ...batch, entries };
  await giveUp({ entries, condition: "MaximumPayloadSizeExceeded", invocations });
  return { ...batch, entries: [] };
}

function countHandedOver(entries: readonly Entry[], counters: MappingCounters): void {
  counters.invocations++;
  for (const entry of entries) {
    entry.handedOver++;
    if (entry.handedOver === 2) counters.redelivered++;
    if (entry.handedOver > 1) counters.redeliveries++;
  }
}

const firstBackoffMs = 250;
const longestBackoffMs = 60_000;

/** AWS documents no delays. This doubling gives the 8 invocations within 60 s that were observed there. */
function backoffMs(failuresInARow: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, failuresInARow - 1));
}
