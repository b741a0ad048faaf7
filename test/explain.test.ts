import { compile, count, defineView, distinct, hopping, lastK, lifetime } from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { explain } from "../cli/explain/explain.ts";
import { printExplanation } from "../cli/explain/print.ts";
import { features, schema } from "./engine/histories.ts";

const windows = [hopping(60_000, 10_000)];

describe("npm run explain", () => {
  it("says what a view's items are made of, and what they cost at the most", () => {
    const [view] = explained({
      features: [
        count("buys", { where: { kind: "buy" }, windows }),
        distinct("items", "item", { limit: 8, windows }),
        lastK("recent", "item", { k: 2, windows }),
      ],
    });
    expect(view).toMatchObject({ view: "v", entity: "user", items: "one per entity", features: 3 });
    // 60 s of window, 60 s of lateness, 30 s of slack and 10 s of skew in tiles of 10 s, and one that is cut on both sides.
    expect(view?.parts[1]).toEqual({
      what: "tiles of 10 s",
      live: 17,
      keeps: ["count of kind=buy", "distinct(item)"],
      bytes: 17 * (8 + 1 + 8 + 50),
    });
    expect(view?.parts.map(({ bytes }) => bytes).reduce((a, b) => a + b)).toBeLessThan(view?.bytes as number);
    expect(view?.writeUnits).toEqual({ least: 1, most: Math.ceil((view?.bytes as number) / 1024) });
  });

  it("shows what a reorder buffer costs", () => {
    const sequence = { column: "seq", reorder: 5 };
    const counted = { features: [count("buys", { where: { kind: "buy" }, windows })] };
    const [without, buffered] = [explained(counted)[0], explained({ ...counted, sequence })[0]];
    const buffer = buffered?.parts.find(({ what }) => what === "reorder buffer");
    expect(buffer).toMatchObject({ live: 5, keeps: ["kind"] });
    expect((buffered?.bytes as number) - (without?.bytes as number)).toBe(buffer?.bytes);
  });

  it("says that items of a lifetime never expire, and what other lanes' fingerprints take", () => {
    const [view] = explained({ entity: "item", features: [count("events", { windows: [lifetime()] })] });
    expect(view).toMatchObject({ keptMs: null, items: "one per entity and shard" });
    expect(view?.parts.find(({ what }) => what === "inherited")?.bytes).toBe(120_000);
    expect(printExplanation([view as NonNullable<typeof view>])).toContain("never expires");
  });

  it("says where a view could grow beyond what an item may have", () => {
    const [view] = explained({
      features: [distinct("items", "item", { limit: 1000, windows: [hopping(3_600_000, 10_000)] })],
    });
    expect(view?.bytes).toBeGreaterThan(400_000);
    expect(view?.writeUnits.most).toBe(380);
    expect(printExplanation([view as NonNullable<typeof view>])).toContain("quarantined entity_over_limit");
  });
});

function explained(view: Omit<Parameters<typeof defineView>[1], "entity"> & { readonly entity?: string }) {
  return explain(compile({ ...features, views: [defineView("v", { entity: "user", ...view })] }, schema));
}
