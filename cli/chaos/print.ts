/** What `npm run chaos` says. */
import type { FaultCounts } from "../../local/faults/catalogue.ts";
import { printFaults, totalOf } from "../faults/print-faults.ts";
import { columns, number, plural } from "../start/words.ts";
import { type CheckedDifference, checks } from "./checks.ts";
import type { Step } from "./script.ts";

export interface Totals {
  readonly seeds: number;
  readonly events: number;
  readonly faults: FaultCounts;
  readonly differences: readonly CheckedDifference[];
  readonly seconds: number;
}

export function printTotals({ seeds, events, faults, differences, seconds }: Totals): string {
  const total = totalOf(faults);
  const found = checks.map(({ name }) => [
    `  ${name}`,
    number(differences.filter(({ check }) => check === name).length),
  ]);
  return [
    ...printFaults(faults),
    "Differences from what must be",
    ...columns(found),
    `${plural(events, "event")} in ${plural(seeds, "run")}, ${number(total)} faults, ${plural(differences.length, "difference")}; ${number(seconds, 1)} s, ${number(events / Math.max(0.001, seconds))} events/s`,
    "",
  ].join("\n");
}

const shownDifferences = 10;

export function printDifferences(seed: number, differences: readonly CheckedDifference[]): string {
  const lines = differences.slice(0, shownDifferences).map(({ check, where, expected, found }) => {
    return `  ${check}: ${where}\n    expected ${expected}\n    found    ${found}`;
  });
  const more = differences.length - shownDifferences;
  return [
    `Seed ${seed}: ${plural(differences.length, "difference")}`,
    ...lines,
    ...(more > 0 ? [`  … and ${number(more)} more`] : []),
    "",
  ].join("\n");
}

const shownSteps = 40;

export function printSteps(steps: readonly Step[], startMs: number): string {
  const lines = steps.slice(0, shownSteps).map((step) => {
    if (step.kind === "reshard") return `  reshard how=${step.how.toFixed(3)} where=${step.where.toFixed(3)}`;
    const afterSeconds = ((step.arrivalMs - startMs) / 1000).toFixed(3);
    const data = Buffer.from(step.data)
      .toString()
      .replace(/[^\x20-\x7e]/g, "·");
    return `  ${afterSeconds} s  key ${step.partitionKey}  ${data.slice(0, 200)}`;
  });
  const more = steps.length - shownSteps;
  return [...lines, ...(more > 0 ? [`  … and ${number(more)} more`] : []), ""].join("\n");
}
