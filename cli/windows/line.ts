import type { WindowRow } from "@millrace/engine";

/** One window as a line of JSON, times as ISO 8601. */
export function toLine({ startMs, endMs, ...row }: WindowRow): string {
  const { view, entity, window, features } = row;
  return JSON.stringify({ view, entity, window, start: isoOf(startMs), end: isoOf(endMs), features });
}

/** Null where a window has no start, and for a time that no calendar has. */
function isoOf(ms: number | null): string | null {
  return ms === null || Math.abs(ms) > 8.64e15 ? null : new Date(ms).toISOString();
}
