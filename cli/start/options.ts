import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { FaultRates } from "../../local/faults/catalogue.ts";
import { parseFaults } from "../faults/faults-option.ts";
import { inputsOf } from "../input/input-option.ts";
import { UserError } from "../user-error.ts";

export interface StartOptions {
  readonly inputs: readonly NamedPath[];
  readonly map: NamedPath | null;
  readonly order: "file" | "event-time";
  readonly definitions: NamedPath | null;
  readonly out: NamedPath;
  readonly events: number;
  readonly seed: number;
  readonly shards: number;
  /** Shards take any amount at once. */
  readonly unlimited: boolean;
  /** Null: nothing goes wrong but what the source itself brings. */
  readonly faults: FaultRates | null;
  readonly json: boolean;
}

/** A path as the person wrote it, for messages, and where it leads. */
export interface NamedPath {
  readonly name: string;
  readonly path: string;
}

export const DEFAULT_OUT = join(".millrace", "start");
const USAGE = 2;

/** `folder` is where the person stands, `project` the project's folder. Null: asked for help. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[], folder: string, project: string): StartOptions | null {
  const { values, inputs } = parseTokens(args);
  if (values.help) return null;
  const named = (name: string): NamedPath => ({ name, path: resolve(folder, name) });
  const { map, definitions, out, order = "file" } = values;

  if (order !== "file" && order !== "event-time") throw usage(`--order: expected file or event-time, got "${order}".`);
  for (const option of ["map", "order"] as const) {
    if (values[option] !== undefined && inputs.length === 0) throw usage(`--${option} needs --input FILE.`);
  }
  if (values.events !== undefined && inputs.length > 0) {
    throw usage(
      "--events is the size of the sample day; with --input all events of the files are used. Leave out one of them.",
    );
  }
  return {
    inputs: inputs.map(named),
    map: map === undefined ? null : named(map),
    order,
    definitions: definitions === undefined ? null : named(definitions),
    out: out === undefined ? { name: DEFAULT_OUT, path: resolve(project, DEFAULT_OUT) } : named(out),
    events: toNumber("events", values.events, { least: 1, greatest: 10_000_000, otherwise: 50_000 }),
    seed: toNumber("seed", values.seed, { least: 0, greatest: 2 ** 32 - 1, otherwise: 1 }),
    shards: toNumber("shards", values.shards, { least: 1, greatest: 200, otherwise: 2 }),
    unlimited: values.unlimited ?? false,
    faults: values.faults === undefined ? null : parseFaults(values.faults, usage),
    json: values.json ?? false,
  };
}

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  input: { type: "string", multiple: true },
  map: text,
  order: text,
  definitions: text,
  out: text,
  events: text,
  seed: text,
  shards: text,
  unlimited: flag,
  faults: text,
  json: flag,
  help: { type: "boolean", short: "h" },
} as const;

function parseTokens(args: readonly string[]) {
  try {
    const { values, tokens } = parseArgs({
      args: joinNegative(args),
      options: OPTIONS,
      strict: true,
      allowPositionals: true,
      tokens: true,
    });
    return { values, inputs: inputsOf(tokens, usage) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    const [sentence = ""] = (error instanceof Error ? error.message : String(error)).split(/\.?\n|\. /);
    const [, ambiguous] = /^Option '(.*?)' argument is ambiguous/.exec(sentence) ?? [];
    if (ambiguous === undefined) throw usage(`${sentence}.`);
    throw usage(`${ambiguous} needs a value. One that begins with a dash is given as ${ambiguous}=-….`);
  }
}

/** `--events -1` is a number out of range, not an option without its value. */
function joinNegative(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (/^-\d/.test(arg) && joined.at(-1)?.startsWith("--")) joined.push(`${joined.pop()}=${arg}`);
    else joined.push(arg);
  }
  return joined;
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
  return new UserError(`${message} See npm start -- --help.`, USAGE);
}
