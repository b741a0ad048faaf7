/**
 * Tasks one after another, in their order. A task that fails stays at the head and is tried again by the clock, with growing waits, and what
 * stands behind it waits too: Firehose retries and blocks delivery (C3.7). Nothing is lost, and no promise is left rejected.
 */
import type { Clock, Timer } from "../clock.ts";

export interface Task {
  /** What it is about, for messages: `writing the object lake/raw/…`. */
  readonly name: string;
  /** Of what it carries. */
  readonly oldestArrivalMs: number;
  run(): Promise<void>;
}

export interface RetryQueue {
  push(task: Task): void;
  /** Runs what is in the queue until it is empty or its head fails. Never rejects. */
  run(): Promise<void>;
  /**
   * As run; but rejects when the head has failed `triesBeforeGivingUp` times, or was stopped. A head that has failed less often is left to the
   * clock: then this resolves, and the queue is not idle.
   */
  flush(): Promise<void>;
  idle(): boolean;
  /** Of all tasks that are not done; null when there is none. */
  oldestArrivalMs(): number | null;
  /** No further try; what is left is told to the log. */
  stop(): void;
}

export interface RetryQueueOptions {
  readonly clock: Clock;
  /** Of the delivery stream. */
  readonly name: string;
  readonly log: (line: string) => void;
}

export const triesBeforeGivingUp = 8;
const firstWaitMs = 250;
const longestWaitMs = 60_000;

export function createRetryQueue({ clock, name, log }: RetryQueueOptions): RetryQueue {
  const tasks: Task[] = [];
  let running = 0;
  let lastRun: Promise<void> = Promise.resolve();
  /** Of the head. */
  let failure: { readonly tries: number; readonly error: unknown } | null = null;
  let retry: Timer | null = null;
  let stopped = false;

  const fail = (error: unknown): void => {
    const tries = (failure?.tries ?? 0) + 1;
    failure = { tries, error };
    if (stopped) {
      log(describe(stoppedText));
      return;
    }
    const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (tries - 1));
    log(describe(`The next try follows in ${waitMs / 1000} s.`));
    retry = clock.at(clock.now() + waitMs, () => {
      retry = null;
      return run();
    });
  };
  const work = async (): Promise<void> => {
    for (let [head] = tasks; head !== undefined && retry === null; [head] = tasks) {
      try {
        await head.run();
      } catch (error) {
        fail(error);
        break;
      }
      tasks.shift();
      failure = null;
    }
    running--;
  };
  const run = (): Promise<void> => {
    running++;
    lastRun = lastRun.then(work);
    return lastRun;
  };
  const describe = (next: string): string => {
    const { tries, error } = failure ?? { tries: 0, error: null };
    const times = tries === 1 ? "once" : `${tries} times`;
    const behind = tasks.length > 1 ? ` (and ${tasks.length - 1} more wait behind it)` : "";
    const reason = (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
    return `Delivery stream "${name}": ${tasks[0]?.name} failed ${times}${behind}: ${reason}. ${next}`;
  };
  const cancelRetry = (): void => {
    if (retry !== null) clock.cancel(retry);
    retry = null;
  };

  return {
    run,
    push: (task) => void tasks.push(task),
    async flush() {
      // Whoever flushes again after all those tries may have put it right.
      if ((failure?.tries ?? 0) >= triesBeforeGivingUp) cancelRetry();
      await run();
      if (failure === null) return;
      if (stopped) throw new Error(describe(stoppedText));
      if (failure.tries >= triesBeforeGivingUp) throw new Error(describe("Put that right, or stop without it."));
    },
    idle: () => tasks.length === 0 && running === 0,
    oldestArrivalMs: () => oldest(tasks.map((task) => task.oldestArrivalMs)),
    stop() {
      stopped = true;
      cancelRetry();
      if (failure !== null) log(describe(stoppedText));
    },
  };
}

/** The least, or null. */
export function oldest(times: readonly (number | null)[]): number | null {
  return times.reduce((least, time) => (least === null || (time !== null && time < least) ? time : least), null);
}

const stoppedText = "The delivery stream is stopped and gives up.";
