/** A small value that a part of the event schema takes. It does not know every pattern: who uses it asks the validator. */
import type { Scalar } from "@millrace/engine";
import { nameOf, type SchemaNode } from "../schema/read-schema.ts";

/** What certain fields must hold, by path; a field named here is there even where it is optional. Null: any value. */
export type Wanted = ReadonlyMap<string, Scalar>;

export function pathKey(path: readonly string[]): string {
  return JSON.stringify(path);
}

export function exampleValue(node: SchemaNode, wanted: Wanted): unknown {
  const asked = wanted.get(pathKey(node.path)) ?? null;
  if (asked !== null) return typeof asked === "number" && !takesNumbers(node) ? String(asked) : asked;
  const constant = node.constants?.find((value) => value !== null);
  if (constant !== undefined) return constant;
  if (node.types.includes("object")) return exampleObject(node, wanted);
  if (node.types.includes("array")) {
    return Array.from({ length: node.limits.minItems ?? 0 }, () => node.items && exampleValue(node.items, wanted));
  }
  if (takesNumbers(node)) return exampleNumber(node);
  return node.types.includes("boolean") ? true : exampleText(node);
}

function exampleObject(node: SchemaNode, wanted: Wanted): Record<string, unknown> {
  const isNeeded = (property: SchemaNode): boolean =>
    node.required.has(nameOf(property)) || [...wanted.keys()].some((key) => isAtOrUnder(property, key));
  return Object.fromEntries(
    node.properties.filter(isNeeded).map((property) => [nameOf(property), exampleValue(property, wanted)]),
  );
}

function isAtOrUnder({ path }: SchemaNode, key: string): boolean {
  const own = pathKey(path);
  return key === own || key.startsWith(`${own.slice(0, -1)},`);
}

function takesNumbers({ types }: SchemaNode): boolean {
  return types.includes("number") || types.includes("integer");
}

function exampleNumber({ limits }: SchemaNode): number {
  const low = limits.minimum ?? (limits.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) + 1;
  const high = limits.maximum ?? (limits.exclusiveMaximum ?? Number.POSITIVE_INFINITY) - 1;
  return Math.min(Math.max(1, low), high);
}

/** `u1` for user_id, unless its pattern or its lengths want something else. */
function exampleText(node: SchemaNode): string {
  const { pattern, format, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = node.limits;
  if (format === "date-time") return "2026-01-02T03:04:05Z";
  if (node.annotations["x-scale"] !== undefined) return "1";
  const isText = (text: string): boolean => pattern === undefined || new RegExp(pattern, "u").test(text);
  const texts = [`${nameOf(node).charAt(0).toLowerCase()}1`, "a", "A", "1", "aaa-111", "a@example.com", "http://a/"];
  const repeated = ["a", "A", "1"].flatMap((char) => [2, 3, 4, 5, 8, 16, 32, 36].map((length) => char.repeat(length)));
  const fitted = [...texts, ...repeated].map((text) => text.padEnd(minLength, text.at(-1)).slice(0, maxLength));
  return fitted.find(isText) ?? fitted[0] ?? "";
}
