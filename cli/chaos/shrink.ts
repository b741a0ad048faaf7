/**
 * Delta debugging (Zeller and Hildebrandt's ddmin): leaves out ever smaller parts of a failing script as long as what is left still fails. Faults
 * are drawn by positions, which shift when a step is left out, so what is left is tried with several seeds before it counts as sound.
 */
import type { Step } from "./script.ts";

export interface Shrunk {
  readonly steps: readonly Step[];
  /** With which the steps fail. */
  readonly seed: number;
  readonly runs: number;
}

export interface ShrinkOptions {
  readonly seed: number;
  /** Whether a run of these steps shows a difference. */
  readonly fails: (steps: readonly Step[], seed: number) => Promise<boolean>;
  /** How many runs it may take in all. */
  readonly mostRuns: number;
  readonly tell: (steps: number, runs: number) => void;
}

/** How many seeds are tried before a script counts as sound. */
const tries = 3;

export async function shrink(failing: readonly Step[], options: ShrinkOptions): Promise<Shrunk> {
  const { fails, mostRuns, tell } = options;
  let [steps, seed, runs] = [failing, options.seed, 0];
  /** The seed with which it fails, or null. */
  const failsWith = async (candidate: readonly Step[]): Promise<number | null> => {
    for (let attempt = 0; attempt < tries && runs < mostRuns; attempt++) {
      runs++;
      if (await fails(candidate, seed + attempt)) return seed + attempt;
    }
    return null;
  };
  for (let parts = 2; steps.length > 1 && runs < mostRuns; ) {
    const size = Math.ceil(steps.length / parts);
    let found = false;
    for (let from = 0; from < steps.length && runs < mostRuns; ) {
      const rest = [...steps.slice(0, from), ...steps.slice(from + size)];
      const failed = rest.length === 0 ? null : await failsWith(rest);
      if (failed === null) from += size;
      else {
        tell(rest.length, runs);
        [steps, seed, found] = [rest, failed, true];
      }
    }
    if (size === 1 && !found) break;
    parts = found ? Math.max(2, Math.ceil(steps.length / size)) : Math.min(steps.length, parts * 2);
  }
  return { steps, seed, runs };
}
