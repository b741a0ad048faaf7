/**
 * The identities of events that a producer may still send again, ascending by (event time, high, low), in columns [from, to).
 * Events come nearly in order of time, so the place of a new one is close to the end.
 */
export interface Fingerprints {
  times: Float64Array;
  highs: Uint32Array;
  lows: Uint32Array;
  from: number;
  to: number;
}

export function noFingerprints(): Fingerprints {
  return { times: new Float64Array(16), highs: new Uint32Array(16), lows: new Uint32Array(16), from: 0, to: 0 };
}

export function clear(list: Fingerprints): void {
  list.from = 0;
  list.to = 0;
}

export function sizeOf({ from, to }: Fingerprints): number {
  return to - from;
}

export function has(list: Fingerprints, timeMs: number, high: number, low: number): boolean {
  return list.to > list.from && search(list, timeMs, high, low) >= 0;
}

/** Adds a fingerprint unless it is there. */
export function add(list: Fingerprints, timeMs: number, high: number, low: number): void {
  const place = search(list, timeMs, high, low);
  if (place >= 0) return;
  insert(list.to === list.times.length ? grow(list) : list, -1 - place, timeMs, high, low);
}

/** Adds one that stands behind all others. */
export function append(list: Fingerprints, timeMs: number, high: number, low: number): void {
  insert(list.to === list.times.length ? grow(list) : list, list.to, timeMs, high, low);
}

/** Forgets the first `count`, the oldest by event time. */
export function dropFirst(list: Fingerprints, count: number): void {
  list.from += count;
}

/** Forgets what happened before `oldestMs`. */
export function dropBefore(list: Fingerprints, oldestMs: number): void {
  while (list.from < list.to && (list.times[list.from] as number) < oldestMs) list.from++;
}

/** Where a fingerprint stands, or -1 less the place where it would stand. */
function search({ times, highs, lows, from, to }: Fingerprints, timeMs: number, high: number, low: number): number {
  let at = to;
  while (at > from) {
    const i = at - 1;
    const order = (times[i] as number) - timeMs || (highs[i] as number) - high || (lows[i] as number) - low;
    if (order === 0) return i;
    if (order < 0) break;
    at = i;
  }
  return -1 - at;
}

function insert(list: Fingerprints, at: number, timeMs: number, high: number, low: number): void {
  const { times, highs, lows, to } = list;
  if (at < to) for (const column of [times, highs, lows]) column.copyWithin(at + 1, at, to);
  times[at] = timeMs;
  highs[at] = high;
  lows[at] = low;
  list.to++;
}

/** Doubles the columns; what was forgotten at the front stays forgotten. */
function grow(list: Fingerprints): Fingerprints {
  const { times, highs, lows } = list;
  const length = times.length * 2;
  list.times = new Float64Array(length);
  list.highs = new Uint32Array(length);
  list.lows = new Uint32Array(length);
  list.times.set(times);
  list.highs.set(highs);
  list.lows.set(lows);
  return list;
}
