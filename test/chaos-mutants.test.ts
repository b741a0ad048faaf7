/** The first half of the mutants; the others are in chaos-mutants-more.test.ts, so that both run side by side. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chaos } from "../cli/chaos/chaos.ts";
import { loadDefinitions, projectDir } from "../cli/definitions.ts";
import { sourceEdits } from "../local/lambda/source-edits.ts";
import { eagerMetrics, HALF, mutants } from "./chaos/mutants.ts";
import { expectSeen } from "./chaos/sees.ts";

const folder = "test-mutants";
const outDir = join(projectDir, ".millrace", folder);
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

describe("chaos sees a pipeline in which", { timeout: 300_000 }, () => {
  it.each(mutants.slice(0, HALF))("$name", (mutant) => expectSeen(mutant, folder));
});

describe("chaos sees nothing wrong with", { timeout: 300_000 }, () => {
  it("metrics that are written out batch by batch, under crashes and redeliveries", async () => {
    const faults = { crash: 0.1, redeliver: 0.2, "table-throttle": 0.02, "table-partial": 0.1, reshard: 0.002 };
    const quiet = { say: () => {}, tell: () => {}, now: () => 0 };
    const definitions = await loadDefinitions(join(import.meta.dirname, "chaos", "shop"));
    const runs = { definitions, seeds: 2, firstSeed: 1, events: 600, faults, outDir, edits: eagerMetrics };
    const totals = await chaos({ ...runs, ...quiet, shrinks: false });
    expect(totals.differences).toEqual([]);
  });
});

describe("a source edit", () => {
  it.each([...mutants, { name: "eager metrics", edits: eagerMetrics }])("finds its text: $name", ({ edits }) => {
    expect(() => sourceEdits(edits, projectDir)).not.toThrow();
  });

  it("is refused when its text is not there, or there twice", () => {
    const edit = (from: string) => () =>
      sourceEdits([{ file: "functions/archive-raw/handler.ts", from, to: "" }], projectDir);
    expect(edit("no such text")).toThrow(
      "handler.ts: expected the text of an edit once, found it 0 times: no such text",
    );
    expect(edit("archiveRaw")).toThrow("found it 2 times");
    expect(edit("export const")).not.toThrow();
  });
});
