import type { FeatureValue } from "@millrace/engine";
import { expect, it } from "vitest";
import { printExamples } from "../cli/start/print-examples.ts";

it("prints every form that a feature's value can have, and leaves out what says nothing", () => {
  const features: Record<string, FeatureValue> = {
    views_30s: 0,
    views_5m: 3,
    spend_1h: 12.5,
    last_1h: "item-1",
    none_1h: null,
    no_items_1h: [],
    recent_1h: ["item-1", "item-2"],
    top_1h: [
      ["item-1", 3],
      ["item-2", 1],
    ],
    sizes_1h: [
      [null, 1],
      [9.5, 2],
    ],
    items_1h: { estimate: 1234, relativeError: 0.0325 },
    many_1h: { overflow: true, atLeast: 33, kept: [["a", 1]] },
  };
  const [, , ...lines] = printExamples({
    asOf: "2026-03-02T00:00:00.000Z",
    examples: [{ view: "v", entity: "e", features }],
  });
  expect(lines.map((line) => line.trim().replace(/ {2,}/, ": "))).toEqual([
    "views: 5 min 3",
    "spend: 1 h 12.5",
    "last: 1 h item-1",
    "recent: 1 h item-1, item-2",
    "top: 1 h item-1 3, item-2 1",
    "sizes: 1 h less 1, 9.5 2",
    "items: 1 h about 1234",
    "many: 1 h 33 or more",
  ]);
});
