import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_PORT } from "../dev/options.ts";
import { inputsOf } from "../input/input-option.ts";
import { UserError } from "../user-error.ts";

export interface SendOptions {
  readonly destination:
    | { readonly kind: "stack"; readonly name: string; readonly stream: string | null }
    | { readonly kind: "endpoint"; readonly url: string; readonly stream: string };
  readonly inputs: readonly { readonly name: string; readonly path: string }[];
  /** Records per second; null: as fast as it goes. */
  readonly rate: number | null;
  readonly definitionsDir: string | null;
}

const USAGE = 2;
/** The local runtime's name for the template's EventStream. */
const LOCAL_STREAM = "event-stream";

/** `folder` is where the person stands. Null: asked for help. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[], folder: string): SendOptions | null {
  const { values, inputs } = parseTokens(args);
  if (values.help) return null;
  if (inputs.length === 0) throw usage("What should be sent? Name files with --input.");
  return {
    destination: toDestination(values),
    inputs: inputs.map((name) => ({ name, path: resolve(folder, name) })),
    rate: toRate(values.rate),
    definitionsDir: values.definitions === undefined ? null : resolve(folder, values.definitions),
  };
}

const text = { type: "string" } as const;
const OPTIONS = {
  stack: text,
  endpoint: text,
  stream: text,
  input: { type: "string", multiple: true },
  rate: text,
  definitions: text,
  help: { type: "boolean", short: "h" },
} as const;

function parseTokens(args: readonly string[]) {
  const { values, tokens } = attempt(() =>
    parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: true, tokens: true }),
  );
  return { values, inputs: inputsOf(tokens, usage) };
}

function toDestination({
  stack,
  endpoint,
  stream,
}: {
  stack?: string | undefined;
  endpoint?: string | undefined;
  stream?: string | undefined;
}) {
  if (stack !== undefined && endpoint !== undefined)
    throw usage("--stack and --endpoint are two destinations: give one of them.");
  if (stack !== undefined) return { kind: "stack", name: stack, stream: stream ?? null } as const;
  if (endpoint === undefined) throw usage("Send to where? Give --stack NAME or --endpoint URL.");
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw usage(`--endpoint: expected a URL such as http://127.0.0.1:${DEFAULT_PORT}, got "${endpoint}".`);
  }
  return { kind: "endpoint", url: endpoint, stream: stream ?? LOCAL_STREAM } as const;
}

function toRate(written: string | undefined): number | null {
  if (written === undefined) return null;
  const rate = /^\d+$/.test(written) ? Number(written) : 0;
  if (rate >= 1 && rate <= 1_000_000) return rate;
  throw usage(`--rate: expected a whole number of records per second from 1 to 1000000, got "${written}".`);
}

function attempt<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw usage(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run send -- --help.`, USAGE);
}
