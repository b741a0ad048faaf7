import { createHash } from "node:crypto";
import { countBy, type FeatureValue, type Scalar, sumBy, topK } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Input } from "../../layers/engine/aggregate.ts";
import {
  ALWAYS,
  aggregateOf,
  type Case,
  decimals,
  dump,
  foldAll,
  inputsOf,
  obeysTheLaws,
  stored,
  texts,
  toInput,
  wholes,
  windows,
} from "./aggregate-laws.ts";

const few = fc.constantFrom<Scalar>(null, "", "a", "b", "ü");
const names = inputsOf(fc.oneof(few, texts));

const CASES: readonly Case[] = [
  {
    spec: countBy("countBy within its limit", "name", { limit: 5, windows }),
    inputs: inputsOf(few),
    naive: (list) => pairs(tally(list)),
  },
  {
    spec: countBy("countBy", "name", { limit: 3, windows }),
    inputs: names,
    naive: (list) => bounded(tally(list), 3, (kept) => ({ kept: pairs(kept) })),
  },
  {
    spec: countBy("countBy numbers", "whole", { limit: 3, windows }),
    inputs: inputsOf(wholes),
    naive: (list) => bounded(tally(list), 3, (kept) => ({ kept: pairs(kept) })),
  },
  {
    spec: topK("topK", "name", { k: 2, limit: 4, windows }),
    inputs: names,
    naive: (list) => {
      const all = tally(list);
      return all.size > 4 ? { overflow: true, atLeast: 5 } : pairs(all).slice(0, 2);
    },
  },
  {
    spec: sumBy("sumBy", "price", "name", { limit: 3, windows }),
    inputs: inputsOf(decimals, fc.oneof(few, texts)),
    naive: (list) => bounded(sums(list), 3, (kept) => ({ kept: pairs(kept, 2) })),
  },
];

obeysTheLaws(CASES);

describe("a keyed map beyond its limit", () => {
  const spec = countBy("countBy", "name", { limit: 3, windows });
  const aggregate = aggregateOf(spec);

  it("counts exactly what it keeps, though a key came before and after others had pushed it to the edge", () => {
    const keys = ["a", "b", "c", "d", "e", "f", "g"];
    const list = [...keys, ...keys, ...keys.toReversed()].map((value) => toInput({ value }));
    const smallest = keys.toSorted((a, b) => md5(a) - md5(b)).slice(0, 3);
    const expected = { overflow: true, atLeast: 4, kept: smallest.sort().map((key) => [key, 3]) };
    expect(aggregate.result(foldAll(aggregate, list), ALWAYS)).toEqual(expected);
  });

  it("says so from either side of a merge, also when the other side brings nothing new", () => {
    const many = foldAll(
      aggregate,
      ["a", "b", "c", "d"].map((value) => toInput({ value })),
    ) as object;
    for (const value of ["a", "b", "c", "d"]) {
      const one = foldAll(aggregate, [toInput({ value })]) as object;
      for (const merged of [aggregate.merge(one, many), aggregate.merge(many, one)])
        expect(aggregate.result(merged, ALWAYS)).toMatchObject({ overflow: true, atLeast: 4 });
    }
  });

  it("takes its most bytes for the longest keys, and no more", () => {
    const list = ["🙂🙂🙂🙂", "🙃🙃🙃🙃", "🙂🙃🙂🙃", "🙃🙂🙃🙂"].map((value) => toInput({ value }));
    const bytes = dump(aggregate, foldAll(aggregate, list) as object).length / 2;
    expect(bytes).toBe(2 + 3 * (1 + 1 + 16 + 1));
    expect(bytes).toBeLessThanOrEqual(aggregate.maxBytes);
  });
});

describe("features that differ in what they give alone", () => {
  it("keep the same accumulators: topK and countBy", () => {
    const aggregate = aggregateOf(countBy("countBy", "name", { limit: 4, windows }));
    const top = aggregateOf(topK("topK", "name", { k: 1, limit: 4, windows }));
    const acc = foldAll(
      aggregate,
      ["b", "a", "b"].map((value) => toInput({ value })),
    );
    expect(top.result(acc, ALWAYS)).toEqual([["b", 2]]);
  });
});

function tally(inputs: readonly Input[]): Map<Scalar, bigint> {
  const out = new Map<Scalar, bigint>();
  for (const one of inputs) if (one.value !== null) out.set(stored(one), (out.get(stored(one)) ?? 0n) + 1n);
  return out;
}

function sums(inputs: readonly Input[]): Map<Scalar, bigint> {
  const out = new Map<Scalar, bigint>();
  for (const { value, by } of inputs) {
    if (value === null || by === null) continue;
    const key = stored(toInput({ value: by }));
    out.set(key, (out.get(key) ?? 0n) + BigInt(value as number));
  }
  return out;
}

function bounded(
  all: ReadonlyMap<Scalar, bigint>,
  limit: number,
  beyond: (kept: ReadonlyMap<Scalar, bigint>) => { readonly kept: FeatureValue },
): FeatureValue {
  const kept = [...all].sort(([a], [b]) => md5(a) - md5(b) || (String(a) < String(b) ? -1 : 1)).slice(0, limit);
  const given = beyond(new Map(kept)).kept;
  return all.size > limit ? ({ overflow: true, atLeast: limit + 1, kept: given } as FeatureValue) : given;
}

function pairs(all: ReadonlyMap<Scalar, bigint>, scale = 0): readonly (readonly [Scalar, number])[] {
  return [...all]
    .sort(([a, x], [b, y]) => (x === y ? (String(a) < String(b) ? -1 : 1) : x > y ? -1 : 1))
    .map(([key, amount]) => [key, Number(amount) / 10 ** scale] as const);
}

function md5(key: Scalar): number {
  return createHash("md5").update(String(key)).digest().readUIntBE(0, 6);
}
