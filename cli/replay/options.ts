import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  type FailedBatch,
  failuresIn,
  isRate,
  MOST_RECORDS_PER_SECOND,
  type ReplayRequest,
  ReplayRequestError,
  readReplayRequest,
} from "@millrace/aws";
import { type Place, toPlace } from "../machine-place.ts";
import { besides, firstSentence, inOptions } from "../usage.ts";
import { UserError } from "../user-error.ts";

export interface ReplayOptions {
  readonly place: Place;
  readonly act:
    | { readonly kind: "start"; readonly request: ReplayRequest }
    | { readonly kind: "status" | "pause" | "resume" | "redrive"; readonly execution: string }
    | { readonly kind: "rate"; readonly execution: string; readonly recordsPerSecond: number };
  /** Follow it to its end. */
  readonly wait: boolean;
}

const USAGE = 2;
const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  ...{ stack: text, endpoint: text },
  ...{ source: text, target: text, from: text, to: text, rate: text, name: text },
  ...{ view: text, raise: text, lake: text },
  entity: { type: "string", multiple: true },
  where: { type: "string", multiple: true },
  type: { type: "string", multiple: true },
  reason: { type: "string", multiple: true },
  batch: { type: "string", multiple: true },
  ...{ "dry-run": flag, "no-wait": flag },
  ...{ status: text, pause: text, resume: text, redrive: text },
  help: { type: "boolean", short: "h" },
} as const;

/** Null: asked for help. Files are looked for from `folder` on. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[], folder = "."): ReplayOptions | null {
  const { values } = attempt(() => parseArgs({ args: [...args], options: OPTIONS, strict: true }));
  if (values.help) return null;
  return { place: toPlace(values, usage), act: toAct(values, folder), wait: values["no-wait"] !== true };
}

const BESIDES_ANY = ["stack", "endpoint", "no-wait"];

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function toAct(values: Values, folder: string): ReplayOptions["act"] {
  const acts = (["status", "pause", "resume", "redrive"] as const).filter((kind) => values[kind] !== undefined);
  const [kind, second] = acts;
  if (second !== undefined) throw usage(`--${kind} and --${second} are two commands: give one.`);
  const other =
    kind === undefined ? null : besides(values, [kind, ...BESIDES_ANY, ...(kind === "status" ? ["rate"] : [])]);
  if (other !== null) throw usage(`--${other} means nothing beside --${kind}: leave one of them out.`);
  if (kind === "status" && values.rate !== undefined)
    return { kind: "rate", execution: String(values.status), recordsPerSecond: toRate(values.rate) };
  if (kind !== undefined) return { kind, execution: String(values[kind]) };
  if (values.source === undefined && values.target === undefined)
    throw usage("What should be replayed? Give --source, --target, --from and --to, or --status NAME.");
  return { kind: "start", request: attempt(() => toRequest(values, folder)) };
}

function toRequest(values: Values, folder: string): ReplayRequest {
  const { source, target, rate, name, view, raise, lake, entity = [], where = [], type = [], reason = [] } = values;
  const batches = (values.batch ?? []).flatMap((path) => batchesIn(path, folder));
  const from = toTime(values.from) ?? timeOf(Math.min(...batches.map(({ firstArrival }) => Date.parse(firstArrival))));
  const to = toTime(values.to) ?? timeOf(Math.max(...batches.map(({ lastArrival }) => Date.parse(lastArrival))) + 1);
  return readReplayRequest({
    ...{ source, target, from, to, entities: entity },
    ...{ types: type, reasons: reason, batches },
    where: Object.fromEntries(where.map(toCondition)),
    dryRun: values["dry-run"] === true,
    ...(rate !== undefined && { recordsPerSecond: toRate(rate) }),
    ...(name !== undefined && { name }),
    ...(view !== undefined && { view }),
    ...(raise !== undefined && { raise }),
    ...(lake !== undefined && { lake }),
  });
}

/** Of a file with what SQS or SNS got when Lambda gave batches up. */
function batchesIn(path: string, folder: string): readonly FailedBatch[] {
  const batches = failuresIn(textIn(resolve(folder, path))).map(({ batch }) => batch);
  if (batches.length > 0) return batches;
  throw usage(`--batch: ${path} has no message with a KinesisBatchInfo, as Lambda sends them to SQS and SNS.`);
}

function textIn(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usage(code === "ENOENT" ? `--batch: there is no file ${path}.` : `--batch: ${message}.`);
  }
}

/** Undefined where there was no batch to take it from. */
function timeOf(ms: number): string | undefined {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : undefined;
}

/** A day alone is its beginning. */
function toTime(written: string | undefined): string | undefined {
  return written !== undefined && /^\d{4}-\d\d-\d\d$/.test(written) ? `${written}T00:00:00Z` : written;
}

function toRate(written: string): number {
  const rate = Number(written);
  if (isRate(rate)) return rate;
  throw usage(`--rate: expected a whole number from 1 to ${MOST_RECORDS_PER_SECOND}, got "${written}".`);
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
    if (error instanceof ReplayRequestError) throw usage(`${inOptions(error.message, OPTION_OF)}.`);
    throw usage(firstSentence(error));
  }
}

/** By field of the request. */
const OPTION_OF = {
  ...{
    source: "source",
    target: "target",
    from: "from",
    to: "to",
    view: "view",
    raise: "raise",
    lake: "lake",
    name: "name",
  },
  ...{ entities: "entity", where: "where", types: "type", reasons: "reason", batches: "batch" },
};

function usage(message: string): UserError {
  return new UserError(`${message} See npm run replay -- --help.`, USAGE);
}
