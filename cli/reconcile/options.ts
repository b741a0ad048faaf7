import { parseArgs } from "node:util";
import { readRequest } from "../../functions/plan-reconcile/request.ts";
import { type Place, toPlace } from "../machine-place.ts";
import { besides, firstSentence } from "../usage.ts";
import { UserError } from "../user-error.ts";

export interface ReconcileOptions {
  readonly place: Place;
  readonly act:
    | { readonly kind: "start"; readonly input: Readonly<Record<string, unknown>> }
    | { readonly kind: "approve" | "refuse"; readonly token: string };
  readonly json: boolean;
}

const USAGE = 2;
const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  ...{ stack: text, endpoint: text, from: text, to: text, "active-from": text },
  ...{ sample: text, threshold: text, "whole-history": flag, "read-stream": flag, "self-repair": flag },
  ...{ approve: text, refuse: text, json: flag },
  help: { type: "boolean", short: "h" },
} as const;

/** Null: asked for help. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[]): ReconcileOptions | null {
  const { values } = attempt(() => parseArgs({ args: [...args], options: OPTIONS, strict: true }));
  if (values.help) return null;
  return { place: toPlace(values, usage), act: toAct(values), json: values.json === true };
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function toAct(values: Values): ReconcileOptions["act"] {
  const { approve, refuse } = values;
  if (approve !== undefined && refuse !== undefined) throw usage("--approve and --refuse are two answers: give one.");
  const answer = approve === undefined ? "refuse" : "approve";
  const token = values[answer];
  if (token !== undefined) {
    const other = besides(values, [answer, "stack", "endpoint"]);
    if (other !== null) throw usage(`--${other} means nothing beside --${answer}: leave one of them out.`);
    return { kind: answer, token };
  }
  const input = {
    ...{ from: values.from, to: values.to, activeFrom: values["active-from"] },
    ...{ samplePerMille: toNumber("sample", values.sample), thresholdPercent: toNumber("threshold", values.threshold) },
    ...{ wholeHistory: values["whole-history"], readStream: values["read-stream"], selfRepair: values["self-repair"] },
  };
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  refuseWhatTheMachineWould(given);
  return { kind: "start", input: given };
}

/** What is left out is the machine's to know. */
const ANY_DEFAULTS = {
  samplePerMille: 0,
  thresholdPercent: 0,
  wholeHistory: false,
  readStream: false,
  selfRepair: false,
};
const OPTION_OF = { activeFrom: "active-from", samplePerMille: "sample", thresholdPercent: "threshold" };

function refuseWhatTheMachineWould(input: Readonly<Record<string, unknown>>): void {
  try {
    readRequest(input, ANY_DEFAULTS, Date.now());
  } catch (error) {
    const said = firstSentence(error);
    throw usage(
      Object.entries(OPTION_OF).reduce((text, [field, option]) => text.replaceAll(field, `--${option}`), said),
    );
  }
}

function toNumber(name: string, written: string | undefined): number | undefined {
  if (written === undefined || (written.trim() !== "" && Number.isFinite(Number(written))))
    return written === undefined ? undefined : Number(written);
  throw usage(`--${name}: expected a number, got "${written}".`);
}

function attempt<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw usage(firstSentence(error));
  }
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run reconcile -- --help.`, USAGE);
}
