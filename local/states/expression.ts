/** Evaluates the JSONata in a definition, with Step Functions' own functions. Time and chance are the execution's. */
import { createHash } from "node:crypto";
import jsonata from "jsonata";
import type { Json, JsonMap } from "./json.ts";
import { StateError } from "./state-error.ts";

export interface Surroundings {
  /** `$states`. */
  readonly states: JsonMap;
  readonly variables: JsonMap;
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly uuid: () => string;
}

const compiled = new Map<string, jsonata.Expression>();
const rememberedExpressions = 10_000;

/** A value of the definition with everything in `{% %}` evaluated. Throws States.QueryEvaluationError, which names the field. */
export async function evaluated(value: Json, field: string, around: Surroundings): Promise<Json> {
  if (typeof value === "string") {
    const expression = expressionIn(value);
    return expression === null ? value : evaluate(expression, field, around);
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const [at, item] of value.entries()) items.push(await evaluated(item, `${field}[${at}]`, around));
    return items;
  }
  const fields: Record<string, Json> = {};
  for (const [name, inner] of Object.entries(value)) {
    fields[name] = await evaluated(inner as Json, `${field}/${name}`, around);
  }
  return fields;
}

/** Null for a text that is none. */
export function expressionIn(text: string): string | null {
  return /^\{%(.*)%\}$/s.exec(text)?.[1]?.trim() ?? null;
}

/** Throws for what is no JSONata. */
export function compile(expression: string): jsonata.Expression {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  const made = jsonata(expression);
  if (compiled.size >= rememberedExpressions) compiled.clear();
  compiled.set(expression, made);
  return made;
}

async function evaluate(expression: string, field: string, around: Surroundings): Promise<Json> {
  const fail = (reason: string) =>
    new StateError("States.QueryEvaluationError", `The JSONata expression '${expression}' at '${field}' ${reason}`);
  let result: unknown;
  try {
    result = await compile(expression).evaluate(undefined, {
      ...around.variables,
      states: around.states,
      ...functions(around),
    });
  } catch (error) {
    throw fail(`failed: ${(error as Error).message}`);
  }
  // JSON cannot say what undefined and functions are; and a sequence of JSONata's becomes a plain list.
  const text = JSON.stringify(result);
  if (text === undefined) throw fail("returned nothing (undefined); give a default for what may be missing.");
  return JSON.parse(text) as Json;
}

function functions({ now, random, uuid }: Surroundings): Readonly<Record<string, (...given: never[]) => unknown>> {
  return {
    partition: (list: readonly Json[], size: number) =>
      Array.from({ length: Math.ceil(list.length / checked(size, "size of $partition")) }, (_, at) =>
        list.slice(at * size, (at + 1) * size),
      ),
    range,
    hash: (data: Json, algorithm: string) =>
      createHash(algorithmOf(algorithm))
        .update(typeof data === "string" ? data : JSON.stringify(data))
        .digest("hex"),
    random: (seed?: number) => (seed === undefined ? random() : seeded(seed)),
    uuid: () => uuid(),
    parse: (text: string) => JSON.parse(text) as Json,
    eval: () => {
      throw new Error("Step Functions has no $eval; $parse reads JSON.");
    },
    millis: () => now(),
    now: (picture?: string, timezone?: string) =>
      compile("$fromMillis($ms, $picture, $timezone)").evaluate(undefined, { ms: now(), picture, timezone }),
  };
}

const rangeLimit = 1000;

function range(first: number, last: number, step: number): readonly number[] {
  if (![first, last, step].every(Number.isInteger) || step === 0)
    throw new Error(`$range takes three whole numbers, of which the last is not 0; got ${first}, ${last}, ${step}.`);
  const length = Math.max(0, Math.floor((last - first) / step) + 1);
  if (length > rangeLimit) throw new Error(`$range makes at most ${rangeLimit} numbers, got ${length}.`);
  return Array.from({ length }, (_, at) => first + at * step);
}

function algorithmOf(name: string): string {
  if (["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"].includes(name)) return name.replace("-", "").toLowerCase();
  throw new Error(`$hash knows MD5, SHA-1, SHA-256, SHA-384 and SHA-512, got ${name}.`);
}

function seeded(seed: number): number {
  return createHash("sha256").update(String(seed)).digest().readUInt32BE() / 2 ** 32;
}

function checked(size: number, what: string): number {
  if (Number.isInteger(size) && size > 0) return size;
  throw new Error(`The ${what} must be a whole number above 0, got ${size}.`);
}
