/**
 * The identities of events that a producer may still send again, ascending by (event time, high, low). Events come nearly in
 * order of time, so the place of a new one is close to the end.
 */
export interface Fingerprints {
  readonly times: number[];
  readonly highs: number[];
  readonly lows: number[];
}

export function noFingerprints(): Fingerprints {
  return { times: [], highs: [], lows: [] };
}

export function has(list: Fingerprints, timeMs: number, high: number, low: number): boolean {
  return search(list, timeMs, high, low) >= 0;
}

/** Adds a fingerprint unless it is there. */
export function add(list: Fingerprints, timeMs: number, high: number, low: number): void {
  const place = search(list, timeMs, high, low);
  if (place >= 0) return;
  const at = -1 - place;
  list.times.splice(at, 0, timeMs);
  list.highs.splice(at, 0, high);
  list.lows.splice(at, 0, low);
}

/** Forgets the first `count`, the oldest by event time. */
export function dropFirst({ times, highs, lows }: Fingerprints, count: number): void {
  for (const column of [times, highs, lows]) column.splice(0, count);
}

/** Forgets what happened before `oldestMs`. */
export function dropBefore(list: Fingerprints, oldestMs: number): void {
  let expired = 0;
  while (expired < list.times.length && (list.times[expired] as number) < oldestMs) expired++;
  dropFirst(list, expired);
}

/** Where a fingerprint stands, or -1 less the place where it would stand. */
function search({ times, highs, lows }: Fingerprints, timeMs: number, high: number, low: number): number {
  let at = times.length;
  while (at > 0) {
    const i = at - 1;
    const order = (times[i] as number) - timeMs || (highs[i] as number) - high || (lows[i] as number) - low;
    if (order === 0) return i;
    if (order < 0) break;
    at = i;
  }
  return -1 - at;
}
