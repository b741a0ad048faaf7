import {
  all,
  any,
  decayedSum,
  dwell,
  type FeatureValue,
  funnel,
  hopping,
  sinceFirst,
  sinceLast,
} from "@millrace/engine";
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
  numbers,
  obeysTheLaws,
  present,
  toInput,
  wholes,
  windows,
  YEAR_0_MS,
  YEAR_9999_MS,
} from "./aggregate-laws.ts";

const events = inputsOf(wholes);
/** The value says which conditions an event meets. */
const flagged = inputsOf(fc.oneof(fc.constant(1), fc.constantFrom(0, 1)));
const close = inputsOf(wholes, fc.constant(null), fc.integer({ min: 0, max: 30 }));
const stepped = inputsOf(fc.oneof(fc.constantFrom(1, 2, 4), fc.nat(7)));
const recent = fc.integer({ min: -500, max: 499 });
const SECOND = { startMs: -500, endMs: 500 };

const CASES: readonly Case[] = [
  {
    spec: sinceFirst("sinceFirst", { windows }),
    inputs: events,
    naive: (list, { endMs }) => (list.length === 0 ? null : endMs - (timesOf(list)[0] as number)),
  },
  {
    spec: sinceLast("sinceLast", { windows }),
    inputs: events,
    naive: (list, { endMs }) => (list.length === 0 ? null : endMs - (timesOf(list).at(-1) as number)),
  },
  { spec: any("any", { windows }), inputs: events, naive: (list) => list.length > 0 },
  {
    spec: all("all", { flag: true }, { windows }),
    inputs: flagged,
    naive: (list) => (list.length === 0 ? null : list.every(({ value }) => value === 1)),
  },
  {
    spec: decayedSum("decayedSum", "price", { halfLifeMs: 100, windows }),
    inputs: inputsOf(decimals, fc.constant(null), recent),
    tile: inputsOf(decimals, fc.constant(null), fc.integer({ min: YEAR_0_MS + 3, max: YEAR_0_MS + 9 })),
    window: SECOND,
    naive: naiveDecay,
  },
  ...(["sum", "mean", "min", "max"] as const).flatMap((give): Case[] => [
    {
      spec: dwell(`dwell ${give}`, { give, limit: 100, windows }),
      inputs: events,
      naive: (list) => ofGaps(give, gapsOf(list)),
    },
    {
      spec: dwell(`dwell ${give}, capped and bounded`, { give, capMs: 15, limit: 3, windows }),
      inputs: close,
      tile: events,
      naive: (list) => (list.length > 3 ? lowerBound(give, list, 15) : ofGaps(give, gapsOf(list, 15))),
    },
  ]),
  {
    spec: dwell("dwell mean, uncapped and beyond its limit", { give: "mean", limit: 2, windows }),
    inputs: events,
    naive: (list) => ofGaps("mean", gapsOf(list)),
  },
  {
    spec: funnel("funnel", { steps: [{ name: "a" }, { name: "b" }, { name: "c" }], limit: 100, windows }),
    inputs: stepped,
    naive: (list) => reached(list, 3),
  },
  {
    spec: funnel("funnel beyond its limit", {
      steps: [{ name: "a" }, { name: "b" }, { name: "c" }],
      limit: 3,
      windows,
    }),
    inputs: stepped,
    naive: (list) => {
      const useful = list.filter(({ value }) => value !== 0);
      const kept = useful.toSorted((a, b) => a.tie - b.tie || byTime(a, b)).slice(0, 3);
      const steps = reached(kept, 3);
      return useful.length > 3 && steps < 3 ? { overflow: true, atLeast: steps } : steps;
    },
  },
];

obeysTheLaws(CASES);

describe("decayedSum", () => {
  it("counts an event in full in its step and half one half-life later", () => {
    const aggregate = aggregateOf(decayedSum("decayed", "whole", { halfLifeMs: 20, windows }));
    const acc = foldAll(aggregate, [toInput({ value: 64, timeMs: 3 })]);
    const at = (endMs: number) => aggregate.result(acc, { startMs: 0, endMs });
    expect([at(10), at(30), at(50), at(70)]).toEqual([64, 32, 16, 8]);
  });

  it("steps where its windows end, if they are shifted", () => {
    const shifted = hopping(40, 10, { offsetMs: 3 });
    const aggregate = aggregateOf(decayedSum("decayed", "whole", { halfLifeMs: 10, windows: [shifted] }));
    const acc = foldAll(
      aggregate,
      [3, 12, 13].map((timeMs) => toInput({ value: 64, timeMs })),
    );
    expect(aggregate.result(acc, { startMs: -17, endMs: 23 })).toBe(32 + 32 + 64);
  });

  it("is within its stated bound of the true sum over cells", () => {
    fc.assert(
      fc.property(fc.array(inputsOf(decimals, fc.constant(null), recent), { maxLength: 200, size: "max" }), (list) => {
        const aggregate = aggregateOf(decayedSum("decayed", "price", { halfLifeMs: 20, windows }));
        const given = aggregate.result(foldAll(aggregate, list), SECOND) as number;
        // At a half-life of two steps a weight is a power of two, or half the root of two times one.
        const unit = 10n ** 40n;
        const rootOfHalf = 7071067811865475244008443621048490392848n;
        let [exact, magnitude] = [0n, 0n];
        for (const { value, timeMs } of present(list)) {
          const age = 49 - Math.floor(timeMs / 10);
          const weight = (age % 2 === 0 ? unit : rootOfHalf) / 2n ** BigInt(Math.floor(age / 2));
          exact += BigInt(value as number) * weight;
          magnitude += BigInt(Math.abs(value as number)) * weight;
        }
        const cells = new Set(list.map(({ timeMs }) => Math.floor(timeMs / 10))).size;
        const error = Math.abs(given - Number(exact) / 1e42);
        expect(error).toBeLessThanOrEqual(((cells + 2) * 2 ** -52 * Number(magnitude)) / 1e42);
      }),
    );
  });
});

describe("dwell", () => {
  it("takes times as a set of events: two at the same moment are no time apart", () => {
    const aggregate = aggregateOf(dwell("dwell", { give: "min", limit: 10, windows }));
    const list = [5, 9, 5].map((timeMs, tie) => toInput({ timeMs, tie }));
    expect(aggregate.result(foldAll(aggregate, list), ALWAYS)).toBe(0);
  });

  it("is bounded where a hot entity is not, at any times", () => {
    const aggregate = aggregateOf(dwell("dwell", { give: "max", limit: 50, windows }));
    for (const size of [50, 51, 5000]) {
      const list = Array.from({ length: size }, (_, i) => toInput({ timeMs: i % 2 === 0 ? YEAR_0_MS : YEAR_9999_MS }));
      expect(dump(aggregate, foldAll(aggregate, list) as object).length / 2).toBeLessThanOrEqual(aggregate.maxBytes);
    }
  });
});

describe("funnel", () => {
  const spec = funnel("funnel", { steps: [{ name: "a" }, { name: "b" }], limit: 4, windows });
  const aggregate = aggregateOf(spec);

  it("wants an event of its own for each step, and a later one", () => {
    const both = toInput({ value: 3, timeMs: 1, tie: 0 });
    expect(aggregate.result(foldAll(aggregate, [both]), ALWAYS)).toBe(1);
    const wrongOrder = [toInput({ value: 2, timeMs: 1, tie: 1 }), toInput({ value: 1, timeMs: 2 })];
    expect(aggregate.result(foldAll(aggregate, wrongOrder), ALWAYS)).toBe(1);
    expect(aggregate.result(foldAll(aggregate, [both, ...wrongOrder]), ALWAYS)).toBe(2);
  });

  it("finds steps that lie in different lanes and arrived in the wrong order", () => {
    const later = foldAll(aggregate, [toInput({ value: 2, timeMs: 9 })]) as object;
    const earlier = foldAll(aggregate, [toInput({ value: 1, timeMs: 1 })]) as object;
    expect(aggregate.result(aggregate.merge(later, earlier), ALWAYS)).toBe(2);
  });

  it("takes its most bytes at the ends of time, and no more", () => {
    const list = Array.from({ length: 9 }, (_, i) =>
      toInput({ value: 3, timeMs: i % 2 === 0 ? YEAR_0_MS : YEAR_9999_MS, tie: 2 ** 32 - 1 - i }),
    );
    expect(dump(aggregate, foldAll(aggregate, list) as object).length / 2).toBeLessThanOrEqual(aggregate.maxBytes);
  });
});

function timesOf(inputs: readonly Input[]): number[] {
  return inputs.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
}

function gapsOf(inputs: readonly Input[], capMs = Number.POSITIVE_INFINITY): number[] {
  const times = timesOf(inputs);
  return times.slice(1).map((timeMs, i) => Math.min(timeMs - (times[i] as number), capMs));
}

function ofGaps(give: "sum" | "mean" | "min" | "max", gaps: readonly number[]): FeatureValue {
  const sum = gaps.reduce((a, b) => a + b, 0);
  if (give === "sum") return sum;
  if (gaps.length === 0) return null;
  return give === "mean" ? sum / gaps.length : give === "min" ? Math.min(...gaps) : Math.max(...gaps);
}

/** What is certain of capped gaps from their number, the first time and the last; and that it is not more than the truth. */
function lowerBound(give: "sum" | "mean" | "min" | "max", inputs: readonly Input[], capMs: number): FeatureValue {
  const spanMs = (timesOf(inputs).at(-1) as number) - (timesOf(inputs)[0] as number);
  const gaps = inputs.length - 1;
  const atLeast =
    give === "sum"
      ? Math.min(spanMs, capMs)
      : give === "mean"
        ? Math.min(spanMs, capMs) / gaps
        : give === "min"
          ? 0
          : Math.min(spanMs / gaps, capMs);
  expect(atLeast).toBeLessThanOrEqual(ofGaps(give, gapsOf(inputs, capMs)) as number);
  return { overflow: true, atLeast };
}

/** Weighs cell by cell, from the oldest: the order is part of the promise, for doubles know no other way to agree. */
function naiveDecay(inputs: readonly Input[]): number {
  let sum = 0;
  for (let cell = -50; cell < 50; cell++) {
    const inside = inputs.filter(({ timeMs }) => timeMs >= cell * 10 && timeMs < (cell + 1) * 10);
    if (present(inside).length === 0) continue;
    const total = numbers(inside).reduce((a, b) => a + BigInt(b), 0n);
    const digits = (total < 0n ? -total : total).toString().padStart(3, "0");
    const value = Number(`${total < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`);
    sum += value * 2 ** (-((49 - cell) * 10) / 100);
  }
  return sum;
}

/** The most steps that any choice of later and later events makes: all choices are tried. */
function reached(inputs: readonly Input[], steps: number): number {
  const ordered = inputs.toSorted(byTime);
  const from = (step: number, at: number): number => {
    if (step === steps) return 0;
    const choices = ordered.map(({ value }, i) => (i >= at && ((value as number) >> step) % 2 === 1 ? i : -1));
    return Math.max(0, ...choices.filter((i) => i >= 0).map((i) => 1 + from(step + 1, i + 1)));
  };
  return from(0, 0);
}

function byTime(a: Input, b: Input): number {
  return a.timeMs - b.timeMs || a.tie - b.tie || (a.value as number) - (b.value as number);
}
