import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { TraceQuestion } from "@millrace/lake";
import { projectDir } from "../definitions.ts";
import { DEFAULT_OUT } from "../start/options.ts";
import { UserError } from "../user-error.ts";

export interface TraceOptions extends TraceQuestion {
  readonly where: Where;
  readonly definitionsDir: string | null;
  readonly json: boolean;
}

export type Where =
  | { readonly kind: "run"; readonly path: string }
  | { readonly kind: "endpoint"; readonly url: string }
  | { readonly kind: "stack"; readonly name: string };

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
export const PLACE_OPTIONS = { out: text, endpoint: text, stack: text, days: text, definitions: text } as const;

/** `folder` is where the person stands, `command` what was typed. Null: asked for help. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[], folder: string, command = "trace"): TraceOptions | null {
  const fail = (problem: string): UserError => new UserError(`${problem} See npm run ${command} -- --help.`, 2);
  const { values, positionals } = attempt(args, fail);
  if (values.help === true) return null;
  const [eventId] = positionals;
  if (eventId === undefined || eventId === "" || positionals.length > 1) throw fail("Name one event by its id.");
  const places = [values.out, values.endpoint, values.stack].filter((place) => place !== undefined);
  if (places.length > 1) throw fail("--out, --endpoint and --stack are different places: give one of them.");
  return {
    eventId,
    days: toDays(values.days, fail),
    where: toWhere(values, folder, fail),
    definitionsDir: values.definitions === undefined ? null : resolve(folder, values.definitions),
    json: values.json === true,
  };
}

type Fail = (problem: string) => UserError;

function attempt(args: readonly string[], fail: Fail) {
  try {
    const options = { ...PLACE_OPTIONS, json: flag, help: { ...flag, short: "h" } } as const;
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw fail(error instanceof Error ? `${error.message.split(". ")[0]}.` : String(error));
  }
}

function toWhere(
  { out, endpoint, stack }: { out?: string | undefined; endpoint?: string | undefined; stack?: string | undefined },
  folder: string,
  fail: Fail,
): Where {
  if (stack !== undefined) return { kind: "stack", name: stack };
  if (endpoint === undefined)
    return { kind: "run", path: out === undefined ? resolve(projectDir, DEFAULT_OUT) : resolve(folder, out) };
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw fail(`--endpoint: expected a URL such as http://127.0.0.1:4747, got "${endpoint}".`);
  return { kind: "endpoint", url: endpoint };
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

function toDays(written: string | undefined, fail: Fail): TraceQuestion["days"] {
  if (written === undefined) return null;
  const [from = "", to = from, ...more] = written.split("..");
  const isDay = (day: string): boolean => DAY.test(day) && !Number.isNaN(Date.parse(day));
  if (more.length > 0 || !isDay(from) || !isDay(to) || from > to)
    throw fail(`--days: expected a day such as 2026-03-01, or two as 2026-03-01..2026-03-02, got "${written}".`);
  return { from, to };
}
