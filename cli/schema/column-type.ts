/** The lake's type of a field. A field whose values would not all fit one type is refused when generating, not when storing. */
import type { ColumnType } from "@millrace/engine";
import type { JsonType, SchemaNode } from "./read-schema.ts";
import { refusal } from "./refusal.ts";

/** Firehose, Parquet and DuckDB keep a decimal of up to 18 digits in 64 bits; the engine accepts 15, so none is ever too long. */
const DECIMAL_PRECISION = 18;
const LATEST_TIME_MS = 8_640_000_000_000_000;

/** A declared object becomes a column per field, unless it asks to be kept as JSON text. */
export function isFlattened(node: SchemaNode): boolean {
  const declared = typesOf(node).join() === "object" && node.properties.length > 0;
  if (node.annotations["x-flatten"] === "columns" && !declared)
    throw refusal(node.path, `x-flatten "columns" is for an object with properties`);
  return declared && node.annotations["x-flatten"] !== "json";
}

export function isJsonText(node: SchemaNode): boolean {
  const nested = typesOf(node).some((type) => type === "object" || type === "array");
  return !isFlattened(node) && (nested || node.annotations["x-flatten"] === "json");
}

export function columnTypeOf(node: SchemaNode): ColumnType {
  const types = typesOf(node);
  const is = (...wanted: JsonType[]) => types.every((type) => wanted.includes(type));
  const scale = node.annotations["x-scale"];
  if (isJsonText(node)) return jsonText(node, types);
  if (scale !== undefined) {
    if (!is("string", "number", "integer")) throw refusal(node.path, "x-scale is for a number or a string");
    return { decimal: { precision: DECIMAL_PRECISION, scale } };
  }
  if (node.limits.format === "date-time" && is("string", "integer") && types.includes("string"))
    return timestamp(node, types);
  if (node.limits.format !== undefined)
    throw refusal(node.path, "format date-time is for a string, or a string and an integer of epoch ms");
  if (is("string")) return "string";
  if (is("boolean")) return "boolean";
  if (is("integer")) return bigint(node);
  if (is("number", "integer")) return "double";
  throw refusal(
    node.path,
    `${types.join(" and ")} together have no column type: choose one, set x-scale for a decimal, or x-flatten "json" for JSON text`,
  );
}

/** Of a field that is a number and nothing else, if the schema bounds it. */
export function leastOf({ types, limits, constants }: SchemaNode, type: ColumnType): number | undefined {
  if (isTextual(type) || types.includes("string")) return undefined;
  const numbers = (constants ?? []).filter((value) => typeof value === "number");
  const { minimum, exclusiveMinimum } = limits;
  const above =
    exclusiveMinimum !== undefined && type === "bigint" ? Math.floor(exclusiveMinimum) + 1 : exclusiveMinimum;
  const bounds = [minimum, above, ...(numbers.length === 0 ? [] : [Math.min(...numbers)])].filter(
    (one) => one !== undefined,
  );
  return bounds.length === 0 ? undefined : Math.max(...bounds);
}

function isTextual(type: ColumnType): boolean {
  return type === "string" || type === "boolean" || type === "timestamp";
}

function jsonText(node: SchemaNode, types: readonly JsonType[]): ColumnType {
  if (types.length > 1 && node.annotations["x-flatten"] !== "json") {
    throw refusal(node.path, `${types.join(" and ")} together have no column type: set x-flatten "json" for JSON text`);
  }
  if (node.annotations["x-scale"] !== undefined) throw refusal(node.path, "x-scale has no effect on JSON text");
  return "string";
}

function timestamp(node: SchemaNode, types: readonly JsonType[]): ColumnType {
  if (types.includes("integer")) refuseWithoutBounds(node, LATEST_TIME_MS, "epoch milliseconds");
  return "timestamp";
}

/** JSON has whole numbers of any size; a column has not. */
function bigint(node: SchemaNode): ColumnType {
  refuseWithoutBounds(node, Number.MAX_SAFE_INTEGER, "a whole number that every reader keeps exactly");
  return "bigint";
}

function refuseWithoutBounds({ limits, constants, path }: SchemaNode, bound: number, what: string): void {
  if (constants?.every((value) => typeof value !== "number" || Math.abs(value) <= bound)) return;
  const low = limits.minimum ?? limits.exclusiveMinimum ?? Number.NEGATIVE_INFINITY;
  const high = limits.maximum ?? limits.exclusiveMaximum ?? Number.POSITIVE_INFINITY;
  if (low < -bound || high > bound)
    throw refusal(path, `expected minimum and maximum within -${bound} and ${bound}: ${what}`);
}

function typesOf(node: SchemaNode): readonly JsonType[] {
  return node.types.filter((type) => type !== "null");
}
