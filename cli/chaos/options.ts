import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { allFaults, type FaultRates } from "../../local/faults/catalogue.ts";
import { parseFaults } from "../faults/faults-option.ts";
import { UserError } from "../user-error.ts";

export interface ChaosOptions {
  readonly seeds: number;
  readonly firstSeed: number;
  /** Per seed. */
  readonly events: number;
  readonly faults: FaultRates;
  readonly definitionsDir: string | null;
  readonly outDir: string;
  /** A sequence that an earlier run has written. */
  readonly replay: string | null;
}

/** Null: asked for help. Throws UserError with exit code 2. */
export function parseChaosOptions(args: readonly string[], folder: string, project: string): ChaosOptions | null {
  const values = parse(args);
  if (values.help) return null;
  return {
    seeds: toNumber("seeds", values.seeds, { least: 1, greatest: 1_000_000, otherwise: 20 }),
    firstSeed: toNumber("first-seed", values["first-seed"], { least: 0, greatest: 2 ** 32 - 1, otherwise: 1 }),
    events: toNumber("events", values.events, { least: 1, greatest: 1_000_000, otherwise: 2000 }),
    faults: values.faults === undefined ? allFaults : parseFaults(values.faults, usage),
    definitionsDir: values.definitions === undefined ? null : resolve(folder, values.definitions),
    outDir: values.out === undefined ? join(project, ".millrace", "chaos") : resolve(folder, values.out),
    replay: values.replay === undefined ? null : resolve(folder, values.replay),
  };
}

const text = { type: "string" } as const;

function parse(args: readonly string[]) {
  const options = {
    seeds: text,
    "first-seed": text,
    events: text,
    faults: text,
    definitions: text,
    out: text,
    replay: text,
    help: { type: "boolean", short: "h" },
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    const [sentence = ""] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /);
    throw usage(`${sentence}.`);
  }
}

function toNumber(
  name: string,
  value: string | undefined,
  limits: { least: number; greatest: number; otherwise: number },
): number {
  if (value === undefined) return limits.otherwise;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= limits.least && number <= limits.greatest) return number;
  throw usage(`--${name}: expected a whole number from ${limits.least} to ${limits.greatest}, got "${value}".`);
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run chaos -- --help.`, 2);
}
