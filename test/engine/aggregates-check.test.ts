import {
  all,
  any,
  argMax,
  calendarDay,
  count,
  countBy,
  DefinitionError,
  decayedSum,
  distinct,
  dwell,
  type FeatureSpec,
  first,
  firstK,
  funnel,
  histogram,
  last,
  lastEvents,
  lastK,
  lastKDistinct,
  max,
  mean,
  min,
  percentile,
  rate,
  ratio,
  sinceFirst,
  sinceLast,
  standardDeviation,
  sum,
  sumBy,
  topK,
  tumbling,
  variance,
} from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { checkAggregate } from "../../layers/engine/aggregates/check.ts";
import { schema, windows } from "./aggregate-laws.ts";

const day = { windows: [tumbling(86_400_000)] };
const unbounded = 'keeps values of "note", whose length has no bound: give it a "maxLength" in event.schema.json';
const features = [count("views", { windows }), last("latest", "name", { windows })];

describe("a feature that makes sense", () => {
  it.each([
    count("f", { windows, where: { flag: true } }),
    sum("f", "price", { windows }),
    mean("f", "whole", { windows }),
    min("f", "level", { windows }),
    max("f", "price", { windows }),
    variance("f", "price", { of: "sample", windows }),
    standardDeviation("f", "price", { of: "population", windows }),
    first("f", "flag", { windows }),
    last("f", "at", { windows }),
    firstK("f", "name", { k: 100, windows }),
    lastK("f", "name", { k: 1, windows }),
    lastKDistinct("f", "name", { k: 2, windows }),
    argMax("f", "name", "at", { windows }),
    distinct("f", "note", { limit: 1000, windows }),
    distinct("f", "note", { limit: 10, beyond: "estimate", relativeError: 0.05, windows }),
    topK("f", "name", { k: 10, limit: 10, windows }),
    countBy("f", "flag", { limit: 2, windows }),
    sumBy("f", "price", "name", { limit: 1000, windows }),
    percentile("f", "level", { percent: 99.999, relativeError: 0.005, bins: 2048, windows }),
    decayedSum("f", "price", { halfLifeMs: 60_000, windows }),
    dwell("f", { give: "mean", capMs: 1800_000, limit: 100, windows }),
    funnel("f", { steps: [{ name: "a" }, { name: ["b", "c"], flag: true }], limit: 100, windows }),
    histogram("f", "price", { bounds: [-0.5, 0, 9.99], windows }),
    rate("f", { perMs: 1000, windows }),
    rate("f", { perMs: 1000, column: "price", windows }),
    sinceFirst("f", { windows }),
    sinceLast("f", { windows }),
    any("f", { where: { name: ["a", "b"] }, windows }),
    all("f", { name: ["a", null] }, { windows }),
    ratio("f", "views", "views", { windows }),
  ])("is accepted: $kind", (spec) => expect(() => check(spec)).not.toThrow());
});

describe("a feature that does not is refused, and the message says where, why and what to do", () => {
  it.each<readonly [FeatureSpec, string]>([
    [count("f", { windows, column: "price" } as never), 'unknown field "column": use kind, name, where, windows'],
    [{ ...count("f", { windows }), kind: "median" as never }, 'unknown aggregate "median": use one of count, sum, '],
    [sum("f", "prise", { windows }), 'column names the unknown field "prise" (known: id, at, '],
    [sum("f", "name", { windows }), 'sum needs a number, but "name" is "string"'],
    [
      mean("f", "level", { windows }),
      'a mean of floating-point numbers depends on their order: give "level" an "x-sca',
    ],
    [variance("f", "level", { of: "sample", windows }), "a variance of floating-point numbers"],
    [variance("f", "price", { of: "n" as never, windows }), 'of must be "population" or "sample", got "n"'],
    [rate("f", { perMs: 1000, column: "level", windows }), "a rate of floating-point numbers"],
    [rate("f", { perMs: 0.5, windows }), "perMs must be a whole number from 1 to 31622400000, got 0.5"],
    [max("f", "flag", { windows }), 'max needs a number, but "flag" is "boolean"'],
    ...[first, last].map((word) => [word("f", "note", { windows }), unbounded] as const),
    ...[firstK, lastK, lastKDistinct].map((word) => [word("f", "note", { k: 2, windows }), unbounded] as const),
    [argMax("f", "note", "at", { windows }), unbounded],
    [argMax("f", "name", "name", { windows }), 'argMax needs a number or a time to go by, but "name" is "string"'],
    [argMax("f", "name", "nme", { windows }), 'by names the unknown field "nme"'],
    [lastK("f", "name", { k: 101, windows }), "k must be a whole number from 1 to 100, got 101"],
    [distinct("f", "note", { limit: 9, windows: [lastEvents(10)] }), unbounded],
    [distinct("f", "name", { limit: 0, windows }), "limit must be a whole number from 1 to 50000, got 0"],
    [distinct("f", "name", { limit: 9, beyond: "guess" as never, windows }), 'beyond must be "overflow" or "estimate"'],
    [distinct("f", "name", { limit: 9, relativeError: 0.1, windows }), 'relativeError is for beyond: "estimate" only'],
    [
      distinct("f", "name", { limit: 9, beyond: "estimate", relativeError: 0.001, windows }),
      "relativeError must be a number from 0.0082 to 0.26, got 0.001",
    ],
    [topK("f", "name", { k: 10, limit: 9, windows }), "k is 10, but only 9 values are counted: raise limit to at leas"],
    [topK("f", "name", { k: 0, limit: 9, windows }), "k must be a whole number from 1 to 100, got 0"],
    [topK("f", "note", { k: 1, limit: 9, windows }), unbounded],
    [countBy("f", "note", { limit: 9, windows }), unbounded],
    [countBy("f", "name", { limit: 1001, windows }), "limit must be a whole number from 1 to 1000, got 1001"],
    [sumBy("f", "price", "note", { limit: 9, windows }), unbounded],
    [sumBy("f", "level", "name", { limit: 9, windows }), "a sumBy of floating-point numbers depends on their order"],
    [percentile("f", "name", { percent: 5, windows }), 'percentile needs a number, but "name" is "string"'],
    [percentile("f", "price", { percent: 101, windows }), "percent must be a number from 0 to 100"],
    [percentile("f", "price", { percent: 0.0001, windows }), "at most three decimal places, got 0.0001"],
    [
      percentile("f", "price", { percent: 5, relativeError: 0, windows }),
      "relativeError must be a number from 0.005 to",
    ],
    [percentile("f", "price", { percent: 5, bins: 0, windows }), "bins must be a whole number from 1 to 2048, got 0"],
    [decayedSum("f", "level", { halfLifeMs: 1, windows }), "a decayedSum of floating-point numbers"],
    [decayedSum("f", "price", { halfLifeMs: 0, windows }), "halfLifeMs must be a whole number from 1 to 31622400000"],
    [
      decayedSum("f", "price", { halfLifeMs: 1, windows: [...windows, tumbling(1000)] }),
      "all windows of a decayedSum must have one step, got 10 ms from 0 ms on and 1000 ms from 0 ms on: make another fea",
    ],
    [
      decayedSum("f", "price", { halfLifeMs: 1, windows: [calendarDay("UTC")] }),
      "a decayedSum needs hopping or tumbling windows or sessions, got calendar",
    ],
    [dwell("f", { give: "median" as never, limit: 9, windows }), 'give must be "sum" or "mean" or "min" or "max", got'],
    [dwell("f", { give: "sum", capMs: -1, limit: 9, windows }), "capMs must be a whole number"],
    [dwell("f", { give: "sum", limit: 1001, windows }), "limit must be a whole number from 1 to 1000, got 1001"],
    [funnel("f", { steps: [], limit: 9, windows }), "steps must list 1 to 16 conditions"],
    [funnel("f", { steps: [{ name: "a" }, {}], limit: 9, windows }), "steps must name at least one field"],
    [funnel("f", { steps: [{ nme: "a" }], limit: 9, windows }), 'steps names the unknown field "nme"'],
    [histogram("f", "price", { bounds: [], windows }), "bounds must list 1 to 100 numbers"],
    [histogram("f", "price", { bounds: [1, 1], windows }), "bounds must ascend, but 1 comes after 1"],
    [histogram("f", "price", { bounds: [0.005], windows }), '"price" can never be at the bound 0.005, because it is {'],
    [histogram("f", "whole", { bounds: [0.5], windows }), '"whole" can never be at the bound 0.5'],
    [histogram("f", "level", { bounds: [Number.NaN], windows }), '"level" can never be at the bound'],
    [all("f", {}, { windows }), "of must name at least one field"],
    [all("f", { nme: 1 }, { windows }), 'of names the unknown field "nme"'],
    [all("f", { flag: "yes" }, { windows }), 'the condition on "flag" could never hold'],
    [all("f", { flag: [] }, { windows }), 'the condition on "flag" lists no value'],
    [ratio("f", "vews", "views", { windows }), 'numerator names "vews", which is no feature of this view that is a n'],
    [ratio("f", "views", "latest", { windows }), 'denominator names "latest", which is no feature of this view that'],
    [ratio("f", "views", "views", day), 'numerator "views" lacks the window {"kind":"tumbling"'],
    [ratio("f", "views", "views", { windows, where: { flag: true } } as never), 'unknown field "where"'],
  ])("%j", (spec, message) => {
    expect(() => check(spec)).toThrow(DefinitionError);
    expect(() => check(spec)).toThrow("view v, feature f: ");
    expect(() => check(spec)).toThrow(message);
  });
});

function check(spec: FeatureSpec): void {
  checkAggregate("view v, feature f", spec, schema, features);
}
