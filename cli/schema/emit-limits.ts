/** Guards for the rules on single values (length, range, pattern, time, decimal, listed values), and the column's value from them. */
import { constantFor, type Label, type Lines, labelSource } from "./code.ts";
import type { Context } from "./emit-validate.ts";
import type { SchemaNode } from "./read-schema.ts";

interface Guarded {
  readonly variable: string;
  readonly label: Label;
  readonly sensitive: boolean;
  /** Words to name a constant by. */
  readonly name: string;
  /** The variable that takes the column's value; null for what is no column. */
  readonly cell: string | null;
}

/** The condition under which a value is wrong, and what was expected instead. */
type Guard = readonly [wrong: string, expected: string, kind?: "length"];

export function emitLimits(
  kind: "string" | "number" | "boolean",
  node: SchemaNode,
  guarded: Guarded,
  context: Context,
): Lines {
  const guards = [
    ...constantGuards(kind, node, guarded, context),
    ...(kind === "string" ? stringGuards(node, guarded, context) : []),
    ...(kind === "number" ? numberGuards(node, guarded.variable) : []),
    ...conversionGuards(kind, node, guarded),
  ];
  const { cell } = guarded;
  const kept = cell === null || conversionsOf(kind, node).length > 0 ? [] : [`${cell} = ${cellSource(kind, guarded)};`];
  return [...guards.map((guard) => emitGuard(guard, guarded)), ...kept];
}

/** Times and decimals are read once: the guard keeps what it read. */
function conversionGuards(kind: string, node: SchemaNode, { variable, cell }: Guarded): readonly Guard[] {
  return conversionsOf(kind, node).map(([read, rest, expected]) => {
    const source = `${read}(${variable}${rest})`;
    return [`${cell === null ? source : `(${cell} = ${source})`} === null`, expected];
  });
}

type Conversion = readonly [read: string, restOfArguments: string, expected: string];

/** What a text or a number has to become, and may fail to. */
function conversionsOf(kind: string, { limits, annotations }: SchemaNode): readonly Conversion[] {
  const scale = annotations["x-scale"];
  const time: Conversion = ["parseTime", "", "a time such as 2026-01-02T03:04:05.678Z"];
  const decimal: Conversion = ["scaleDecimal", `, ${scale}`, `a decimal with at most ${scale} places and 15 digits`];
  return [
    ...(limits.format !== undefined && kind === "string" ? [time] : []),
    ...(scale !== undefined && kind !== "boolean" ? [decimal] : []),
  ];
}

/** Texts are made well-formed, so that no store has to replace a lone surrogate later; zero has one sign. */
function cellSource(kind: "string" | "number" | "boolean", { variable }: Guarded): string {
  if (kind === "string") return `plain ? ${variable} : ${variable}.toWellFormed()`;
  return kind === "number" ? `${variable} + 0` : variable;
}

function emitGuard([wrong, expected, kind]: Guard, { variable, label, sensitive }: Guarded): string {
  const what = JSON.stringify(expected);
  if (kind === "length")
    return `if (${wrong}) return wrongLength(${labelSource(label)}, ${what}, codePoints(${variable}));`;
  // What is sensitive is not repeated in a message either.
  return `if (${wrong}) return ${sensitive ? "wrongType" : "wrongValue"}(${labelSource(label)}, ${what}, ${variable});`;
}

function constantGuards(
  kind: string,
  { constants }: SchemaNode,
  { variable, name }: Guarded,
  context: Context,
): readonly Guard[] {
  if (constants === null) return [];
  const present = constants.filter((value) => value !== null);
  const values = present.map((value) => JSON.stringify(value));
  if (values.length === 1 && typeof present[0] === kind) return [[`${variable} !== ${values[0]}`, `${values[0]}`]];
  const set = constantFor(`${name} values`, context.names);
  context.constants.push(`const ${set} = new Set<unknown>([${values.join(", ")}]);`);
  return [[`!${set}.has(${variable})`, `one of ${values.join(", ")}`]];
}

/** Lengths count code points, as JSON Schema says: at most one per UTF-16 unit, at least one per two, so most texts need no count. */
function stringGuards({ limits }: SchemaNode, { variable, name }: Guarded, context: Context): readonly Guard[] {
  const { minLength, maxLength, pattern } = limits;
  const guards: Guard[] = [];
  if (minLength === 1) guards.push([`${variable} === ""`, "at least 1 character", "length"]);
  else if (minLength !== undefined && minLength > 1) {
    guards.push([
      `${variable}.length < ${2 * minLength} && codePoints(${variable}) < ${minLength}`,
      `at least ${minLength} characters`,
      "length",
    ]);
  }
  if (maxLength !== undefined) {
    guards.push([
      `${variable}.length > ${maxLength} && codePoints(${variable}) > ${maxLength}`,
      `at most ${maxLength} characters`,
      "length",
    ]);
  }
  if (pattern !== undefined) {
    const constant = constantFor(`${name} pattern`, context.names);
    context.constants.push(`const ${constant} = ${new RegExp(pattern, "u")};`);
    guards.push([`!${constant}.test(${variable})`, `a string that matches ${pattern}`]);
  }
  return guards;
}

function numberGuards({ limits }: SchemaNode, variable: string): readonly Guard[] {
  const rules = [
    ["<", limits.minimum, "at least"],
    [">", limits.maximum, "at most"],
    ["<=", limits.exclusiveMinimum, "more than"],
    [">=", limits.exclusiveMaximum, "less than"],
  ] as const;
  return rules.flatMap(([operator, limit, words]) =>
    limit === undefined ? [] : [[`${variable} ${operator} ${limit}`, `${words} ${limit}`] as const],
  );
}
