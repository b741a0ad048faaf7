/** How often each fault happened, in the order of the catalogue. */
import { catalogue, type FaultCounts } from "../../local/faults/catalogue.ts";
import { columns, number } from "../start/words.ts";

export function printFaults(faults: FaultCounts): readonly string[] {
  const figures = columns(catalogue.map(({ name }) => [`  ${name}`, number(faults[name] ?? 0)]));
  return [
    `Faults injected: ${number(totalOf(faults))}`,
    ...figures.map((figure, at) => `${figure}  of the ${catalogue[at]?.of}`),
  ];
}

export function totalOf(faults: FaultCounts): number {
  return Object.values(faults).reduce((sum, count) => sum + count, 0);
}
