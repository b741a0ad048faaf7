/** What chaos says of pipelines with one thing wrong, for the files of tests that share them out. */
import { join } from "node:path";
import { expect } from "vitest";
import { chaos } from "../../cli/chaos/chaos.ts";
import { loadDefinitions, projectDir } from "../../cli/definitions.ts";
import type { Mutant } from "./mutants.ts";

/** A few runs are enough for any of them; most need one. */
const seeds = 6;

/** Runs in this folder of `.millrace`, which nobody else may use meanwhile. */
export async function expectSeen({ edits, faults }: Mutant, folder: string): Promise<void> {
  const told: string[] = [];
  const totals = await chaos({
    definitions: await loadDefinitions(join(import.meta.dirname, "shop")),
    seeds,
    firstSeed: 1,
    events: 600,
    faults,
    outDir: join(projectDir, ".millrace", folder),
    edits,
    shrinks: false,
    say: (text) => told.push(text),
    tell: () => {},
    now: () => 0,
  });
  expect(totals.differences).not.toEqual([]);
  expect(told.join("")).toContain("expected");
}
