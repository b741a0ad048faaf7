import { parseArgs } from "node:util";
import { type Place, toPlace } from "../machine-place.ts";
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

/** Null: asked for help. What a time or a number may be is the machine's to say. Throws UserError with exit code 2. */
export function parseOptions(args: readonly string[]): ReconcileOptions | null {
  const { values } = attempt(() => parseArgs({ args: [...args], options: OPTIONS, strict: true }));
  if (values.help) return null;
  return { place: toPlace(values, usage), act: toAct(values), json: values.json === true };
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function toAct(values: Values): ReconcileOptions["act"] {
  const { approve, refuse } = values;
  if (approve !== undefined && refuse !== undefined) throw usage("--approve and --refuse are two answers: give one.");
  if (approve !== undefined) return { kind: "approve", token: approve };
  if (refuse !== undefined) return { kind: "refuse", token: refuse };
  const input = {
    ...{ from: values.from, to: values.to, activeFrom: values["active-from"] },
    ...{ samplePerMille: toNumber("sample", values.sample), thresholdPercent: toNumber("threshold", values.threshold) },
    ...{ wholeHistory: values["whole-history"], readStream: values["read-stream"], selfRepair: values["self-repair"] },
  };
  return {
    kind: "start",
    input: Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)),
  };
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
    throw usage(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}

function usage(message: string): UserError {
  return new UserError(`${message} See npm run reconcile -- --help.`, USAGE);
}
