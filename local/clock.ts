/**
 * Time as a thing that can be handed in. The virtual clock is a discrete-event queue: it runs due actions strictly one after
 * another, ordered by time and then by order of scheduling, awaits each, and stands still meanwhile; so the same
 * schedule gives the same run. The real clock is the machine's, behind the same interface.
 */
import { createTimerQueue } from "./timer-queue.ts";

export interface Timer {
  readonly atMs: number;
}

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Runs the action at that time, or as soon as possible when that time has passed; time never goes back. */
  at(atMs: number, action: () => void | Promise<void>): Timer;
  /** Does nothing when the action has begun or was cancelled before. */
  cancel(timer: Timer): void;
}

export interface VirtualClock extends Clock {
  /** Runs all that is due up to and at `atMs`, then stands there. Rejects with the error of an action that throws; what is still scheduled stays scheduled. */
  advanceTo(atMs: number): Promise<void>;
  /** Runs until nothing is scheduled. An action that always schedules another never lets it end. */
  runUntilIdle(): Promise<void>;
  /** How many actions are scheduled. */
  readonly pending: number;
}

export interface RealClock extends Clock {
  /** Cancels all that is scheduled. */
  stop(): void;
}

export function virtualClock(startMs: number): VirtualClock {
  const queue = createTimerQueue();
  let nowMs = startMs;
  let advancing = false;

  const runUpTo = async (endMs: number): Promise<void> => {
    if (advancing) {
      throw new Error("The virtual clock is already advancing: await the earlier advanceTo or runUntilIdle first.");
    }
    advancing = true;
    try {
      for (let next = queue.takeDue(endMs); next !== null; next = queue.takeDue(endMs)) {
        nowMs = next.atMs;
        await next.action();
      }
    } finally {
      advancing = false;
    }
  };

  return {
    now: () => nowMs,
    at: (atMs, action) => queue.add(Math.max(checkedTime(atMs), nowMs), action),
    cancel: (timer) => void queue.remove(timer),
    async advanceTo(atMs) {
      if (checkedTime(atMs) < nowMs) {
        throw new Error(`The virtual clock stands at ${nowMs} and cannot go back to ${atMs}.`);
      }
      await runUpTo(atMs);
      nowMs = Math.max(nowMs, atMs);
    },
    runUntilIdle: () => runUpTo(Number.POSITIVE_INFINITY),
    get pending() {
      return queue.size();
    },
  };
}

/** `setTimeout` counts in 32 bits; a later timer is set again when this much has passed. */
const longestTimeoutMs = 2 ** 31 - 1;

/** An action that throws on the real clock crashes the process, unless `onError` takes the error. */
export function realClock(options: { readonly onError?: (error: unknown) => void } = {}): RealClock {
  const timeouts = new Map<Timer, NodeJS.Timeout>();
  const onError = options.onError ?? crash;

  const wait = (timer: Timer, action: () => void | Promise<void>): void => {
    const waitMs = Math.max(0, timer.atMs - Date.now());
    const due = waitMs <= longestTimeoutMs;
    const wake = () => (due ? run(timer, action) : wait(timer, action));
    timeouts.set(timer, setTimeout(wake, Math.min(waitMs, longestTimeoutMs)));
  };
  const run = (timer: Timer, action: () => void | Promise<void>): void => {
    timeouts.delete(timer);
    (async () => action())().catch(onError);
  };
  const cancel = (timer: Timer): void => {
    clearTimeout(timeouts.get(timer));
    timeouts.delete(timer);
  };

  return {
    now: () => Date.now(),
    at(atMs, action) {
      const timer = { atMs: checkedTime(atMs) };
      wait(timer, action);
      return timer;
    },
    cancel,
    stop: () => [...timeouts.keys()].forEach(cancel),
  };
}

function crash(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

function checkedTime(atMs: number): number {
  if (!Number.isFinite(atMs)) throw new Error(`Expected a time in epoch milliseconds, got ${atMs}.`);
  return atMs;
}
