import { createHash } from "node:crypto";
import { distinct, type FeatureValue, percentile } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Input } from "../../layers/engine/aggregate.ts";
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
  present,
  stored,
  texts,
  toInput,
  wholes,
  windows,
} from "./aggregate-laws.ts";

const estimated = { beyond: "estimate", windows } as const;

const CASES: readonly Case[] = [
  {
    spec: distinct("distinct, then estimated", "name", { limit: 4, relativeError: 0.26, ...estimated }),
    inputs: inputsOf(texts),
    naive: (list) => naiveEstimate(list, 4, 4),
  },
  {
    spec: distinct("distinct, then estimated with sparse registers", "whole", {
      limit: 4,
      relativeError: 0.033,
      ...estimated,
    }),
    inputs: inputsOf(wholes),
    naive: (list) => naiveEstimate(list, 4, 10),
  },
  {
    spec: percentile("median of decimals", "price", { percent: 50, windows }),
    inputs: inputsOf(decimals),
    naive: (list) => naivePercentile(list, { percent: 50, bins: 512, relativeError: 0.01, first: 1, scale: 2 }),
  },
  {
    spec: percentile("percentile of few bins", "whole", { percent: 37.5, bins: 3, relativeError: 0.05, windows }),
    inputs: inputsOf(wholes),
    naive: (list) => naivePercentile(list, { percent: 37.5, bins: 3, relativeError: 0.05, first: 1, scale: 0 }),
  },
  {
    spec: percentile("percentile of doubles", "level", { percent: 0, bins: 4, windows }),
    inputs: inputsOf(doubles),
    naive: (list) => naivePercentile(list, { percent: 0, bins: 4, relativeError: 0.01, first: 1e-9, scale: 0 }),
  },
];

obeysTheLaws(CASES);

describe("distinct beyond its limit", () => {
  it.each([
    [0.033, 0.0325],
    [0.01, 0.008125],
  ])("has a standard error of at most %s: over 40 sets, the root mean square is what it says", (given, said) => {
    const aggregate = aggregateOf(distinct("items", "name", { limit: 32, relativeError: given, ...estimated }));
    for (const size of [100, 1000, 5000]) {
      let squares = 0;
      const runs = 40;
      for (let run = 0; run < runs; run++) {
        const list = Array.from({ length: size }, (_, i) => toInput({ value: `${run}-${i}` }));
        const result = aggregate.result(foldAll(aggregate, list), ALWAYS) as {
          estimate: number;
          relativeError: number;
        };
        expect(result.relativeError).toBeCloseTo(said, 10);
        squares += (result.estimate / size - 1) ** 2;
      }
      // 40 runs know the standard deviation to about a ninth; half as much again would be far out.
      expect(Math.sqrt(squares / runs)).toBeLessThan(said * 1.4);
    }
  });

  it("never estimates fewer than it has seen for certain, and takes no more bytes than it says when all is full", () => {
    const aggregate = aggregateOf(distinct("items", "name", { limit: 4, relativeError: 0.26, ...estimated }));
    const list = Array.from({ length: 5000 }, (_, i) => toInput({ value: `${i}` }));
    for (const size of [5, 6, 7, 20, 5000]) {
      const acc = foldAll(aggregate, list.slice(0, size)) as object;
      expect((aggregate.result(acc, ALWAYS) as { estimate: number }).estimate).toBeGreaterThanOrEqual(5);
      expect(dump(aggregate, acc).length / 2).toBeLessThanOrEqual(aggregate.maxBytes);
    }
  });

  it("ranks the emptiest hash highest", () => {
    const aggregate = aggregateOf(distinct("items", "name", { limit: 1, relativeError: 0.26, ...estimated }));
    const acc = foldAll(aggregate, [
      { ...toInput({ value: "zeros" }), hash: 0 },
      { ...toInput({ value: "ones" }), hash: 2 ** 48 - 1 },
    ]) as object;
    // Two of 16 registers are filled: the first with rank 45, gap 0; the last with rank 1, after a gap of 14.
    expect(dump(aggregate, acc)).toBe(`05${"2d"}${"8107"}`);
  });
});

describe("a percentile", () => {
  const near = fc.oneof(fc.integer({ min: 1, max: 10 ** 6 }), fc.integer({ min: -1000, max: 1000 }));

  it("is within its relative error of the value at its rank, whatever the values", () => {
    fc.assert(
      fc.property(
        fc.array(near, { minLength: 1, maxLength: 200, size: "max" }),
        fc.integer({ min: 0, max: 1000 }).map((n) => n / 10),
        fc.constantFrom(0.005, 0.01, 0.1),
        (values, percent, relativeError) => {
          const spec = percentile("p", "whole", { percent, relativeError, bins: 2048, windows });
          const given = aggregateOf(spec).result(
            foldAll(
              aggregateOf(spec),
              values.map((value) => toInput({ value })),
            ),
            ALWAYS,
          );
          const exact = valueAtRank(values, percent);
          expect(Math.abs((given as number) - exact)).toBeLessThanOrEqual(
            Math.abs(exact) * relativeError * (1 + 1e-12),
          );
        },
      ),
    );
  });

  it("of small whole numbers is exact", () => {
    for (let value = -49; value <= 49; value++) {
      const aggregate = aggregateOf(percentile("p", "whole", { percent: 50, windows }));
      expect(aggregate.result(foldAll(aggregate, [toInput({ value })]), ALWAYS)).toBe(value + 0);
    }
  });

  it("shares its sketch with the other percentiles of the column", () => {
    const median = aggregateOf(percentile("median", "whole", { percent: 50, windows }));
    const high = aggregateOf(percentile("high", "whole", { percent: 100, windows }));
    const acc = foldAll(
      median,
      [1, 2, 3].map((value) => toInput({ value })),
    );
    expect([median.result(acc, ALWAYS), high.result(acc, ALWAYS)]).toEqual([2, 3]);
  });

  it("that lies below the kept bins says overflow and that it is at least the lowest bin's lower bound", () => {
    const spec = { bins: 2, relativeError: 0.1, windows };
    const list = [100, 1000, 10_000, 100_000].map((value) => toInput({ value }));
    const low = aggregateOf(percentile("p", "price", { ...spec, percent: 50 }));
    const high = aggregateOf(percentile("p", "price", { ...spec, percent: 75 }));
    const given = low.result(foldAll(low, list), ALWAYS) as { overflow: true; atLeast: number };
    expect(given.overflow).toBe(true);
    expect(given.atLeast).toBeGreaterThan(0.8);
    expect(given.atLeast).toBeLessThanOrEqual(1);
    expect(Math.abs((high.result(foldAll(high, list), ALWAYS) as number) - 100)).toBeLessThanOrEqual(10);
  });

  it("takes no more bytes than it says over bins from end to end", () => {
    const aggregate = aggregateOf(percentile("p", "level", { percent: 50, relativeError: 0.005, bins: 8, windows }));
    const ends = [Number.MAX_VALUE, 1, 1e-300, -1e-9, -1e-8, -1, -1e300, -Number.MAX_VALUE, 1e9, 1e200];
    let acc = foldAll(
      aggregate,
      ends.map((value) => toInput({ value })),
    ) as object;
    for (let i = 0; i < 49; i++) acc = aggregate.merge(acc, acc);
    expect(dump(aggregate, acc).length / 2).toBeLessThanOrEqual(aggregate.maxBytes);
    expect(dump(aggregate, acc).length / 2).toBeGreaterThan(aggregate.maxBytes * 0.8);
  });
});

function naiveEstimate(inputs: readonly Input[], limit: number, precision: number): FeatureValue {
  const values = new Set(present(inputs).map(stored));
  if (values.size <= limit) return values.size;
  const ranks = new Map<string, number>();
  for (const value of values) {
    const bits = BigInt(`0x${createHash("md5").update(String(value)).digest("hex").slice(0, 12)}`)
      .toString(2)
      .padStart(48, "0");
    const rank = bits.slice(precision).indexOf("1") + 1 || 48 - precision + 1;
    ranks.set(bits.slice(0, precision), Math.max(rank, ranks.get(bits.slice(0, precision)) ?? 0));
  }
  const m = 2 ** precision;
  const relativeError = 1.04 / Math.sqrt(m);
  return { estimate: Math.max(limit + 1, Math.round(ertl([...ranks.values()], m, 48 - precision))), relativeError };
}

/** Ertl's estimator with its two series written out to 60 terms. */
function ertl(ranks: readonly number[], m: number, q: number): number {
  const share = (rank: number) => ranks.filter((one) => one === rank).length / m;
  const empty = 1 - ranks.length / m;
  const full = 1 - share(q + 1);
  let sigma = empty;
  let tau = 1 - full;
  for (let k = 1; k <= 60; k++) {
    sigma += empty ** (2 ** k) * 2 ** (k - 1);
    tau -= (1 - full ** (2 ** -k)) ** 2 * 2 ** -k;
  }
  const ranked = Array.from({ length: q }, (_, i) => share(i + 1) * 2 ** -(i + 1)).reduce((a, b) => a + b, 0);
  return m / (2 * Math.LN2) / (sigma + ranked + (tau / 3) * 2 ** -q);
}

interface Naive {
  readonly percent: number;
  readonly bins: number;
  readonly relativeError: number;
  readonly first: number;
  readonly scale: number;
}

/** Sorts all values, looks at the one of the rank, and says what stands for its bin, found by walking along the bounds. */
function naivePercentile(inputs: readonly Input[], given: Naive): FeatureValue {
  const { percent, bins, relativeError, first, scale } = given;
  const values = numbers(inputs);
  if (values.length === 0) return null;
  const factor = (1 + relativeError) / (1 - relativeError);
  const last = first === 1 ? 2 ** 53 : Number.MAX_VALUE;
  const bounds = (value: number): readonly [number, number] => {
    let lower = 0;
    let upper = first;
    while (upper < Math.abs(value)) [lower, upper] = [upper, Math.min(upper * factor, last)];
    return [lower, upper];
  };
  const key = (value: number) => (Math.abs(value) < first ? 0 : Math.sign(value) * bounds(value)[1]);
  const keys = [...new Set(values.map(key))].sort((a, b) => b - a);
  const exact = valueAtRank(values, percent);
  if (keys.slice(bins).includes(key(exact))) {
    const lowest = keys.at(-1) as number;
    const atLeast = lowest === 0 ? (first === 1 ? 0 : -first) : lowest < 0 ? lowest : bounds(lowest)[0] || first;
    return { overflow: true, atLeast: atLeast / 10 ** scale };
  }
  if (key(exact) === 0) return 0;
  const [lower, upper] = bounds(exact);
  const middle = lower === 0 ? upper : 2 / (1 / lower + 1 / upper);
  const rounded = first === 1 && relativeError * upper < 0.5 ? Math.round(middle) : middle;
  return (Math.sign(exact) * rounded) / 10 ** scale;
}

function valueAtRank(values: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((values.length * Math.round(percent * 1000)) / 100_000));
  return values.toSorted((a, b) => a - b)[rank - 1] as number;
}
