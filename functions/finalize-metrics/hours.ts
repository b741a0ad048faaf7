import type { CompiledMetric } from "@millrace/engine";

/** Half-open (epoch ms). */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The hours of a range that are this one of their day. */
export function hoursIn({ fromMs, toMs }: Range, hour: number): readonly number[] {
  const hours: number[] = [];
  for (let ms = Math.floor(fromMs / DAY_MS) * DAY_MS + hour * HOUR_MS; ms < toMs; ms += DAY_MS) {
    if (ms >= fromMs) hours.push(ms);
  }
  return hours;
}

/** Which hours of a day a time has, as an unload's partitions call them: `00` to `23`. */
export function partsOf({ fromMs, toMs }: Range): readonly string[] {
  const parts = new Set<string>();
  for (let ms = Math.floor(fromMs / HOUR_MS) * HOUR_MS; ms < toMs && parts.size < 24; ms += HOUR_MS)
    parts.add(new Date(ms).toISOString().slice(11, 13));
  return [...parts];
}

/** A window that goes on in the next hour is of two parts, and neither can tell what it lacks. */
export function fitsHours({ everyMs }: CompiledMetric): boolean {
  return HOUR_MS % everyMs === 0;
}
