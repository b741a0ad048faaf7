/**
 * Executions are asynchronous code that sleeps on the clock. In virtual time whatever wakes one holds the clock until all of them wait again, so that a
 * task takes only the time that is modelled; and their calls run one after another, in the order in which they were asked for, so that runs are alike.
 */
import type { Clock } from "../clock.ts";
import { Aborted } from "./state-error.ts";

export interface Pace {
  now(): number;
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Runs the action on the clock; returns what cancels it. */
  later(ms: number, action: () => void): () => void;
  /** A call to something that the clock stands still for. */
  call<T>(work: () => Promise<T>): Promise<T>;
}

/** What is set for later than this never comes: no execution lives longer than a year. A backoff may grow beyond what a clock can say. */
const longestMs = 366 * 86_400_000;

export function createPace(clock: Clock, time: "virtual" | "real"): Pace {
  let running = 0;
  let last: Promise<unknown> = Promise.resolve();
  const idle: (() => void)[] = [];

  // Between two calls there are only promises, which are all settled before the next turn of the event loop.
  const quiet = async (): Promise<void> => {
    do {
      if (running > 0) await new Promise<void>((resolve) => idle.push(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    } while (running > 0);
  };
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    running++;
    try {
      return await work();
    } finally {
      if (--running === 0) for (const resolve of idle.splice(0)) resolve();
    }
  };
  const later: Pace["later"] = (ms, action) => {
    const timer = clock.at(clock.now() + Math.min(ms, longestMs), async () => {
      action();
      if (time === "virtual") await quiet();
    });
    return () => clock.cancel(timer);
  };
  return {
    now: clock.now,
    later,
    async sleep(ms, signal) {
      if (ms > 0) await unlessAborted(new Promise<void>((resolve) => onAbort(signal, later(ms, resolve))), signal);
    },
    call(work) {
      if (time === "real") return work();
      return counted(() => {
        const mine = last.then(work);
        last = mine.catch(() => undefined);
        return mine;
      });
    },
  };
}

function onAbort(signal: AbortSignal, action: () => void): void {
  signal.addEventListener("abort", action, { once: true });
}

/** What comes of it, or the signal's reason as soon as it is aborted. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** A part of some work that can be ended for itself. */
export function partOf(parent: AbortSignal): { readonly signal: AbortSignal; end(reason?: Error): void } {
  const own = new AbortController();
  return {
    signal: AbortSignal.any([parent, own.signal]),
    end: (reason = new Aborted("aborted")) => own.abort(reason),
  };
}
