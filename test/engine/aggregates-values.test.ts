import {
  argMax,
  argMin,
  byteReader,
  distinct,
  first,
  firstK,
  last,
  lastK,
  lastKDistinct,
  type Scalar,
} from "@millrace/engine";
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
  newestFirst,
  obeysTheLaws,
  oldestFirst,
  present,
  stored,
  texts,
  toInput,
  wholes,
  windows,
  YEAR_0_MS,
  YEAR_9999_MS,
} from "./aggregate-laws.ts";

const name = inputsOf(texts);
const ranked = inputsOf(texts, fc.oneof(fc.constantFrom(null, 0, -0, 1), doubles));

const CASES: readonly Case[] = [
  {
    spec: first("first", "name", { windows }),
    inputs: name,
    naive: (list) => oldestFirst(list).map(stored)[0] ?? null,
  },
  { spec: last("last", "name", { windows }), inputs: name, naive: (list) => newestFirst(list).map(stored)[0] ?? null },
  {
    spec: last("last decimal", "price", { windows }),
    inputs: inputsOf(decimals),
    naive: (list) => newestFirst(list).map(inUnits)[0] ?? null,
  },
  {
    spec: firstK("firstK", "whole", { k: 3, windows }),
    inputs: inputsOf(wholes),
    naive: (list) => oldestFirst(list).slice(0, 3).map(stored),
  },
  {
    spec: firstK("firstK of flags", "flag", { k: 2, windows }),
    inputs: inputsOf(fc.constantFrom(null, true, false)),
    naive: (list) => oldestFirst(list).slice(0, 2).map(stored),
  },
  {
    spec: lastK("lastK", "name", { k: 3, windows }),
    inputs: name,
    naive: (list) => newestFirst(list).slice(0, 3).map(stored),
  },
  {
    spec: lastKDistinct("lastKDistinct", "name", { k: 3, windows }),
    inputs: name,
    naive: (list) => [...new Set(newestFirst(list).map(stored))].slice(0, 3),
  },
  { spec: argMin("argMin", "name", "level", { windows }), inputs: ranked, naive: (list) => winner(list, 1) },
  { spec: argMax("argMax", "name", "level", { windows }), inputs: ranked, naive: (list) => winner(list, -1) },
  {
    spec: distinct("distinct", "name", { limit: 4, windows }),
    inputs: name,
    naive: (list) => {
      const size = new Set(present(list).map(stored)).size;
      return size > 4 ? { overflow: true, atLeast: 5 } : size;
    },
  },
];

obeysTheLaws(CASES);

describe("distinct", () => {
  it("keeps the overflow of either side, also when the other adds nothing new", () => {
    const four = aggregateOf(distinct("distinct", "whole", { limit: 4, windows }));
    const many = foldAll(
      four,
      [1, 2, 3, 4, 5].map((value) => toInput({ value })),
    ) as object;
    for (const value of [1, 2, 3, 4, 5]) {
      const one = foldAll(four, [toInput({ value })]) as object;
      expect(four.result(four.merge(one, many), ALWAYS)).toEqual({ overflow: true, atLeast: 5 });
      expect(four.result(four.merge(many, one), ALWAYS)).toEqual({ overflow: true, atLeast: 5 });
    }
  });
});

describe.each([lastK("lastK", "name", { k: 3, windows }), lastKDistinct("lastKDistinct", "name", { k: 3, windows })])(
  "$name",
  (spec) => {
    const aggregate = aggregateOf(spec);
    const few = fc.oneof(fc.constantFrom<Scalar>("a", "b", "c", "d", "e"), texts);
    const recent = inputsOf(few, fc.constant(null), fc.integer({ min: -40, max: 80 }));
    const lists = fc.array(recent, { maxLength: 60, size: "max" });
    /** The events that make the feature as of `endMs`, newest first. */
    const naive = (inputs: readonly Input[], endMs: number): readonly Input[] => {
      const before = newestFirst(inputs.filter(({ timeMs }) => timeMs < endMs));
      const isLatest = (one: Input) => before.find((other) => stored(other) === stored(one)) === one;
      return (spec.kind === "lastK" ? before : before.filter(isLatest)).slice(0, 3);
    };

    it("is pruned to exactly what some as-of can still ask for, and answers it", () => {
      fc.assert(
        fc.property(lists, fc.integer({ min: -20, max: 20 }), (inputs, earliestAsOfMs) => {
          const acc = foldAll(aggregate, inputs);
          const pruned = acc && aggregate.prune?.(acc, { oldestMs: -1000, earliestAsOfMs });
          const wanted = new Set<Input>();
          for (let endMs = Math.ceil(earliestAsOfMs / 10) * 10; endMs <= 90; endMs += 10) {
            const expected = naive(inputs, endMs);
            expect(aggregate.result(pruned, { startMs: -1000, endMs })).toEqual(expected.map(stored));
            for (const one of expected) wanted.add(one);
          }
          expect(pruned === undefined ? 0 : countIn(dump(aggregate, pruned))).toBe(wanted.size);
        }),
      );
    });

    it("is of its window alone, whose end is not in it", () => {
      const acc = foldAll(
        aggregate,
        [9, 10, 19, 20].map((timeMs) => toInput({ value: `${timeMs}`, timeMs })),
      );
      expect(aggregate.result(acc, { startMs: 10, endMs: 20 })).toEqual(["19", "10"]);
    });

    it("is pruned to the same, whenever it was pruned before", () => {
      fc.assert(
        fc.property(lists, lists, fc.integer({ min: -20, max: 20 }), (before, after, asOfMs) => {
          const earlier = { oldestMs: -1010, earliestAsOfMs: asOfMs - 10 };
          const later = { oldestMs: -1000, earliestAsOfMs: asOfMs };
          const acc = foldAll(aggregate, before);
          const once = foldAll(aggregate, after, acc && aggregate.prune?.(acc, earlier));
          const never = foldAll(aggregate, [...before, ...after]);
          expect(once && aggregate.prune?.(once, later)).toEqual(never && aggregate.prune?.(never, later));
        }),
      );
    });

    it("forgets what no window reaches, and then is nothing", () => {
      const acc = foldAll(aggregate, [toInput({ value: "a", timeMs: 5 })]) as object;
      expect(aggregate.prune?.(acc, { oldestMs: 5, earliestAsOfMs: 5 })).toBe(acc);
      expect(aggregate.prune?.(acc, { oldestMs: 6, earliestAsOfMs: 6 })).toBeUndefined();
    });
  },
);

describe("a text that is as long as its column allows", () => {
  it.each([
    [first("x", "name", { windows }), 1 + 7 + 4 + 1 + 1 + 16],
    [firstK("x", "name", { k: 2, windows }), 1 + 2 * (8 + 4 + 1 + 1 + 16) - 1],
    [argMax("x", "name", "level", { windows }), 8 + 7 + 4 + 1 + 1 + 16],
  ])("takes its most bytes, and no more: $kind", (spec, expected) => {
    const aggregate = aggregateOf(spec);
    const ends = [YEAR_9999_MS, YEAR_0_MS].map((timeMs) => toInput({ value: "🙂🙂🙂🙂", by: 1, timeMs }));
    const bytes = dump(aggregate, foldAll(aggregate, ends) as object).length / 2;
    expect(bytes).toBe(expected);
    expect(bytes).toBeLessThanOrEqual(aggregate.maxBytes);
  });
});

describe("ties on the timestamp", () => {
  it("go by the fingerprint and then by the value's text, in any order of arrival", () => {
    const inputs = [
      { value: "b", by: 1, tie: 1 },
      { value: "a", by: 1, tie: 2 },
      { value: "c", by: 1, tie: 2 },
    ].map(toInput);
    for (const [spec, expected] of [
      [first("x", "name", { windows }), "b"],
      [last("x", "name", { windows }), "c"],
      [firstK("x", "name", { k: 2, windows }), ["b", "a"]],
      [lastK("x", "name", { k: 2, windows }), ["c", "a"]],
      [lastKDistinct("x", "name", { k: 2, windows }), ["c", "a"]],
      [argMin("x", "name", "level", { windows }), "b"],
      [argMax("x", "name", "level", { windows }), "b"],
    ] as const) {
      const aggregate = aggregateOf(spec);
      for (const list of [inputs, inputs.toReversed()])
        expect(aggregate.result(foldAll(aggregate, list), ALWAYS)).toEqual(expected);
    }
  });
});

/** The number of entries comes first. */
function countIn(hex: string): number {
  return byteReader(Buffer.from(hex, "hex")).varint();
}

function inUnits(one: Input): Scalar {
  return (stored(one) as number) / 100;
}

function winner(inputs: readonly Input[], sign: number): Scalar {
  const ranked = oldestFirst(inputs).filter(({ by }) => by !== null);
  return ranked.toSorted((a, b) => compare(a.by as number, b.by as number) * sign).map(stored)[0] ?? null;
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
