/**
 * Works one batch to its end: invocations, retries with backoff, halves, until every record is done or given up. What is still to do is a stack, its
 * earliest records on top. With tumbling windows it also holds the open window, and its final invocation is a task like a batch.
 */
import type { Clock } from "../clock.ts";
import type { Invocation } from "../lambda/host.ts";
import type { Condition } from "./failure-record.ts";
import { type Call, countThatFit, type Entry } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { MappingCounters } from "./stats.ts";
import { judge, type Verdict } from "./verdict.ts";
import { type Folded, stateLimitBytes, type TumblingWindow, toCall, withoutState, withState } from "./window.ts";

interface Batch {
  readonly kind: "batch";
  readonly entries: readonly Entry[];
  /** Invocations that failed without progress. */
  readonly attempts: number;
}

/** The final invocation of the open window. */
interface Final {
  readonly kind: "final";
  readonly early: boolean;
  readonly attempts: number;
  /** When it was first due: its age counts from here. */
  readonly sinceMs: number;
}

type Task = Batch | Final;

export interface GivenUp {
  /** A window whose final invocation failed: its records were handed over, what they came to is lost. */
  readonly what: "records" | "window";
  readonly call: Call;
  readonly batch: Folded;
  readonly condition: Condition;
  readonly invocations: number;
  readonly functionError?: "Unhandled" | null;
}

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
  let busy = false;
  let failuresInARow = 0;
  let stopped = false;
  let running = false;
  let paused = false;
  /** A step was due while it was paused. */
  let held = false;

  const fitting = (entries: readonly Entry[], most: number): number =>
    countThatFit(entries, most, options.envelopeBytes(window));
  const longestMs = (): number =>
    Math.min(settings.maximumRecordAgeMs ?? Number.POSITIVE_INFINITY, options.retentionMs());
  const later = (delayMs: number): void => void clock.at(clock.now() + delayMs, step);
  const start = (task: Task): void => {
    stack = [task];
    busy = true;
    later(0);
  };
  const callOf = (task: Task): Call =>
    task.kind === "final"
      ? { entries: [], window: window && toCall(window, true, task.early) }
      : { entries: task.entries, window: window && toCall(window, false, false) };

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
    const call = callOf(task);
    countHandedOver(call.entries, counters, clock.now());
    const startedMs = clock.now();
    running = true;
    const invocation = await options.invoke(call);
    clock.at(startedMs + invocation.durationMs, () => settle(task, invocation));
  };

  const settle = async (task: Task, invocation: Invocation): Promise<void> => {
    running = false;
    if (stopped) return;
    const expected = { itemFailures: settings.reportBatchItemFailures, state: window !== null };
    const verdict = judge(invocation, callOf(task).entries, expected);
    options.onAnswer(verdict.kind === "done");
    if (verdict.kind !== "done") {
      counters.failedInvocations++;
      counters.failedRecords += callOf(task).entries.length;
    }
    const { todo, progress, wait } = await nextOf(task, verdict);
    stack.push(...todo.toReversed());
    failuresInARow = progress ? 0 : failuresInARow + 1;
    later(wait ? backoffMs(failuresInARow) : 0);
  };

  /** What remains of a task after an invocation, in order; what is given up has been given up when this returns. */
  const nextOf = async (task: Task, verdict: Verdict): Promise<Next> => {
    if (verdict.kind === "throttled") return { todo: [task], progress: false, wait: true };
    if (task.kind === "final") return verdict.kind === "done" ? endWindow(task) : again(task, verdict);
    const { entries } = task;
    const done = verdict.kind === "failed" ? 0 : verdict.kind === "partial" ? verdict.from : entries.length;
    const early = verdict.kind === "failed" ? [] : keepState(verdict.state, entries.slice(0, done));
    counters.succeeded += done;
    if (verdict.kind === "done") return { todo: early, progress: true, wait: false };
    if (done > 0) {
      // The rest is a fresh batch: partial progress resets the retry counter.
      counters.splits++;
      return { todo: [...early, { ...task, entries: entries.slice(done), attempts: 0 }], progress: true, wait: true };
    }
    if (verdict.kind === "failed" && settings.bisectBatchOnFunctionError && entries.length > 1) {
      // Splitting does not count as a retry; a single record can only be retried.
      counters.splits++;
      const middle = Math.ceil(entries.length / 2);
      const halves = [entries.slice(0, middle), entries.slice(middle)];
      return { todo: halves.map((half) => ({ ...task, entries: half, attempts: 0 })), progress: true, wait: false };
    }
    const next = await again(task, verdict);
    return { ...next, todo: [...early, ...next.todo] };
  };

  /** The state as an invocation answered it stands for the records that it did. One that is too large ends the window at once. */
  const keepState = (state: object | null, done: readonly Entry[]): readonly Final[] => {
    if (window === null || state === null) return [];
    window = withState(window, state, done);
    return window.stateBytes > stateLimitBytes
      ? [{ kind: "final", early: true, attempts: 0, sinceMs: clock.now() }]
      : [];
  };

  const endWindow = ({ early }: Final): Next => {
    counters.windows++;
    // Records of its span that are still to come begin with an empty state.
    window = early ? window && withoutState(window) : null;
    return { todo: [], progress: true, wait: false };
  };

  const again = async (task: Task, verdict: Verdict): Promise<Next> => {
    const attempts = task.attempts + 1;
    if (settings.maximumRetryAttempts === null || attempts <= settings.maximumRetryAttempts) {
      return { todo: [{ ...task, attempts }], progress: false, wait: true };
    }
    const functionError = verdict.kind === "failed" ? verdict.functionError : null;
    await giveUp({ ...task, attempts }, "RetryAttemptsExhausted", functionError);
    return { todo: [], progress: true, wait: false };
  };

  const giveUp = async (task: Task, condition: Condition, functionError?: "Unhandled" | null): Promise<void> => {
    const call = callOf(task);
    const batch = task.kind === "final" ? (window?.folded ?? null) : foldedOf(task.entries);
    const what = task.kind === "final" ? "window" : "records";
    if (batch !== null) {
      const error = functionError === undefined ? {} : { functionError };
      await options.giveUp({ what, call, batch, condition, invocations: task.attempts, ...error });
    }
    if (task.kind === "final") endWindow(task);
  };

  /** Gives up, before an invocation, the records that are too old, and the one that is too large; what does not fit into one makes two. */
  const usable = async (batch: Batch): Promise<Batch | null> => {
    const limitMs = longestMs();
    const isExpired = ({ record }: Entry): boolean => clock.now() - record.arrivalMs > limitMs;
    const expired = batch.entries.filter(isExpired);
    const entries = expired.length === 0 ? batch.entries : batch.entries.filter((entry) => !isExpired(entry));
    if (expired.length > 0) await giveUp({ ...batch, entries: expired }, "RecordAgeExceeded");
    if (entries.length === 0) return null;
    const count = fitting(entries, entries.length);
    if (count === entries.length) return { ...batch, entries };
    const first = { ...batch, entries: entries.slice(0, Math.max(1, count)) };
    stack.push({ ...batch, entries: entries.slice(first.entries.length) });
    if (count > 0) return first;
    await giveUp(first, "MaximumPayloadSizeExceeded");
    return null;
  };

  const unexpired = async (task: Final): Promise<Final | null> => {
    if (clock.now() - task.sinceMs <= longestMs()) return task;
    await giveUp(task, "RecordAgeExceeded");
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

interface Next {
  readonly todo: readonly Task[];
  readonly progress: boolean;
  readonly wait: boolean;
}

function foldedOf(entries: readonly Entry[]): Folded {
  return { first: entries[0] as Entry, last: entries.at(-1) as Entry, count: entries.length };
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

const firstBackoffMs = 250;
const longestBackoffMs = 60_000;

/** AWS documents no delays. This doubling gives the 8 invocations within 60 s that were observed there. */
function backoffMs(failuresInARow: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, failuresInARow - 1));
}
