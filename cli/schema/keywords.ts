/** Every keyword that event.schema.json may use, and what its value must look like. */
import { refusal } from "./refusal.ts";

type Check = { readonly fits: (value: unknown) => boolean; readonly expected: string };

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
const TYPES = ["string", "number", "integer", "boolean", "null", "object", "array"];

const text: Check = { fits: (value) => typeof value === "string", expected: "a string" };
const count: Check = { fits: (value) => Number.isSafeInteger(value) && (value as number) >= 0, expected: "a count" };
const number: Check = { fits: (value) => Number.isFinite(value), expected: "a number" };
const flag: Check = { fits: (value) => typeof value === "boolean", expected: "true or false" };
const anything: Check = { fits: () => true, expected: "anything" };

const checks = new Map<string, Check>(
  Object.entries({
    $schema: { fits: (value) => value === DIALECT, expected: JSON.stringify(DIALECT) },
    $id: text,
    $comment: text,
    title: text,
    description: text,
    examples: anything,
    type: { fits: isTypeOrTypes, expected: `one of ${TYPES.join(", ")}, or a list of them` },
    required: { fits: isNames, expected: "a list of names" },
    properties: { fits: isPlainObject, expected: "an object" },
    additionalProperties: {
      fits: (value) => value === true,
      expected: "true (fields that are not declared are allowed, and kept in the raw archive)",
    },
    enum: {
      fits: (value) => Array.isArray(value) && value.length > 0 && value.every(isConstant),
      expected: "a list of strings, numbers, booleans or null",
    },
    const: { fits: isConstant, expected: "a string, a number, a boolean or null" },
    pattern: { fits: isPattern, expected: "a regular expression (ECMAScript, unicode)" },
    minLength: count,
    maxLength: count,
    minimum: number,
    maximum: number,
    exclusiveMinimum: number,
    exclusiveMaximum: number,
    items: { fits: isPlainObject, expected: "a schema object" },
    minItems: count,
    maxItems: count,
    format: {
      fits: (value) => value === "date-time",
      expected: `"date-time", the only format known here (pattern says most others)`,
    },
    "x-column": {
      fits: (value) => typeof value === "string" && /^[a-z][a-z0-9_]{0,127}$/.test(value),
      expected: "a column name in lower snake case",
    },
    "x-sensitive": flag,
    "x-flatten": { fits: (value) => value === "columns" || value === "json", expected: `"columns" or "json"` },
    "x-scale": {
      fits: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 9,
      expected: "a whole number from 0 to 9",
    },
    "x-partition": flag,
  } satisfies Record<string, Check>),
);

export const annotationKeywords: ReadonlySet<string> = new Set([
  "x-column",
  "x-sensitive",
  "x-flatten",
  "x-scale",
  "x-partition",
]);

export function checkKeywords(schema: { readonly [keyword: string]: unknown }, path: readonly string[]): void {
  for (const [keyword, value] of Object.entries(schema)) {
    const check = checks.get(keyword);
    if (check === undefined) {
      throw refusal(
        path,
        `the keyword ${JSON.stringify(keyword)} is not supported; supported are ${[...checks.keys()].join(", ")}`,
      );
    }
    if (!check.fits(value))
      throw refusal(path, `expected ${keyword} to be ${check.expected}, got ${JSON.stringify(value)}`);
  }
}

function isTypeOrTypes(value: unknown): boolean {
  if (!Array.isArray(value)) return TYPES.includes(value as string);
  return value.length > 0 && new Set(value).size === value.length && value.every((type) => TYPES.includes(type));
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

function isPlainObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isConstant(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

function isPattern(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    new RegExp(value, "u");
    return true;
  } catch {
    return false;
  }
}
