import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../user-error.ts";

/** What `npm run dev` and `npm run invoke` have in common. */
export interface ProjectOptions {
  /** Null: the project's own. */
  readonly definitionsDir: string | null;
  readonly out: { readonly name: string; readonly path: string };
  readonly parameters: Readonly<Record<string, string>>;
}

export interface DevOptions extends ProjectOptions {
  readonly port: number;
}

export interface InvokeOptions extends ProjectOptions {
  readonly functionId: string;
  readonly event: { readonly name: string; readonly path: string };
}

export const DEFAULT_PORT = 4747;
const USAGE = 2;
const text = { type: "string" } as const;
const COMMON = {
  definitions: text,
  out: text,
  param: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

/** `folder` is where the person stands, `project` the project's folder. Null: asked for help. Throws UserError with exit code 2. */
export function parseDevOptions(args: readonly string[], folder: string, project: string): DevOptions | null {
  const { values, positionals } = attempt("dev", () =>
    parseArgs({ args: [...args], options: { ...COMMON, port: text }, allowPositionals: true }),
  );
  if (values.help) return null;
  if (positionals.length > 0) throw usage("dev", `What is "${positionals[0]}"? Options begin with --.`);
  const port = values.port === undefined ? DEFAULT_PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_533 || values.port === "") {
    throw usage("dev", `--port: expected a whole number from 0 to 65533, got "${values.port}".`);
  }
  return { ...common("dev", values, folder, project), port };
}

export function parseInvokeOptions(args: readonly string[], folder: string, project: string): InvokeOptions | null {
  const { values, positionals } = attempt("invoke", () =>
    parseArgs({ args: [...args], options: COMMON, allowPositionals: true }),
  );
  if (values.help) return null;
  const [functionId, event, more] = positionals;
  if (functionId === undefined || event === undefined || more !== undefined) {
    throw usage(
      "invoke",
      "Give a function and one event: npm run invoke -- UpdateFeatures events/update-features.json.",
    );
  }
  return {
    ...common("invoke", values, folder, project),
    functionId,
    event: { name: event, path: resolve(folder, event) },
  };
}

interface CommonValues {
  readonly definitions?: string | undefined;
  readonly out?: string | undefined;
  readonly param?: string[] | undefined;
}

function common(command: string, values: CommonValues, folder: string, project: string): ProjectOptions {
  const { definitions, out, param = [] } = values;
  const own = join(".millrace", command);
  return {
    definitionsDir: definitions === undefined ? null : resolve(folder, definitions),
    out: out === undefined ? { name: own, path: resolve(project, own) } : { name: out, path: resolve(folder, out) },
    parameters: Object.fromEntries(param.map((pair) => parameterOf(command, pair))),
  };
}

function parameterOf(command: string, pair: string): readonly [string, string] {
  const equals = pair.indexOf("=");
  if (equals > 0) return [pair.slice(0, equals), pair.slice(equals + 1)];
  throw usage(command, `--param: expected Name=Value, got "${pair}".`);
}

function attempt<T>(command: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw usage(command, error instanceof Error ? `${error.message.split(". ")[0]}.` : String(error));
  }
}

function usage(command: string, message: string): UserError {
  return new UserError(`${message} See npm run ${command} -- --help.`, USAGE);
}
