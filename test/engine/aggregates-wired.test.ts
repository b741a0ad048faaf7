import {
  all,
  any,
  argMax,
  argMin,
  calendarDay,
  compile,
  countBy,
  decayedSum,
  defineFeatures,
  defineView,
  distinct,
  dwell,
  type FeatureSpec,
  type FeatureValue,
  first,
  firstK,
  funnel,
  histogram,
  hopping,
  last,
  lastEvents,
  lastKDistinct,
  lifetime,
  mean,
  percentile,
  rate,
  ratio,
  readFeatures,
  session,
  sinceFirst,
  sinceLast,
  standardDeviation,
  sumBy,
  topK,
  tumbling,
  variance,
} from "@millrace/engine";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Bounds, Input } from "../../layers/engine/aggregate.ts";
import { buildAggregate } from "../../layers/engine/aggregates/build.ts";
import { lastEventsOf } from "../../layers/engine/last-events.ts";
import { fingerprint, hash48 } from "../../layers/engine/md5.ts";
import type { LastEventsWindow } from "../../layers/engine/window.ts";
import { dump, foldAll } from "./aggregate-laws.ts";
import {
  accepted,
  arrivals,
  eventsWith,
  type Fact,
  foldWith,
  LATENESS,
  lanesOf,
  SKEW,
  SLACK,
  schema,
  toRecords,
} from "./histories.ts";

/**
 * Every aggregate on its way through definitions, fold, items and reading: it must be given the columns, conditions and hashes that
 * it asked for, and share with others only what is the same. What it makes of them is for the other tests.
 */
const windows = [hopping(30_000, 5_000), tumbling(60_000), hopping(40_000, 20_000, { offsetMs: 3_000 })];
const even = [hopping(30_000, 5_000), hopping(120_000, 5_000)];
const where = { kind: "buy" };

const specs: readonly FeatureSpec[] = [
  mean("mean", "amount", { windows }),
  variance("variance", "amount", { of: "sample", windows }),
  standardDeviation("deviation", "amount", { of: "population", where, windows }),
  first("first", "item", { windows }),
  firstK("first_k", "amount", { k: 2, where, windows }),
  last("last", "amount", { windows }),
  lastKDistinct("recent", "item", { k: 2, where, windows }),
  argMin("cheapest", "item", "amount", { windows }),
  argMax("dearest", "item", "amount", { where, windows }),
  distinct("items", "item", { limit: 2, beyond: "estimate", windows }),
  distinct("items_exact", "item", { limit: 2, windows }),
  distinct("kinds", "kind", { limit: 1, windows }),
  topK("top", "item", { k: 1, limit: 3, windows }),
  countBy("by_item", "item", { limit: 3, windows }),
  sumBy("spend_by_item", "amount", "item", { limit: 3, where, windows }),
  percentile("median", "amount", { percent: 50, windows }),
  percentile("high", "amount", { percent: 95, windows }),
  histogram("sizes", "amount", { bounds: [-1.5, 0, 1.25], windows }),
  rate("per_second", { perMs: 1000, windows }),
  rate("spend_per_second", { perMs: 1000, column: "amount", where, windows }),
  decayedSum("decayed", "amount", { halfLifeMs: 7_000, windows: even }),
  decayedSum("decayed_slowly", "amount", { halfLifeMs: 70_000, windows: even }),
  dwell("dwell", { give: "mean", limit: 4, windows }),
  dwell("longest_dwell", { give: "max", capMs: 3_000, limit: 4, windows }),
  funnel("funnel", {
    steps: [{ kind: "look" }, { kind: ["buy", "other"], item: ["i1", "i2", null] }],
    limit: 5,
    windows,
  }),
  sinceFirst("since_first", { windows }),
  sinceLast("since_last", { where, windows }),
  any("any_buy", { where, windows }),
  all("all_buys", { kind: "buy" }, { windows }),
  all("all_named", { item: ["i1", "i2", "i3"] }, { where, windows }),
];
const pipeline = compile(
  defineFeatures({
    partitionKey: "user",
    allowedLatenessMs: LATENESS,
    maxSkewMs: SKEW,
    slackMs: SLACK,
    views: ["user", "item"].map((entity) =>
      defineView(`by_${entity}`, {
        entity,
        where: { kind: ["buy", "look"] },
        features: [...specs, ratio("ratio", "per_second", "since_first", { windows })],
      }),
    ),
  }),
  schema,
);

it("gives every aggregate what it asked for, in every lane and tile", () => {
  fc.assert(
    fc.property(arrivals, fc.integer({ min: -(LATENESS + SLACK), max: 90_000 }), fc.nat(40), (list, laterMs, at) => {
      const events = eventsWith(pipeline, toRecords(list));
      const cut = at % (events.length + 1);
      const table = foldWith(pipeline, foldWith(pipeline, new Map(), events.slice(0, cut)), events.slice(cut));
      const nowMs = Math.max(0, ...list.map(({ arrivalMs }) => arrivalMs)) + laterMs;
      for (const [view, entity] of [
        ["by_user", "u1"],
        ["by_item", "i1"],
        ["by_item", "i2"],
      ] as const) {
        const given = readFeatures(pipeline, view, lanesOf(table, { view, entity }), nowMs);
        const facts = accepted(list, view, entity);
        const expected = specs.flatMap((spec) => naive(spec, facts, nowMs));
        const values = pipeline.views[0]?.features.flatMap(({ kind, name }) =>
          kind === "aggregate" ? [given[name]] : [],
        );
        expect(values).toEqual(expected);
        expect(given.ratio_30s).toEqual(over(given.per_second_30s, given.since_first_30s));
      }
    }),
    { numRuns: 200 },
  );
});

it("says how large the last events can get: with as many of the longest values as pruning leaves", () => {
  const window = lastEvents(3, { stepMs: 40 });
  const spec = sumBy("spend_by_item", "amount", "item", { limit: 3, windows: [window] });
  const { aggregate } = lastEventsOf(spec, window as LastEventsWindow, schema, 100);
  const inputs = Array.from({ length: 300 }, (_, i) => ({
    value: 1,
    by: "🙂".repeat(64),
    hash: 0,
    timeMs: i - 150,
    tie: i,
  }));
  let most = 0;
  for (let asOfMs = 0; asOfMs < 50; asOfMs++) {
    const near = foldAll(
      aggregate,
      inputs.filter(({ timeMs }) => timeMs <= asOfMs + 100),
    );
    const kept = aggregate.prune?.(near, { oldestMs: -1000, earliestAsOfMs: asOfMs });
    most = Math.max(most, dump(aggregate, kept).length / 2);
  }
  expect(most).toBeGreaterThan(aggregate.maxBytes * 0.7);
  expect(most).toBeLessThanOrEqual(aggregate.maxBytes);
});

it("takes them in every kind of window that they make sense in", () => {
  const others = [session(300_000), lastEvents(3), lifetime(), calendarDay("Europe/Berlin")];
  const refused = specs.flatMap(({ kind, ...spec }) =>
    others
      .filter((window) => !compiles({ ...spec, kind, windows: [window] } as FeatureSpec))
      .map((w) => `${kind} ${w.kind}`),
  );
  expect([...new Set(refused)].sort()).toEqual([
    "decayedSum calendar",
    "decayedSum lastEvents",
    "decayedSum lifetime",
    "dwell lifetime",
    "funnel lifetime",
    "rate lastEvents",
    "rate lifetime",
  ]);
});

/** The feature in each of its windows: the events of the window, handed to the aggregate one by one. */
function naive(spec: FeatureSpec, facts: readonly Fact[], nowMs: number): readonly FeatureValue[] {
  return spec.windows.map((window) => {
    const { sizeMs, stepMs, offsetMs } = window;
    const endMs = Math.ceil((nowMs - offsetMs) / stepMs) * stepMs + offsetMs;
    const bounds: Bounds = { startMs: endMs - sizeMs, endMs };
    const { aggregate, column, by, steps } = buildAggregate(spec, [window], schema, 0);
    const inputs = facts
      .filter(({ time }) => time >= bounds.startMs && time < endMs)
      .filter((fact) => meets(fact, spec.where ?? {}))
      .map((fact): Input => {
        const value = column === null ? null : fact[column as keyof Fact];
        const mask = steps?.reduce((bits, step, i) => bits + (meets(fact, step) ? 2 ** i : 0), 0);
        return {
          value: mask ?? value,
          by: by === null ? null : fact[by as keyof Fact],
          hash: hash48(String(value)),
          timeMs: fact.time,
          tie: fingerprint(`${fact.user}\n${fact.id}\n${fact.time}`).high,
        };
      });
    return aggregate.result(foldAll(aggregate, inputs), bounds);
  });
}

function meets(fact: Fact, condition: NonNullable<FeatureSpec["where"]>): boolean {
  return Object.entries(condition).every(([name, wanted]) => [wanted].flat().includes(fact[name as keyof Fact]));
}

function over(above: FeatureValue | undefined, below: FeatureValue | undefined): FeatureValue {
  return typeof above === "number" && typeof below === "number" && below !== 0 ? above / below : null;
}

function compiles(spec: FeatureSpec): boolean {
  const view = defineView("v", { entity: "user", features: [spec] });
  try {
    compile(defineFeatures({ partitionKey: "user", allowedLatenessMs: 0, maxSkewMs: 0, views: [view] }), schema);
    return true;
  } catch {
    return false;
  }
}
