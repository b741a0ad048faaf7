import { compile, count, hopping, lastK, stateTtlMs, sum } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { features, LATENESS, pipeline, SLACK, schema } from "./histories.ts";

describe("definitions", () => {
  const view = features.views[0] as (typeof features.views)[number];
  const windows = [hopping(1000, 1000)];
  it.each([
    ["an unknown entity", { ...view, entity: "usr" }, 'view by_user: entity names the unknown field "usr"'],
    ["an unknown field in a condition", { ...view, where: { knd: "buy" } }, 'where names the unknown field "knd"'],
    ["a misspelled key", { ...view, feature: [] }, 'unknown field "feature"'],
    [
      "an unsafe lane",
      { ...view, name: "by_item", entity: "item", lane: "none" as const },
      'view by_item: lane "none" is unsafe',
    ],
    [
      "a sum of text",
      { ...view, features: [sum("s", "item", { windows })] },
      "view by_user, feature s: sum needs a number",
    ],
    ["no window", { ...view, features: [count("c", { windows: [] })] }, "windows must list at least one window"],
    [
      "a step longer than the window",
      { ...view, features: [count("c", { windows: [hopping(1000, 2000)] })] },
      "step must be",
    ],
    [
      "too many tiles",
      { ...view, features: [count("c", { windows: [hopping(86_400_000, 1000)] })] },
      "86400 tiles, at most 1500",
    ],
    [
      "two features of one name",
      { ...view, features: [count("c", { windows }), count("c", { windows })] },
      "c_1s is defined twice",
    ],
    [
      "an unbounded last-K",
      { ...view, features: [lastK("l", "item", { k: 1e6, windows })] },
      "k must be a whole number from 1 to 100",
    ],
    ["a condition that can never hold", { ...view, where: { kind: [] } }, "could never hold"],
    ["a number for text in a condition", { ...view, where: { kind: 1 } }, "1 is no such value"],
    ["a decimal with too many places", { ...view, where: { amount: [1, 0.001] } }, "0.001 is no such value"],
    ["a time without an offset", { ...view, where: { time: "2026-01-01 00:00:00" } }, "is no such value"],
  ])("refuses %s and names the place", (_, broken, message) => {
    expect(() => compile({ ...features, views: [broken] }, schema)).toThrow(message);
  });

  it("refuses a partition key that is not required, and two views of one name", () => {
    expect(() => compile({ ...features, partitionKey: "item" }, schema)).toThrow(
      'partitionKey "item" must be a required text field',
    );
    expect(() => compile({ ...features, views: [view, view] }, schema)).toThrow("defined twice");
  });

  it("takes two versions of a view when exactly one of them is served", () => {
    const next = { ...view, version: 2 };
    const compiled = compile({ ...features, views: [view, { ...next, standby: true }] }, schema).views;
    expect(compiled.map(({ name, served }) => [name, served])).toEqual([
      [view.name, true],
      [`${view.name}@2`, false],
    ]);
    expect(() => compile({ ...features, views: [view, next] }, schema)).toThrow(
      `view ${view.name}: versions 1 and 2 would both be served: say standby: true in those that are not`,
    );
    expect(() => compile({ ...features, views: [{ ...view, standby: true }] }, schema)).toThrow(
      `view ${view.name}: none of its versions is served`,
    );
  });

  it("keeps items at least as long as the longest window needs them", () => {
    expect(stateTtlMs(pipeline, "by_user")).toBeGreaterThan(120_000 + LATENESS + SLACK);
  });
});
