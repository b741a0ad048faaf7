import type { Aggregate } from "./aggregate.ts";
import type { SessionWindow } from "./window.ts";

/**
 * Sessions are composed at read time, like every window: tiles no wider than the gap cannot hide a pause, so the first and the last
 * event time of each tile tell where one session ends and the next begins. An event that comes late and joins two sessions so
 * updates one tile like any other, and an event after as-of cannot leak in through a session that it belongs to.
 */
export interface Span {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** First and last event time of a tile: a hidden slot in every resolution that sessions are made of. */
export const span: Aggregate<Span> = {
  add(acc, { timeMs }) {
    if (acc === undefined) return { firstMs: timeMs, lastMs: timeMs };
    if (timeMs >= acc.firstMs && timeMs <= acc.lastMs) return acc;
    return { firstMs: Math.min(acc.firstMs, timeMs), lastMs: Math.max(acc.lastMs, timeMs) };
  },
  merge: (a, b) => ({ firstMs: Math.min(a.firstMs, b.firstMs), lastMs: Math.max(a.lastMs, b.lastMs) }),
  result: () => null,
  write(writer, { firstMs, lastMs }) {
    writer.signed(firstMs);
    writer.varint(lastMs - firstMs);
  },
  read(reader) {
    const firstMs = reader.signed();
    return { firstMs, lastMs: firstMs + reader.varint() };
  },
  maxBytes: 16,
};

/** Whether a later event time still belongs to the session of an earlier one, its predecessor. */
export function isOneSession(
  { gapMs, gapEqual, longestMs }: SessionWindow,
  earlierMs: number,
  laterMs: number,
): boolean {
  const pauseMs = laterMs - earlierMs;
  if (gapEqual === "merge" ? pauseMs > gapMs : pauseMs >= gapMs) return false;
  return Math.floor(earlierMs / longestMs) === Math.floor(laterMs / longestMs);
}
