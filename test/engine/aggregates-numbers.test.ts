import { count, histogram, max, mean, min, rate, standardDeviation, sum, variance } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import type { Input } from "../../layers/engine/aggregate.ts";
import { quotient } from "../../layers/engine/aggregates/exact.ts";
import {
  ALWAYS,
  aggregateOf,
  type Case,
  decimals,
  doubles,
  dump,
  foldAll,
  inputsOf,
  numbers,
  obeysTheLaws,
  toInput,
  undump,
  wholes,
  windows,
} from "./aggregate-laws.ts";

const whole = inputsOf(wholes);
const price = inputsOf(decimals);
const MINUTE = { startMs: -30_000, endMs: 30_000 };

const CASES: readonly Case[] = [
  { spec: count("count", { windows }), inputs: whole, naive: (list) => list.length },
  { spec: sum("sum", "whole", { windows }), inputs: whole, naive: (list) => Number(total(list)) },
  { spec: sum("sum of decimals", "price", { windows }), inputs: price, naive: (list) => unscaled(total(list)) },
  {
    spec: mean("mean", "price", { windows }),
    inputs: price,
    naive: (list) => (numbers(list).length === 0 ? null : unscaled(total(list)) / numbers(list).length),
  },
  { spec: min("min", "price", { windows }), inputs: price, naive: (list) => hundredths(ascending(list)[0]) },
  { spec: max("max", "price", { windows }), inputs: price, naive: (list) => hundredths(ascending(list).at(-1)) },
  {
    spec: max("max of doubles", "level", { windows }),
    inputs: inputsOf(doubles),
    naive: (list) => ascending(list).at(-1) ?? null,
  },
  {
    spec: variance("variance", "price", { of: "population", windows }),
    inputs: price,
    naive: (list) => naiveVariance(list, numbers(list).length),
  },
  {
    spec: variance("variance of a sample", "price", { of: "sample", windows }),
    inputs: price,
    naive: (list) => naiveVariance(list, numbers(list).length - 1),
  },
  {
    spec: standardDeviation("standard deviation", "price", { of: "population", windows }),
    inputs: price,
    naive: (list) => root(naiveVariance(list, numbers(list).length)),
  },
  {
    spec: histogram("histogram", "price", { bounds: [-9.5, 0, 0.01, 5], windows }),
    inputs: price,
    naive: (list) => [
      [null, between(list, Number.NEGATIVE_INFINITY, -950)],
      [-9.5, between(list, -950, 0)],
      [0, between(list, 0, 1)],
      [0.01, between(list, 1, 500)],
      [5, between(list, 500, Number.POSITIVE_INFINITY)],
    ],
  },
  {
    spec: rate("rate of events", { perMs: 1000, windows }),
    inputs: whole,
    window: MINUTE,
    naive: (list) => (list.length * 1000) / 60_000,
  },
  {
    spec: rate("rate of a sum", { column: "price", perMs: 1000, windows }),
    inputs: price,
    window: MINUTE,
    naive: (list) => (unscaled(total(list)) * 1000) / 60_000,
  },
];

obeysTheLaws(CASES);

describe("exact numbers", () => {
  it("leave the safe integers and come back to one form", () => {
    const exact = aggregateOf(sum("sum", "whole", { windows }));
    const largest = toInput({ value: Number.MAX_SAFE_INTEGER });
    const there = foldAll(exact, [largest, largest, largest]);
    expect(exact.result(there, ALWAYS)).toBe(3 * Number.MAX_SAFE_INTEGER);
    expect(dump(exact, there as object)).toBe(`0e${(3n * BigInt(Number.MAX_SAFE_INTEGER)).toString(16)}`);
    const back = foldAll(exact, [toInput({ value: -Number.MAX_SAFE_INTEGER }), toInput({ value: -5 })], there);
    const safe = foldAll(exact, [toInput({ value: -Number.MAX_SAFE_INTEGER })], back) as object;
    expect([safe, undump(exact, dump(exact, safe))]).toEqual([
      Number.MAX_SAFE_INTEGER - 5,
      Number.MAX_SAFE_INTEGER - 5,
    ]);
  });

  it("do not wrap at 2^64 or 2^106: ten million of the largest value, merged from tiles", () => {
    const exact = aggregateOf(sum("sum", "whole", { windows }));
    let acc = foldAll(exact, Array(10).fill(toInput({ value: Number.MAX_SAFE_INTEGER }))) as object;
    for (let i = 0; i < 60; i++) acc = exact.merge(acc, acc);
    expect(BigInt(acc as unknown as bigint)).toBe(10n * 2n ** 60n * BigInt(Number.MAX_SAFE_INTEGER));
  });

  it.each([
    [1n, 3n, 1 / 3],
    [-2n, 3n, -2 / 3],
    [10n ** 40n + 1n, 10n ** 40n, 1],
    // Half way between two doubles and a little more: the little more decides.
    [(2n ** 53n + 1n) * 10n ** 30n + 1n, 10n ** 30n, 2 ** 53 + 2],
    [(2n ** 53n + 1n) * 10n ** 30n, 10n ** 30n, 2 ** 53],
  ])("divides %s by %s to the nearest double", (a, b, expected) => expect(quotient(a, b)).toBe(expected));

  it("gives a variance that cancellation would drown in doubles", () => {
    const exact = aggregateOf(variance("variance", "whole", { of: "population", windows }));
    const far = [1e15, 1e15 + 1, 1e15 + 2].map((value) => toInput({ value }));
    expect(exact.result(foldAll(exact, far), ALWAYS)).toBe(2 / 3);
  });
});

describe("mistakes of others", () => {
  it("a mean of tiles is the mean of their events, not of their means", () => {
    const exact = aggregateOf(mean("mean", "whole", { windows }));
    const one = foldAll(exact, [toInput({ value: 10 })]) as object;
    const three = foldAll(exact, [toInput({ value: 2 }), toInput({ value: 2 }), toInput({ value: 2 })]) as object;
    expect(exact.result(exact.merge(one, three), ALWAYS)).toBe(4);
  });

  it("the max of tiles is the greatest of them and the min the least, never their sum", () => {
    for (const [spec, expected] of [
      [max("max", "whole", { windows }), 7],
      [min("min", "whole", { windows }), 3],
    ] as const) {
      const exact = aggregateOf(spec);
      const sides = [3, 7].map((value) => foldAll(exact, [toInput({ value })]) as object) as [object, object];
      expect(exact.result(exact.merge(...sides), ALWAYS)).toBe(expected);
    }
  });

  it("a rate over a window without a length is no number", () => {
    const events = aggregateOf(rate("rate", { perMs: 1000, windows }));
    const lifetime = { startMs: Number.NEGATIVE_INFINITY, endMs: 0 };
    expect(events.result(foldAll(events, [toInput({})]), lifetime)).toBeNull();
  });
});

function total(inputs: readonly Input[]): bigint {
  return numbers(inputs).reduce((sum, value) => sum + BigInt(value), 0n);
}

/** The number that the decimal text of a scaled integer spells. */
function unscaled(scaled: bigint): number {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(3, "0");
  return Number(`${scaled < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`);
}

function hundredths(value: number | undefined): number | null {
  return value === undefined ? null : unscaled(BigInt(value));
}

function ascending(inputs: readonly Input[]): number[] {
  return numbers(inputs).sort((a, b) => a - b);
}

function between(inputs: readonly Input[], from: number, to: number): number {
  return numbers(inputs).filter((value) => value >= from && value < to).length;
}

/** Σ(x - mean)² / divisor, over a common denominator and to 40 decimal places before it becomes a double. */
function naiveVariance(inputs: readonly Input[], divisor: number): number | null {
  const n = BigInt(numbers(inputs).length);
  if (divisor < 1) return null;
  const spread = numbers(inputs).reduce((sum, value) => sum + (n * BigInt(value) - total(inputs)) ** 2n, 0n);
  const scaled = (spread * 10n ** 40n) / (n * n * BigInt(divisor) * 10_000n);
  const digits = scaled.toString().padStart(41, "0");
  return Number(`${digits.slice(0, -40)}.${digits.slice(-40)}`);
}

function root(value: number | null): number | null {
  return value === null ? null : Math.sqrt(value);
}
