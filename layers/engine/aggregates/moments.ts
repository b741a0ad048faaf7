import type { Aggregate, Bounds } from "../aggregate.ts";
import { fromScaled } from "../decimal.ts";
import type { Exact } from "./exact.ts";
import { count, sum } from "./numbers.ts";

/** What looks at when events were, or only whether they were. */

/** How long before the end of the window its first or last event was (ms). */
export function since(which: "first" | "last"): Aggregate<number> {
  const pick = which === "first" ? Math.min : Math.max;
  return {
    add: (acc, { timeMs }) => (acc === undefined ? timeMs + 0 : pick(acc, timeMs + 0)),
    merge: (a, b) => pick(a, b),
    result: (acc, { endMs }) => (acc === undefined ? null : endMs - acc),
    write: (writer, acc) => writer.signed(acc),
    read: (reader) => reader.signed(),
    maxBytes: 8,
  };
}

/** That the slot is taken says it all. */
export const any: Aggregate<true> = {
  add: () => true,
  merge: () => true,
  result: (acc) => acc ?? false,
  write: () => {},
  read: () => true,
  maxBytes: 0,
};

/** `Input.value` is not 0 where the event meets the condition. */
export const all: Aggregate<boolean> = {
  add: (acc, { value }) => acc !== false && value !== 0,
  merge: (a, b) => a && b,
  result: (acc) => acc ?? null,
  write: (writer, acc) => writer.byte(acc ? 1 : 0),
  read: (reader) => reader.byte() === 1,
  maxBytes: 1,
};

/** Events per `perMs` over the window's length. */
export function countRate(perMs: number): Aggregate<number> {
  return { ...count, result: (acc, window) => per(acc ?? 0, perMs, window) };
}

/** The column's sum per `perMs` over the window's length. */
export function sumRate(perMs: number, scale: number): Aggregate<Exact> {
  return { ...sum(scale), result: (acc, window) => per(fromScaled(acc ?? 0, scale), perMs, window) };
}

/** Null where the window has no length. */
function per(amount: number, perMs: number, { startMs, endMs }: Bounds): number | null {
  const lengthMs = endMs - startMs;
  return Number.isFinite(lengthMs) && lengthMs > 0 ? (amount * perMs) / lengthMs : null;
}
