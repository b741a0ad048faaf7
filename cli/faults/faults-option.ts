/** `--faults all`, or `--faults crash=0.01,throttle` with a rate where the usual one is not wanted. */
import { allFaults, catalogue, type FaultName, type FaultRates } from "../../local/faults/catalogue.ts";

/** `fail` makes the error that is thrown for what cannot be understood. */
export function parseFaults(text: string, fail: (message: string) => Error): FaultRates {
  const rates: Partial<Record<FaultName, number>> = {};
  for (const part of text.split(",")) {
    const [name = "", rate, ...rest] = part.trim().split("=");
    if (name === "all" && rate === undefined) {
      Object.assign(rates, { ...allFaults, ...rates });
      continue;
    }
    const known = catalogue.find((fault) => fault.name === name);
    if (known === undefined) {
      const names = catalogue.map((fault) => fault.name).join(", ");
      throw fail(`--faults: unknown fault "${name}". There are all, ${names}.`);
    }
    if (rest.length > 0) throw fail(`--faults: expected NAME or NAME=RATE, separated by commas, got "${part.trim()}".`);
    rates[known.name] = rate === undefined ? known.rate : toRate(rate, fail);
  }
  return rates;
}

function toRate(rate: string, fail: (message: string) => Error): number {
  const number = /^(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(rate) ? Number(rate) : Number.NaN;
  if (number >= 0 && number <= 1) return number;
  throw fail(`--faults: expected a rate from 0 to 1, such as crash=0.01, got "${rate}".`);
}

/** For the help: name, usual rate, of what, and what it means. */
export function faultsHelp(): string {
  return catalogue
    .map(({ name, rate, of, means }) => `    ${name.padEnd(17)}${String(rate).padEnd(8)}of the ${of}: ${means}`)
    .join("\n");
}
