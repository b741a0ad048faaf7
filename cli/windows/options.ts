import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { inputsOf } from "../input/input-option.ts";
import { UserError } from "../user-error.ts";

export interface WindowsOptions {
  readonly inputs: readonly NamedPath[];
  readonly map: NamedPath | null;
  readonly definitions: NamedPath | null;
  /** Views by name; empty: all. */
  readonly views: readonly string[];
}

/** A path as the person wrote it, for messages, and where it leads. */
interface NamedPath {
  readonly name: string;
  readonly path: string;
}

const USAGE = 2;
const text = { type: "string" } as const;
const OPTIONS = {
  input: { type: "string", multiple: true },
  map: text,
  definitions: text,
  view: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

/** `folder` is where the person stands. Null: asked for help. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[], folder: string): WindowsOptions | null {
  const { values, tokens } = parse(args);
  if (values.help) return null;
  const inputs = inputsOf(tokens, usage);
  if (inputs.length === 0) throw usage("Windows of which events? Name files with --input.");
  const named = (name: string): NamedPath => ({ name, path: resolve(folder, name) });
  const { map, definitions, view = [] } = values;
  return {
    inputs: inputs.map(named),
    map: map === undefined ? null : named(map),
    definitions: definitions === undefined ? null : named(definitions),
    views: view,
  };
}

/** The views to print: those that were asked for, or all that there are. Throws UserError with exit code 2. */
export function chooseViews<V extends { readonly name: string }>(asked: readonly string[], views: readonly V[]): V[] {
  const unknown = asked.find((name) => !views.some((view) => view.name === name));
  if (unknown === undefined) return views.filter(({ name }) => asked.length === 0 || asked.includes(name));
  throw usage(`There is no view "${unknown}". The definitions have ${views.map(({ name }) => name).join(", ")}.`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true, tokens: true });
  } catch (error) {
    throw usage(`${(error as Error).message.split(/\.?\n|\. /)[0]}.`);
  }
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run windows -- --help.`, USAGE);
}
