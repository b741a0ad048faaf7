import { parseArgs } from "node:util";
import { type ReplayRequest, ReplayRequestError, readReplayRequest } from "@millrace/aws";
import { type Place, toPlace } from "../machine-place.ts";
import { UserError } from "../user-error.ts";

export interface ReplayOptions {
  readonly place: Place;
  readonly act:
    | { readonly kind: "start"; readonly request: ReplayRequest }
    | { readonly kind: "status" | "pause" | "resume" | "redrive"; readonly execution: string };
  /** Follow it to its end. */
  readonly wait: boolean;
}

const USAGE = 2;
const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  ...{ stack: text, endpoint: text },
  ...{ source: text, target: text, from: text, to: text, rate: text, name: text },
  ...{ view: text, raise: text },
  entity: { type: "string", multiple: true },
  where: { type: "string", multiple: true },
  reason: { type: "string", multiple: true },
  ...{ "dry-run": flag, "no-wait": flag },
  ...{ status: text, pause: text, resume: text, redrive: text },
  help: { type: "boolean", short: "h" },
} as const;

/** Null: asked for help. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[]): ReplayOptions | null {
  const { values } = attempt(() => parseArgs({ args: [...args], options: OPTIONS, strict: true }));
  if (values.help) return null;
  return { place: toPlace(values, usage), act: toAct(values), wait: values["no-wait"] !== true };
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function toAct(values: Values): ReplayOptions["act"] {
  const acts = (["status", "pause", "resume", "redrive"] as const).filter((kind) => values[kind] !== undefined);
  const [kind, second] = acts;
  if (second !== undefined) throw usage(`--${kind} and --${second} are two commands: give one.`);
  if (kind !== undefined) return { kind, execution: String(values[kind]) };
  if (values.source === undefined && values.target === undefined)
    throw usage("What should be replayed? Give --source, --target, --from and --to, or --status NAME.");
  return { kind: "start", request: attempt(() => toRequest(values)) };
}

function toRequest(values: Values): ReplayRequest {
  const { source, target, from, to, rate, name, view, raise, entity = [], where = [], reason = [] } = values;
  return readReplayRequest({
    ...{ source, target, from: toTime(from), to: toTime(to), entities: entity },
    reasons: reason,
    where: Object.fromEntries(where.map(toCondition)),
    dryRun: values["dry-run"] === true,
    ...(rate !== undefined && { recordsPerSecond: Number(rate) }),
    ...(name !== undefined && { name }),
    ...(view !== undefined && { view }),
    ...(raise !== undefined && { raise }),
  });
}

/** A day alone is its beginning. */
function toTime(written: string | undefined): string | undefined {
  return written !== undefined && /^\d{4}-\d\d-\d\d$/.test(written) ? `${written}T00:00:00Z` : written;
}

function toCondition(written: string): readonly [string, string] {
  const at = written.indexOf("=");
  if (at > 0) return [written.slice(0, at), written.slice(at + 1)];
  throw usage(`--where: expected COLUMN=VALUE, got "${written}".`);
}

function attempt<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof ReplayRequestError) throw usage(`${error.message}.`);
    throw usage(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run replay -- --help.`, USAGE);
}
