import {
  byteReader,
  byteWriter,
  type Column,
  type EventSchema,
  type FeatureSpec,
  type FeatureValue,
  type Scalar,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Aggregate, Bounds, Input } from "../../layers/engine/aggregate.ts";
import { buildAggregate } from "../../layers/engine/aggregates/build.ts";
import { hash48 } from "../../layers/engine/md5.ts";

/**
 * What every aggregate promises, as properties. A case is a feature as definitions have it, random inputs, and what the feature
 * must be over a list of them, computed the slow way.
 */
export interface Case {
  readonly spec: FeatureSpec;
  readonly inputs: fc.Arbitrary<Input>;
  readonly naive: (inputs: readonly Input[], window: Bounds) => FeatureValue;
  /** The window that the result is asked for; all inputs lie in it. */
  readonly window?: Bounds;
  /** Inputs of one tile, where the bound on bytes rests on what a tile can hold. */
  readonly tile?: fc.Arbitrary<Input>;
}

export const YEAR_0_MS = -62_167_219_200_000;
export const YEAR_9999_MS = 253_402_300_799_999;
export const ALWAYS: Bounds = { startMs: YEAR_0_MS, endMs: YEAR_9999_MS + 1 };

const column = (name: string, type: Column["type"], maxLength?: number): Column => ({
  ...{ name, path: [name], type, required: false, sensitive: false },
  ...(maxLength === undefined ? {} : { maxLength }),
});

export const schema: EventSchema = {
  idColumn: "id",
  timeColumn: "at",
  partitionColumns: [],
  columns: [
    column("id", "string", 64),
    column("at", "timestamp"),
    column("whole", "bigint"),
    column("price", { decimal: { precision: 15, scale: 2 } }),
    column("level", "double"),
    column("flag", "boolean"),
    column("name", "string", 4),
    column("note", "string"),
  ],
  validate: () => null,
  toRow: (value) => value as Record<string, Scalar>,
};

export const windows = [{ kind: "hopping", sizeMs: 40, stepMs: 10, offsetMs: 0 } as const];

export const times = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: YEAR_0_MS, max: YEAR_9999_MS }),
  fc.constantFrom(YEAR_0_MS, YEAR_9999_MS),
);

/** Whole numbers as a bigint column or a decimal one (15 digits) has them, with everything that is near an edge. */
export const wholes: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(null, 0, -0, 1, 2, 3, 4, 5, 6),
  fc.integer({ min: -1000, max: 1000 }),
  fc.integer(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 48, 2 ** 48 - 1, -(2 ** 31)),
);
export const decimals: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(null, 0, 1, 99, 999_999_999_999_999, -999_999_999_999_999),
  fc.integer({ min: -1000, max: 1000 }),
);
export const doubles: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(null, 0, -0, 1e-320, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
/** Short texts of at most 4 code points: empty, beyond ASCII, outside the basic plane, and half a surrogate pair. */
export const texts: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(null, "", "a", "b", "c", "d", "e", "ü", "\ud800", "\ufffd", "🙂🙂🙂🙂"),
  fc.string({ unit: "binary", maxLength: 4 }),
);

export function inputsOf(
  value: fc.Arbitrary<Scalar>,
  by: fc.Arbitrary<Scalar> = fc.constant(null),
  timeMs: fc.Arbitrary<number> = times,
): fc.Arbitrary<Input> {
  const tie = fc.oneof(fc.constantFrom(0, 1), fc.nat(2 ** 32 - 1));
  return fc.record({ value, by, timeMs, tie }).map(toInput);
}

/** As the fold hands it over, hash included. */
export function toInput(given: Partial<Input>): Input {
  const { value = null, by = null, timeMs = 0, tie = 0 } = given;
  return { value, by, timeMs, tie, hash: value === null ? 0 : hash48(String(value)) };
}

/** The tests look at accumulators only through the aggregate. */
export function aggregateOf(spec: FeatureSpec): Aggregate<object> {
  return buildAggregate(spec, spec.windows, schema, 100).aggregate as Aggregate<object>;
}

/** One input object for all, as the fold does it: an aggregate that kept it would be found out. */
export function foldAll<Acc>(aggregate: Aggregate<Acc>, inputs: readonly Input[], into?: Acc): Acc | undefined {
  const reused = { ...toInput({}) };
  let acc = into;
  for (const one of inputs) acc = aggregate.add(acc, Object.assign(reused, one));
  return acc;
}

export function dump<Acc>(aggregate: Aggregate<Acc>, acc: Acc): string {
  const writer = byteWriter();
  aggregate.write(writer, acc);
  return Buffer.from(writer.bytes()).toString("hex");
}

export function undump<Acc>(aggregate: Aggregate<Acc>, hex: string): Acc {
  const reader = byteReader(Buffer.from(hex, "hex"));
  const acc = aggregate.read(reader);
  reader.end();
  return acc;
}

export function obeysTheLaws(cases: readonly Case[]): void {
  describe.each(cases.map((one) => [one.spec.name, one] as const))("%s", (_, { spec, inputs, naive, window, tile }) => {
    const aggregate = aggregateOf(spec);
    const bounds = window ?? ALWAYS;
    const lists = fc.array(inputs, { maxLength: 30, size: "max" });
    const groups = fc.array(fc.nat(5), { minLength: 1 });
    const keys = fc.infiniteStream(fc.nat());

    it("gives what the slow way gives, in whatever order and grouping it comes together", () => {
      fc.assert(
        fc.property(lists, groups, keys, (list, groups, keys) => {
          const sides = partsOf(list, groups, (part) => foldAll(aggregate, shuffled(part, keys)));
          const forward = mergeAll(sides);
          const backward = mergeAll([...sides].reverse());
          const expected = naive(list, bounds);
          expect(aggregate.result(forward, bounds)).toEqual(expected);
          expect(aggregate.result(backward, bounds)).toEqual(expected);
          if (forward === undefined || backward === undefined) return;
          const whole = dump(aggregate, foldAll(aggregate, list) as object);
          expect([dump(aggregate, forward), dump(aggregate, backward)]).toEqual([whole, whole]);
        }),
        { numRuns: 200 },
      );
    });

    it("merges without changing either argument", () => {
      fc.assert(
        fc.property(lists, lists, (left, right) => {
          const [a, b] = [foldAll(aggregate, left), foldAll(aggregate, right)];
          if (a === undefined || b === undefined) return;
          const before = [dump(aggregate, a), dump(aggregate, b)];
          const merged = dump(aggregate, aggregate.merge(a, b));
          expect([dump(aggregate, a), dump(aggregate, b)]).toEqual(before);
          expect(dump(aggregate, aggregate.merge(a, b))).toBe(merged);
        }),
      );
    });

    it("comes back from its bytes as it was, and goes on from there", () => {
      fc.assert(
        fc.property(lists, lists, (before, after) => {
          const acc = foldAll(aggregate, before);
          if (acc === undefined) return;
          const expected = aggregate.result(acc, bounds);
          const bytes = dump(aggregate, acc);
          const back = undump(aggregate, bytes);
          expect(dump(aggregate, back)).toBe(bytes);
          expect(aggregate.result(back, bounds)).toEqual(expected);
          const on = foldAll(aggregate, after, back) as object;
          expect(dump(aggregate, on)).toBe(dump(aggregate, foldAll(aggregate, after, acc) as object));
        }),
      );
    });

    it("takes no more bytes than it says", () => {
      fc.assert(
        fc.property(fc.array(tile ?? inputs, { maxLength: 60, size: "max" }), fc.nat(20), (list, earliestAsOfMs) => {
          const acc = foldAll(aggregate, list);
          // What is kept once per item is pruned before it is stored, and holds nothing further ahead than its reach.
          const near = aggregate.prune && foldAll(aggregate, within(list, earliestAsOfMs + 100));
          const kept = near && aggregate.prune ? aggregate.prune(near, { oldestMs: YEAR_0_MS, earliestAsOfMs }) : acc;
          if (kept === undefined || (aggregate.prune && near === undefined)) return;
          expect(dump(aggregate, kept).length / 2).toBeLessThanOrEqual(aggregate.maxBytes);
        }),
        { numRuns: 200 },
      );
    });

    function mergeAll(sides: readonly object[]): object | undefined {
      return sides.length === 0 ? undefined : sides.reduce((a, b) => aggregate.merge(a, b));
    }
  });
}

function partsOf(
  list: readonly Input[],
  groups: readonly number[],
  fold: (part: readonly Input[]) => object | undefined,
): readonly object[] {
  const parts = Map.groupBy(list, (one) => groups[list.indexOf(one) % groups.length]);
  return [...parts.values()].map(fold).filter((acc) => acc !== undefined);
}

function shuffled(list: readonly Input[], keys: Iterator<number>): readonly Input[] {
  return list
    .map((one) => ({ one, key: keys.next().value as number }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one);
}

function within(list: readonly Input[], latestMs: number): readonly Input[] {
  return list.filter(({ timeMs }) => timeMs <= latestMs);
}

export function present(inputs: readonly Input[]): readonly Input[] {
  return inputs.filter(({ value }) => value !== null);
}

/** The numbers that are there, without minus zero. */
export function numbers(inputs: readonly Input[]): number[] {
  return present(inputs).map(({ value }) => (value as number) + 0);
}

export function newestFirst(inputs: readonly Input[]): readonly Input[] {
  return present(inputs).toSorted((a, b) => b.timeMs - a.timeMs || b.tie - a.tie || (textOf(a) < textOf(b) ? 1 : -1));
}

export function oldestFirst(inputs: readonly Input[]): readonly Input[] {
  return [...newestFirst(inputs)].reverse();
}

/** As it stands in the item: no minus zero, and well-formed text. */
export function stored({ value }: Input): Scalar {
  if (typeof value === "number") return value + 0;
  return typeof value === "string" ? value.toWellFormed() : value;
}

function textOf(one: Input): string {
  return String(stored(one));
}
