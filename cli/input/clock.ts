/**
 * The stream's clock, told from data whose dates may be wrong: the greatest time so far. A clock that has leapt to a wrong date makes
 * everything after it late, so a leap has to be borne out by the records that follow.
 */
const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
const EARLIEST_MS = 0;
const LATEST_MS = Date.UTC(2200, 0, 1);

/** So many records behind a leap are asked whether it is right. */
const WITNESSES = 100;

interface Dated {
  /** Null when the record tells no time. */
  readonly clockMs: number | null;
}

export interface OnClock<E> {
  readonly event: E;
  readonly arrivalMs: number;
}

/** A clock does not run backwards: a record that is behind it, or whose time is not believed, arrives when the one before it did. */
export async function* followClock<E extends Dated>(
  startMs: number,
  head: readonly E[],
  rest: AsyncGenerator<E>,
): AsyncGenerator<OnClock<E>> {
  const { next, following } = createQueue(head, rest);
  let arrivalMs = startMs;
  try {
    for (let event = await next(); event !== null; event = await next()) {
      const timeMs = event.clockMs ?? arrivalMs;
      const believed = !isLeap(arrivalMs, timeMs) || isBorneOut(arrivalMs, timeMs, timesOf(await following()));
      if (believed) arrivalMs = Math.max(arrivalMs, timeMs);
      yield { event, arrivalMs };
    }
  } finally {
    await rest.return(undefined);
  }
}

/** Records one by one, and those behind the last one, which are read ahead only when they are asked for. */
function createQueue<E>(head: readonly E[], rest: AsyncGenerator<E>) {
  const queue = [...head];
  const take = async (): Promise<E | null> => {
    const { done, value } = await rest.next();
    return done === true ? null : value;
  };
  return {
    next: async () => queue.shift() ?? (await take()),
    async following(): Promise<readonly E[]> {
      while (queue.length < WITNESSES) {
        const event = await take();
        if (event === null) break;
        queue.push(event);
      }
      return queue.slice(0, WITNESSES);
    },
  };
}

export function timesOf(events: readonly Dated[]): readonly number[] {
  return events.flatMap(({ clockMs }) => (clockMs === null ? [] : [clockMs]));
}

/** Null for a time that no record can have arrived at: before 1970 or after 2199. */
export function toClockTime(timeMs: number | null): number | null {
  return timeMs !== null && timeMs >= EARLIEST_MS && timeMs < LATEST_MS ? timeMs : null;
}

/** Whether a time is so far ahead that only the times behind it can tell a gap in the data from a wrong date. */
function isLeap(clockMs: number, timeMs: number): boolean {
  return timeMs - clockMs > DAY_MS;
}

/** A gap: most of the times that follow are there too. Where none follows, a wrong date is one that is years away. */
function isBorneOut(clockMs: number, timeMs: number, following: readonly number[]): boolean {
  if (following.length === 0) return timeMs - clockMs <= YEAR_MS;
  const there = following.filter((followingMs) => !isLeap(followingMs, timeMs));
  return there.length * 2 > following.length;
}

/** The first time that is no leap from the least of them: the first record of all may be the one with the wrong date. */
export function startOf(times: readonly number[]): number | null {
  const leastMs = times.reduce((least, timeMs) => Math.min(least, timeMs), Number.POSITIVE_INFINITY);
  const start = times.find(
    (timeMs, i) => !isLeap(leastMs, timeMs) || isBorneOut(leastMs, timeMs, times.slice(i + 1, i + 1 + WITNESSES)),
  );
  return start ?? null;
}
