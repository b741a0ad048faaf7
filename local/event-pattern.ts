/**
 * Event patterns as EventBridge and Lambda's filters write them: an object of fields that all must match, down to arrays of which one must. Numbers
 * are equal when they are written alike (300 is not 300.0), so both sides are read with their numbers as text.
 */

export type Json = null | boolean | string | Numeral | readonly Json[] | { readonly [field: string]: Json };

/** A number as it was written. */
export class Numeral {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type EventPattern = (event: Json | undefined) => boolean;
type Test = (value: Json | undefined) => boolean;

/** What is wrong with a pattern, for its author. */
export class PatternError extends Error {}

/** Throws a SyntaxError for what is not JSON. */
export function parseJson(text: string): Json {
  const reviver = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === "number" ? new Numeral(source ?? String(value)) : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as Json;
}

/** A value of this program in the same form. */
export function toJson(value: unknown): Json {
  return parseJson(JSON.stringify(value));
}

/** Throws a PatternError. */
export function readPattern(pattern: Json): EventPattern {
  if (!isObject(pattern)) throw new PatternError("a pattern is an object of fields");
  return allOf(pattern, "");
}

export function isObject(value: Json | undefined): value is { readonly [field: string]: Json } {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof Numeral);
}

function allOf(pattern: { readonly [field: string]: Json }, path: string): Test {
  const fields = Object.entries(pattern);
  if (fields.length === 0) throw new PatternError(`${path || "the pattern"} has no field`);
  const tests = fields.map(([field, inner]) => {
    if (field === "$or") return anyOf(inner, path);
    const test = fieldTest(inner, path === "" ? field : `${path}.${field}`);
    return (value: Json | undefined) => test(isObject(value) ? ownField(value, field) : undefined);
  });
  // One element of a list must have all of it.
  const matches: Test = (value) =>
    isList(value) ? value.some((item) => matches(item)) : tests.every((test) => test(value));
  return matches;
}

function anyOf(alternatives: Json, path: string): Test {
  if (!isList(alternatives) || alternatives.length === 0) throw new PatternError("$or takes a list of patterns");
  const tests = alternatives.map((alternative) => {
    if (!isObject(alternative)) throw new PatternError("$or takes a list of patterns");
    return allOf(alternative, path);
  });
  return (value) => tests.some((test) => test(value));
}

function fieldTest(pattern: Json, path: string): Test {
  if (isObject(pattern)) return allOf(pattern, path);
  if (!isList(pattern) || pattern.length === 0) throw new PatternError(`${path} takes a list of values to match`);
  const tests = pattern.map((value) => leafTest(value, path));
  return (value) => tests.some((test) => test(value));
}

function leafTest(wanted: Json, path: string): Test {
  if (!isObject(wanted)) {
    if (isList(wanted)) throw new PatternError(`${path} takes no list in its list`);
    return eachLeaf((value) => isEqual(value, wanted));
  }
  const [[operator, operand] = ["", null], ...more] = Object.entries(wanted);
  const build = Object.hasOwn(operators, operator) && more.length === 0 ? operators[operator] : undefined;
  if (build === undefined) {
    throw new PatternError(`${path} expected one of ${Object.keys(operators).join(", ")}, got ${Object.keys(wanted)}`);
  }
  return build(operand, `${path}.${operator}`);
}

const operators: Readonly<Record<string, (operand: Json, path: string) => Test>> = {
  exists(operand, path) {
    if (typeof operand !== "boolean") throw new PatternError(`${path} takes true or false`);
    // Leaves only: an object in this place counts as no value.
    return (value) => (value !== undefined && !isObject(value)) === operand;
  },
  prefix: (operand, path) => affix(operand, path, (value, wanted) => value.startsWith(wanted)),
  suffix: (operand, path) => affix(operand, path, (value, wanted) => value.endsWith(wanted)),
  "equals-ignore-case": (operand, path) => eachLeaf(ignoringCase(operand, path)),
  "anything-but": anythingBut,
  numeric,
};

function affix(operand: Json, path: string, holds: (value: string, wanted: string) => boolean): Test {
  if (isObject(operand) && Object.keys(operand).join() === "equals-ignore-case") {
    const wanted = textOf(operand["equals-ignore-case"], path).toLowerCase();
    return eachLeaf((value) => typeof value === "string" && holds(value.toLowerCase(), wanted));
  }
  const wanted = textOf(operand, path);
  return eachLeaf((value) => typeof value === "string" && holds(value, wanted));
}

function ignoringCase(operand: Json | undefined, path: string): (value: Json) => boolean {
  const wanted = textOf(operand, path).toLowerCase();
  return (value) => typeof value === "string" && value.toLowerCase() === wanted;
}

/** A value that is none of them; a field that is not there has no value. */
function anythingBut(operand: Json, path: string): Test {
  if (isObject(operand)) {
    const [[operator, inner] = ["", null]] = Object.entries(operand);
    const allowed = ["prefix", "suffix", "equals-ignore-case"].includes(operator) ? operators[operator] : undefined;
    if (allowed === undefined) throw new PatternError(`${path} takes no ${operator}`);
    const tests = (isList(inner) ? inner : [inner]).map((one) => allowed(one, `${path}.${operator}`));
    return eachLeaf((value) => !tests.some((test) => test(value)));
  }
  const unwanted = isList(operand) ? operand : [operand];
  if (unwanted.length === 0 || unwanted.some((value) => isObject(value) || isList(value))) {
    throw new PatternError(`${path} takes a value or a list of values`);
  }
  return eachLeaf((value) => !unwanted.some((other) => isEqual(value, other)));
}

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
};

/** `[">", 0, "<=", 5]` */
function numeric(operand: Json, path: string): Test {
  const parts = isList(operand) ? operand : [];
  const tests: ((value: number) => boolean)[] = [];
  for (let at = 0; at < parts.length; at += 2) {
    const [sign, bound] = [parts[at], parts[at + 1]];
    const compare = typeof sign === "string" && Object.hasOwn(comparisons, sign) ? comparisons[sign] : undefined;
    if (compare === undefined || !(bound instanceof Numeral)) break;
    tests.push((value) => compare(value, Number(bound.text)));
  }
  if (tests.length === 0 || tests.length > 2 || tests.length * 2 !== parts.length) {
    throw new PatternError(`${path} takes one or two comparisons, such as [">", 0, "<=", 5]`);
  }
  return eachLeaf((value) => value instanceof Numeral && tests.every((test) => test(Number(value.text))));
}

/** A list matches when one of its values does. */
function eachLeaf(holds: (value: Json) => boolean): Test {
  return (value) =>
    value !== undefined &&
    (isList(value) ? value.some((item) => !isObject(item) && holds(item)) : !isObject(value) && holds(value));
}

function isEqual(value: Json, wanted: Json): boolean {
  return value instanceof Numeral && wanted instanceof Numeral ? value.text === wanted.text : value === wanted;
}

function textOf(value: Json | undefined, path: string): string {
  if (typeof value === "string") return value;
  throw new PatternError(`${path} takes a text`);
}

function ownField(value: { readonly [field: string]: Json }, field: string): Json | undefined {
  return Object.hasOwn(value, field) ? value[field] : undefined;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
