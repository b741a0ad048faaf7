/**
 * Works one batch to its end: invocations, retries with backoff, halves, until every record is done or given up. What is still to do is a stack, its
 * earliest records on top. With tumbling windows it also holds the open window, and its final invocation is a task like a batch.
 */
import type { Clock } from "../clock.ts";
import type { Invocation } from "../lambda/host.ts";
import { backoffMs, decide } from "./decision.ts";
import { type Call, countThatFit, type Entry } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { MappingCounters } from "./stats.ts";
import { type Batch, callOf, type Final, type GivenUp, type Reason, type Task, toGivenUp } from "./task.ts";
import { judge, type Verdict } from "./verdict.ts";
import { stateLimitBytes, type TumblingWindow, withoutState, withState } from "./window.ts";

export interface WorkOptions {
  readonly settings: MappingSettings;
  readonly clock: Clock;
  readonly counters: MappingCounters;
  readonly retentionMs: () => number;
  /** Of a payload in that window without records. */
  readonly envelopeBytes: (window: TumblingWindow | null) => number;
  readonly invoke: (call: Call) => Promise<Invocation>;
  readonly giveUp: (given: GivenUp) => Promise<void>;
  readonly onAnswer: (succeeded: boolean) => void;
  /** All of what was begun is done. */
  readonly onDone: () => void;
}

export interface Work {
  busy(): boolean;
  window(): TumblingWindow | null;
  /** How many of the first entries fit into an invocation as things stand. */
  fitting(entries: readonly Entry[], most: number): number;
  begin(entries: readonly Entry[], window: TumblingWindow | null): void;
  /** Begins the final invocation of the open window. */
  close(): void;
  /** An invocation has begun and its answer does not count yet. */
  running(): boolean;
  pause(): void;
  resume(): void;
  stop(): void;
}

export function createWork(options: WorkOptions): Work {
  const { settings, clock, counters } = options;
  let stack: Task[] = [];
  let window: TumblingWindow | null = null;
  let failuresInARow = 0;
  let busy = false;
  let running = false;
  let stopped = false;
  let paused = false;
  /** A step was due while it was paused. */
  let held = false;

  const fitting = (entries: readonly Entry[], most: number): number =>
    countThatFit(entries, most, options.envelopeBytes(window));
  const later = (delayMs: number): void => void clock.at(clock.now() + delayMs, step);
  const start = (task: Task): void => {
    stack = [task];
    busy = true;
    later(0);
  };

  const step = async (): Promise<void> => {
    if (stopped) return;
    held = paused;
    if (held) return;
    const top = stack.pop();
    if (top === undefined) {
      busy = false;
      options.onDone();
      return;
    }
    const task = top.kind === "batch" ? await usable(top) : await unexpired(top);
    if (task === null) return later(0);
    const call = callOf(task, window);
    countHandedOver(call.entries, counters, clock.now());
    const startedMs = clock.now();
    running = true;
    const invocation = await options.invoke(call);
    clock.at(startedMs + invocation.durationMs, () => settle(task, invocation));
  };

  const settle = async (task: Task, invocation: Invocation): Promise<void> => {
    running = false;
    if (stopped) return;
    const { entries } = callOf(task, window);
    const expected = { itemFailures: settings.reportBatchItemFailures, state: window !== null };
    const verdict = judge(invocation, entries, expected);
    countAnswer(verdict, entries);
    const { done, todo, givenUp, split, progress, wait } = decide(task, verdict, settings);
    counters.succeeded += done.length;
    if (split) counters.splits++;
    const early = task.kind === "batch" ? keepState(verdict, done) : [];
    if (task.kind === "final" && verdict.kind === "done") endWindow(task);
    if (givenUp !== null) await giveUp(givenUp.task, givenUp.reason);
    stack.push(...[...early, ...todo].toReversed());
    failuresInARow = progress ? 0 : failuresInARow + 1;
    later(wait ? backoffMs(failuresInARow) : 0);
  };

  const countAnswer = (verdict: Verdict, entries: readonly Entry[]): void => {
    options.onAnswer(verdict.kind === "done");
    if (verdict.kind === "done") return;
    counters.failedInvocations++;
    counters.failedRecords += entries.length;
  };

  /** The state as an invocation answered it stands for the records that it did. One that is too large ends the window at once. */
  const keepState = (verdict: Verdict, done: readonly Entry[]): readonly Final[] => {
    const state = verdict.kind === "done" || verdict.kind === "partial" ? verdict.state : null;
    if (window === null || state === null) return [];
    window = withState(window, state, done);
    const isTooLarge = window.stateBytes > stateLimitBytes;
    return isTooLarge ? [{ kind: "final", early: true, attempts: 0, sinceMs: clock.now() }] : [];
  };

  const endWindow = ({ early }: Final): void => {
    counters.windows++;
    // Records of its span that are still to come begin with an empty state.
    window = early ? window && withoutState(window) : null;
  };

  const giveUp = async (task: Task, reason: Reason): Promise<void> => {
    const given = toGivenUp(task, window, reason);
    if (given !== null) await options.giveUp(given);
    if (task.kind === "final") endWindow(task);
  };

  const longestMs = (): number =>
    Math.min(settings.maximumRecordAgeMs ?? Number.POSITIVE_INFINITY, options.retentionMs());

  /** Gives up, before an invocation, the records that are too old, and the one that is too large; what does not fit into one makes two. */
  const usable = async (batch: Batch): Promise<Batch | null> => {
    const limitMs = longestMs();
    const isExpired = ({ record }: Entry): boolean => clock.now() - record.arrivalMs > limitMs;
    const expired = batch.entries.filter(isExpired);
    const entries = expired.length === 0 ? batch.entries : batch.entries.filter((entry) => !isExpired(entry));
    if (expired.length > 0) await giveUp({ ...batch, entries: expired }, { condition: "RecordAgeExceeded" });
    if (entries.length === 0) return null;
    const count = fitting(entries, entries.length);
    if (count === entries.length) return { ...batch, entries };
    const first = { ...batch, entries: entries.slice(0, Math.max(1, count)) };
    stack.push({ ...batch, entries: entries.slice(first.entries.length) });
    if (count > 0) return first;
    await giveUp(first, { condition: "MaximumPayloadSizeExceeded" });
    return null;
  };

  const unexpired = async (task: Final): Promise<Final | null> => {
    if (clock.now() - task.sinceMs <= longestMs()) return task;
    await giveUp(task, { condition: "RecordAgeExceeded" });
    return null;
  };

  return {
    fitting,
    busy: () => busy,
    window: () => window,
    begin(entries, of) {
      window = of;
      start({ kind: "batch", entries, attempts: 0 });
    },
    close: () => start({ kind: "final", early: false, attempts: 0, sinceMs: clock.now() }),
    running: () => running,
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      if (held) later(0);
      held = false;
    },
    stop() {
      stopped = true;
    },
  };
}

function countHandedOver(entries: readonly Entry[], counters: MappingCounters, nowMs: number): void {
  counters.invocations++;
  counters.invokedRecords += entries.length;
  const last = entries.at(-1);
  if (last !== undefined) counters.iteratorAgeMs = nowMs - last.record.arrivalMs;
  counters.greatestIteratorAgeMs = Math.max(counters.greatestIteratorAgeMs, counters.iteratorAgeMs);
  for (const entry of entries) {
    entry.handedOver++;
    if (entry.handedOver === 2) counters.redelivered++;
    if (entry.handedOver > 1) counters.redeliveries++;
  }
}
