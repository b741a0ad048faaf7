import { byteReader, byteWriter, type FeatureValue } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Aggregate, Input } from "../../layers/engine/aggregate.ts";
import { distinct } from "../../layers/engine/aggregates/distinct.ts";
import { last } from "../../layers/engine/aggregates/last.ts";
import { count, extreme, mean, sum } from "../../layers/engine/aggregates/numbers.ts";
import { hash48 } from "../../layers/engine/md5.ts";

/** The tests look at accumulators only through the aggregate. */
const opaque = (aggregate: unknown) => aggregate as Aggregate<object>;

/** Every aggregate with what it must give over a list of inputs, computed the slow way. */
const ALL: readonly [string, Aggregate<object>, (inputs: readonly Input[]) => FeatureValue][] = [
  ["count", opaque(count), (inputs) => inputs.length],
  ["sum", opaque(sum(0)), (inputs) => Number(total(inputs))],
  [
    "mean",
    opaque(mean(0)),
    (inputs) => (values(inputs).length === 0 ? null : Number(total(inputs)) / values(inputs).length),
  ],
  ["min", opaque(extreme("least", 0)), (inputs) => values(inputs).sort((a, b) => a - b)[0] ?? null],
  ["max", opaque(extreme("greatest", 0)), (inputs) => values(inputs).sort((a, b) => b - a)[0] ?? null],
  ["distinct", opaque(distinct(4)), (inputs) => bounded(new Set(values(inputs)).size, 4)],
  [
    "lastK",
    opaque(last(3, 10)),
    (inputs) =>
      newestFirst(inputs)
        .slice(0, 3)
        .map(({ value }) => value),
  ],
];
const WINDOW = { startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY };

const input: fc.Arbitrary<Input> = fc
  .record({
    value: fc.oneof(
      fc.constantFrom(null, 0, -0, 1, 2, 3, 4, 5, 6),
      fc.integer(),
      fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
    ),
    timeMs: fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constantFrom(-62_167_219_200_000, 253_402_300_799_999)),
    tie: fc.oneof(fc.constantFrom(0, 1), fc.nat(2 ** 32 - 1)),
  })
  .map(toInput);

describe.each(ALL)("%s", (_, aggregate, naive) => {
  it("gives what the slow way gives, in whatever grouping it is merged", () => {
    fc.assert(
      fc.property(fc.array(input), fc.array(fc.nat(5)), (inputs, groups) => {
        const parts = new Map<number, object | undefined>();
        inputs.forEach((one, i) => {
          const group = groups[i % Math.max(groups.length, 1)] ?? 0;
          parts.set(group, aggregate.add(parts.get(group), one));
        });
        const sides = [...parts.values()].filter((acc) => acc !== undefined);
        const forward = sides.length === 0 ? undefined : sides.reduce((a, b) => aggregate.merge(a, b));
        const backward = sides.length === 0 ? undefined : sides.reduceRight((a, b) => aggregate.merge(a, b));
        expect(aggregate.result(forward, WINDOW)).toEqual(naive(inputs));
        expect(aggregate.result(backward, WINDOW)).toEqual(naive(inputs));
      }),
    );
  });

  it("merges without changing its arguments", () => {
    fc.assert(
      fc.property(fc.array(input), fc.array(input), (left, right) => {
        const a = fold(aggregate, left);
        const b = fold(aggregate, right);
        if (a === undefined || b === undefined) return;
        const before = [dump(aggregate, a), dump(aggregate, b)];
        aggregate.merge(a, b);
        expect([dump(aggregate, a), dump(aggregate, b)]).toEqual(before);
      }),
    );
  });

  it("has one binary form, whatever the order of events, and reads it back", () => {
    fc.assert(
      fc.property(fc.array(input), (inputs) => {
        const acc = fold(aggregate, inputs);
        if (acc === undefined) return;
        expect(dump(aggregate, fold(aggregate, [...inputs].reverse()) as object)).toBe(dump(aggregate, acc));
        const reader = byteReader(Buffer.from(dump(aggregate, acc), "hex"));
        expect(dump(aggregate, aggregate.read(reader))).toBe(dump(aggregate, acc));
        reader.end();
      }),
    );
  });
});

describe("distinct", () => {
  it("keeps the overflow of either side, also when the other adds nothing new", () => {
    const four = distinct(4);
    const many = fold(
      four,
      [1, 2, 3, 4, 5].map((value) => toInput({ value, timeMs: 0, tie: 0 })),
    );
    const kept = [1, 2, 3, 4, 5].map((value) => fold(four, [toInput({ value, timeMs: 0, tie: 0 })]));
    for (const one of kept) {
      if (one === undefined || many === undefined) throw new Error("nothing was added");
      expect(four.result(four.merge(one, many), WINDOW)).toEqual({ overflow: true, atLeast: 5 });
      expect(four.result(four.merge(many, one), WINDOW)).toEqual({ overflow: true, atLeast: 5 });
    }
  });
});

describe("lastK", () => {
  it("still answers every as-of that can be asked after pruning, and keeps little", () => {
    fc.assert(
      fc.property(
        fc.array(input, { maxLength: 60 }),
        fc.integer({ min: -20, max: 20 }),
        fc.nat(30),
        (inputs, earliestAsOfMs, laterMs) => {
          const recent = inputs.filter(({ timeMs }) => Math.abs(timeMs) <= 20);
          const three = last(3, 10);
          const acc = fold(three, recent);
          const pruned = acc === undefined ? undefined : three.prune?.(acc, { oldestMs: -1000, earliestAsOfMs });
          const endMs = Math.ceil((earliestAsOfMs + laterMs) / 10) * 10;
          expect(three.result(pruned, { startMs: -1000, endMs })).toEqual(three.result(acc, { startMs: -1000, endMs }));
          expect(pruned?.length ?? 0).toBeLessThanOrEqual(3 * 5);
        },
      ),
    );
  });
});

function fold<Acc>(aggregate: Aggregate<Acc>, inputs: readonly Input[]): Acc | undefined {
  let acc: Acc | undefined;
  for (const one of inputs) acc = aggregate.add(acc, one);
  return acc;
}

/** As the fold hands it over, hash included. */
function toInput(given: Pick<Input, "value" | "timeMs" | "tie">): Input {
  return { ...given, by: null, hash: given.value === null ? 0 : hash48(String(given.value)) };
}

function dump<Acc>(aggregate: Aggregate<Acc>, acc: Acc): string {
  const writer = byteWriter();
  aggregate.write(writer, acc);
  return Buffer.from(writer.bytes()).toString("hex");
}

function values(inputs: readonly Input[]): number[] {
  return inputs.flatMap(({ value }) => (value === null ? [] : [(value as number) + 0]));
}

function total(inputs: readonly Input[]): bigint {
  return values(inputs).reduce((sum, value) => sum + BigInt(value), 0n);
}

function bounded(size: number, limit: number): FeatureValue {
  return size > limit ? { overflow: true, atLeast: limit + 1 } : size;
}

function newestFirst(inputs: readonly Input[]): readonly Input[] {
  return inputs
    .filter(({ value }) => value !== null)
    .toSorted((a, b) => b.timeMs - a.timeMs || b.tie - a.tie || (String(a.value) < String(b.value) ? 1 : -1));
}
