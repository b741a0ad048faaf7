import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chaos } from "../cli/chaos/chaos.ts";
import { type Definitions, loadDefinitions, projectDir } from "../cli/definitions.ts";
import { sourceEdits } from "../local/lambda/source-edits.ts";
import { eagerMetrics, mutants } from "./chaos/mutants.ts";

/** A few runs are enough for any of them; most need one. */
const seeds = 6;

const outDir = join(projectDir, ".millrace", "test-mutants");
let definitions: Definitions;
beforeAll(async () => {
  definitions = await loadDefinitions(join(import.meta.dirname, "chaos", "shop"));
});
afterAll(() => rmSync(outDir, { recursive: true, force: true }));

describe("chaos sees a pipeline in which", { timeout: 300_000 }, () => {
  it.each(mutants)("$name", async ({ edits, faults }) => {
    const told: string[] = [];
    const totals = await chaos({
      definitions,
      seeds,
      firstSeed: 1,
      events: 600,
      faults,
      outDir,
      edits,
      shrinks: false,
      say: (text) => told.push(text),
      tell: () => {},
      now: () => 0,
    });
    expect(totals.differences).not.toEqual([]);
    expect(told.join("")).toContain("expected");
  });
});

describe("chaos sees nothing wrong with", { timeout: 300_000 }, () => {
  it("metrics that are written out batch by batch, under crashes and redeliveries", async () => {
    const faults = { crash: 0.1, redeliver: 0.2, "table-throttle": 0.02, "table-partial": 0.1, reshard: 0.002 };
    const quiet = { say: () => {}, tell: () => {}, now: () => 0 };
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
