import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../cli/user-error.ts";

export interface BenchOptions {
  /** The names of the parts to run, in the order of the help; empty: all. */
  readonly parts: readonly string[];
  /** Small inputs and few rounds: to see that everything works, not to quote. */
  readonly quick: boolean;
  /** The folder with the three real sets. */
  readonly dataDir: string;
  /** The program that writes the Nexmark stream. */
  readonly nexmarkPath: string;
  /** How many events of an input the rows on DynamoDB take. */
  readonly events: number;
}

const USAGE = 2;
const MOST_EVENTS = 1_000_000;

/** `folder` is where the person stands, `project` the project's folder. Null: asked for help. Throws UserError with exit code 2. */
export function parseBenchOptions(
  args: readonly string[],
  { folder, project, known }: { readonly folder: string; readonly project: string; readonly known: readonly string[] },
): BenchOptions | null {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(`There is no part "${unknown}". The parts are ${known.join(", ")}.`);
  const quick = values.quick ?? false;
  const shared = resolve(project, "..", "shared");
  return {
    parts: known.filter((name) => positionals.includes(name)),
    quick,
    dataDir: values.data === undefined ? resolve(shared, "data") : resolve(folder, values.data),
    nexmarkPath:
      values.nexmark === undefined
        ? resolve(shared, "conformance", "nexmark", "generate.mjs")
        : resolve(folder, values.nexmark),
    events: toCount(values.events, quick ? 1_000 : 10_000),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean" },
        data: { type: "string" },
        nexmark: { type: "string" },
        events: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw usage(`${(error as Error).message.split(/\.?\n|\. /)[0]}.`);
  }
}

function toCount(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count >= 1 && count <= MOST_EVENTS) return count;
  throw usage(`--events: expected a whole number from 1 to ${MOST_EVENTS}, got "${text}".`);
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run bench -- --help.`, USAGE);
}
