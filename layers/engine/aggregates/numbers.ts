import type { Aggregate } from "../aggregate.ts";
import { fromScaled } from "../decimal.ts";
import { type Exact, plus, quotient, readExact, SUM_BYTES, squared, writeExact } from "./exact.ts";

/**
 * The numeric aggregates. Sums are integers of any size, scaled by the column's decimals: they cannot wrap, lose a cent, or
 * depend on the order of additions. Mean keeps sum and count, because a mean of means is not the mean; variance keeps the sum of
 * squares too, because exact sums cannot cancel out as running differences do.
 */
export const count: Aggregate<number> = {
  add: (acc) => (acc ?? 0) + 1,
  merge: (a, b) => a + b,
  result: (acc) => acc ?? 0,
  write: (writer, acc) => writer.varint(acc),
  read: (reader) => reader.varint(),
  maxBytes: 8,
};

export function sum(scale: number): Aggregate<Exact> {
  return {
    add: (acc, { value }) => (value === null ? acc : plus(acc ?? 0, value as number)),
    merge: plus,
    result: (acc) => fromScaled(acc ?? 0, scale),
    write: writeExact,
    read: readExact,
    maxBytes: SUM_BYTES,
  };
}

interface Mean {
  sum: Exact;
  count: number;
}

export function mean(scale: number): Aggregate<Mean> {
  return {
    add(acc, { value }) {
      if (value === null) return acc;
      if (acc === undefined) return { sum: plus(0, value as number), count: 1 };
      acc.sum = plus(acc.sum, value as number);
      acc.count++;
      return acc;
    },
    merge: (a, b) => ({ sum: plus(a.sum, b.sum), count: a.count + b.count }),
    result: (acc) => (acc === undefined ? null : fromScaled(acc.sum, scale) / acc.count),
    write(writer, acc) {
      writeExact(writer, acc.sum);
      writer.varint(acc.count);
    },
    read: (reader) => ({ sum: readExact(reader), count: reader.varint() }),
    maxBytes: SUM_BYTES + 8,
  };
}

interface Powers extends Mean {
  squares: Exact;
}

/** n Σx² - (Σx)² over n², or over n (n - 1) for a sample: the double nearest to it, and of that the square root. */
export function variance(scale: number, of: "population" | "sample", give: "variance" | "root"): Aggregate<Powers> {
  return {
    add(acc, { value }) {
      if (value === null) return acc;
      const x = value as number;
      if (acc === undefined) return { sum: plus(0, x), count: 1, squares: squared(x) };
      acc.sum = plus(acc.sum, x);
      acc.squares = plus(acc.squares, squared(x));
      acc.count++;
      return acc;
    },
    merge: (a, b) => ({
      sum: plus(a.sum, b.sum),
      count: a.count + b.count,
      squares: plus(a.squares, b.squares),
    }),
    result(acc) {
      const n = BigInt(acc?.count ?? 0);
      const divisor = n * (of === "population" ? n : n - 1n);
      if (acc === undefined || divisor === 0n) return null;
      const total = BigInt(acc.sum);
      const spread = quotient(n * BigInt(acc.squares) - total * total, divisor * 10n ** BigInt(2 * scale));
      return give === "variance" ? spread : Math.sqrt(spread);
    },
    write(writer, acc) {
      writeExact(writer, acc.sum);
      writeExact(writer, acc.squares);
      writer.varint(acc.count);
    },
    read: (reader) => ({ sum: readExact(reader), squares: readExact(reader), count: reader.varint() }),
    // A square has 106 bits, and 2^53 of them 159.
    maxBytes: SUM_BYTES + 21 + 8,
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
