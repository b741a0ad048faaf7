import type { Aggregate } from "../aggregate.ts";
import { fromScaled } from "../decimal.ts";

/**
 * The numeric aggregates. Sums are integers of any size, scaled by the column's decimals: they cannot wrap, lose a cent, or
 * depend on the order of additions. Mean keeps sum and count, because a mean of means is not the mean.
 */
export const count: Aggregate<number> = {
  add: (acc) => (acc ?? 0) + 1,
  merge: (a, b) => a + b,
  result: (acc) => acc ?? 0,
  write: (writer, acc) => writer.varint(acc),
  read: (reader) => reader.varint(),
  maxBytes: 8,
};

export function sum(scale: number): Aggregate<bigint> {
  return {
    add: (acc, { value }) => (value === null ? acc : (acc ?? 0n) + BigInt(value as number)),
    merge: (a, b) => a + b,
    result: (acc) => fromScaled(acc ?? 0n, scale),
    write: (writer, acc) => writer.bigint(acc),
    read: (reader) => reader.bigint(),
    maxBytes: 16,
  };
}

interface Mean {
  readonly sum: bigint;
  readonly count: number;
}

export function mean(scale: number): Aggregate<Mean> {
  return {
    add: (acc, { value }) =>
      value === null ? acc : { sum: (acc?.sum ?? 0n) + BigInt(value as number), count: (acc?.count ?? 0) + 1 },
    merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
    result: (acc) => (acc === undefined ? null : fromScaled(acc.sum, scale) / acc.count),
    write(writer, acc) {
      writer.bigint(acc.sum);
      writer.varint(acc.count);
    },
    read: (reader) => ({ sum: reader.bigint(), count: reader.varint() }),
    maxBytes: 24,
  };
}

/** `least` or `greatest` of a numeric column, kept as the column's (scaled) number. */
export function extreme(which: "least" | "greatest", scale: number): Aggregate<number> {
  // Minus zero becomes zero on the way in, so that equal values have equal bytes.
  const pick = which === "least" ? Math.min : Math.max;
  return {
    add: (acc, { value }) =>
      value === null ? acc : acc === undefined ? (value as number) + 0 : pick(acc, (value as number) + 0),
    merge: (a, b) => pick(a, b),
    result: (acc) => (acc === undefined ? null : fromScaled(acc, scale)),
    write: (writer, acc) => writer.float64(acc),
    read: (reader) => reader.float64(),
    maxBytes: 8,
  };
}
