/** Run after run, until all are sound or one shows a difference, which is then made as small as can be. */
import { join } from "node:path";
import type { FaultCounts, FaultName } from "../../local/faults/catalogue.ts";
import type { SourceEdit } from "../../local/lambda/source-edits.ts";
import type { Definitions } from "../definitions.ts";
import type { CheckedDifference } from "./checks.ts";
import type { ChaosOptions } from "./options.ts";
import { printDifferences, printSteps, type Totals } from "./print.ts";
import { type RunOptions, runScript } from "./run.ts";
import { type Step, writeScript } from "./script.ts";
import { type Sequence, writeSequence } from "./sequence-file.ts";
import { shrink } from "./shrink.ts";
import { uncovered } from "./uncovered.ts";
import { vocabularyOf } from "./vocabulary.ts";

export interface Chaos extends Pick<ChaosOptions, "seeds" | "firstSeed" | "events" | "faults" | "outDir"> {
  readonly definitions: Definitions;
  readonly edits?: readonly SourceEdit[];
  /** Looks for the shortest sequence that shows a difference. */
  readonly shrinks: boolean;
  readonly say: (text: string) => void;
  /** Told after each run, and while a sequence is being made smaller. */
  readonly tell: (line: string) => void;
  /** Milliseconds of the machine's clock, for the figures of speed alone. */
  readonly now: () => number;
}

/** A day in winter; time only matters by its differences. */
export const startMs = Date.UTC(2026, 1, 3);

/** Stops at the first run that shows a difference. */
export async function chaos(options: Chaos): Promise<Totals> {
  const { definitions, seeds, firstSeed, events: size, faults: rates, say, tell, now } = options;
  const vocabulary = vocabularyOf(definitions);
  const left = uncovered(definitions);
  if (left.length > 0) tell(`Not compared, for want of a naive counterpart: ${left.join(", ")}.`);
  const beganMs = now();
  const faults: Partial<Record<FaultName, number>> = {};
  let [events, done] = [0, 0];
  let differences: readonly CheckedDifference[] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds && differences.length === 0; seed++) {
    const history = { seed, events: size, startMs, features: definitions.features, vocabulary };
    const script = await writeScript(history, rates);
    const result = await runScript(runOf(options, script.steps, seed));
    for (const counts of [script.faults, result.faults]) addTo(faults, counts);
    events += result.events;
    done++;
    tell(`seed ${seed}: ${done} of ${seeds} runs, ${events} events, ${result.differences.length} differences`);
    differences = result.differences;
    if (differences.length === 0) continue;
    say(printDifferences(seed, differences));
    if (options.shrinks) await reduce(options, script.steps, seed);
  }
  return { seeds: done, events, faults, differences, seconds: (now() - beganMs) / 1000 };
}

export function runOf(
  options: Pick<Chaos, "definitions" | "faults" | "outDir" | "edits">,
  steps: readonly Step[],
  seed: number,
): RunOptions {
  const { definitions, faults, outDir, edits = [] } = options;
  return { definitions, steps, seed, faults, startMs, outDir: join(outDir, "run"), edits };
}

const mostShrinkRuns = 300;

async function reduce(options: Chaos, steps: readonly Step[], seed: number): Promise<void> {
  const { say, tell, outDir, faults } = options;
  const shrunk = await shrink(steps, {
    seed,
    mostRuns: mostShrinkRuns,
    tell: (left, runs) => tell(`looking for a shorter sequence: ${left} records after ${runs} runs`),
    fails: async (candidate, with_) => (await runScript(runOf(options, candidate, with_))).differences.length > 0,
  });
  const { differences } = await runScript(runOf(options, shrunk.steps, shrunk.seed));
  const sequence: Sequence = { seed: shrunk.seed, faults, startMs, steps: shrunk.steps };
  const path = join(outDir, `seed-${seed}.json`);
  writeSequence(path, sequence);
  say(
    `The shortest sequence found, after ${shrunk.runs} runs, has ${shrunk.steps.length} steps and fails with the faults of seed ${shrunk.seed}:\n`,
  );
  say(printSteps(shrunk.steps, startMs));
  say(printDifferences(shrunk.seed, differences));
  say(`Run it again: npm run chaos -- --replay ${path}\n`);
}

function addTo(sums: Partial<Record<FaultName, number>>, counts: FaultCounts): void {
  for (const [name, count] of Object.entries(counts) as [FaultName, number][]) sums[name] = (sums[name] ?? 0) + count;
}
