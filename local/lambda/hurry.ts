/**
 * In virtual time the clock stands still while a handler runs, so nothing is learnt by waiting: when no request is under way, the timer that is due
 * next goes off at once. A retry's backoff so takes no time, and a request's own timeout, which runs while the wire is busy, stays as it is.
 */
import { subscribe } from "node:diagnostics_channel";
import { syncBuiltinESMExports } from "node:module";
import promises from "node:timers/promises";

export interface Hurry {
  /** Waits of `limitMs` and more stay as they are: the function would time out meanwhile. */
  start(limitMs: number): void;
  stop(): void;
}

export function hurryTimers(): Hurry {
  const [realSet, realClear, realSleep] = [setTimeout, clearTimeout, promises.setTimeout];
  const waits = new Map<number, { readonly dueMs: number; readonly goOff: () => void }>();
  let requests = 0;
  let running = false;
  let longestMs = 0;
  let looking = false;

  const look = (): void => {
    if (looking || requests > 0 || waits.size === 0 || !running) return;
    looking = true;
    // The handler first gets its turn to send what follows from the last reply.
    setImmediate(() =>
      setImmediate(() => {
        looking = false;
        if (requests > 0 || !running) return;
        const [next] = [...waits].sort(([, a], [, b]) => a.dueMs - b.dueMs);
        next?.[1].goOff();
        look();
      }),
    );
  };
  subscribe("http.client.request.created", (message) => {
    requests++;
    (message as { request: { once(event: "close", done: () => void): void } }).request.once("close", () => {
      requests--;
      look();
    });
  });
  globalThis.setTimeout = ((action: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) => {
    const goOff = (): void => {
      waits.delete(id);
      realClear(timer);
      action(...args);
    };
    const timer = realSet(goOff, delayMs);
    const id = Number(timer);
    if (delayMs < longestMs) waits.set(id, { dueMs: performance.now() + delayMs, goOff });
    look();
    return timer;
  }) as typeof setTimeout;
  globalThis.clearTimeout = (timer) => {
    waits.delete(Number(timer));
    realClear(timer);
  };
  const sleep = (delayMs?: number, value?: unknown, options?: object): Promise<unknown> =>
    options === undefined
      ? new Promise((resolve) => setTimeout(resolve, delayMs, value))
      : realSleep(delayMs, value, options);
  promises.setTimeout = sleep as typeof promises.setTimeout;
  syncBuiltinESMExports();

  return {
    start(limitMs) {
      running = true;
      longestMs = limitMs;
      look();
    },
    stop() {
      running = false;
    },
  };
}

/** Jitter is the same in every run. The finisher is MurmurHash3's. */
export function randomOf(text: string): () => number {
  let state = 0;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  };
}
