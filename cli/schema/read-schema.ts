/**
 * Reads event.schema.json into a tree of nodes. Only the part of JSON Schema 2020-12 is taken that the rest of the compiler can
 * keep its word on; any other keyword is refused by name and path, because a rule that is silently ignored is worse than none.
 */
import { UserError } from "../user-error.ts";
import { annotationKeywords, checkKeywords } from "./keywords.ts";
import { refusal } from "./refusal.ts";

export type JsonType = "string" | "number" | "integer" | "boolean" | "null" | "object" | "array";
export type Constant = string | number | boolean | null;

export interface SchemaNode {
  /** Keys from the root; the items of an array are "[]". */
  readonly path: readonly string[];
  readonly types: readonly JsonType[];
  readonly title: string | null;
  readonly description: string | null;
  readonly constants: readonly Constant[] | null;
  readonly properties: readonly SchemaNode[];
  readonly required: ReadonlySet<string>;
  readonly items: SchemaNode | null;
  readonly limits: Limits;
  readonly annotations: Annotations;
}

export interface Limits {
  readonly pattern?: string;
  readonly format?: "date-time";
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

export interface Annotations {
  readonly "x-column"?: string;
  readonly "x-sensitive"?: boolean;
  readonly "x-flatten"?: "columns" | "json";
  readonly "x-scale"?: number;
  readonly "x-partition"?: boolean;
}

type JsonObject = { readonly [key: string]: unknown };

/** The tree of a schema file's text. Throws a UserError that names the keyword and where it stands. */
export function readSchema(text: string): SchemaNode {
  const json = parseJson(text);
  const root = readNode(json, []);
  if (root.types.length !== 1 || root.types[0] !== "object")
    throw refusal([], `expected "type": "object" for an event`);
  if (root.properties.length === 0) throw refusal([], "expected properties, got none");
  return root;
}

export function nameOf(node: SchemaNode): string {
  return node.path.at(-1) ?? "";
}

export function isRequired(parent: SchemaNode, child: SchemaNode): boolean {
  return parent.required.has(nameOf(child));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`event.schema.json: expected JSON, but ${(error as Error).message}`);
  }
}

function readNode(json: unknown, path: readonly string[]): SchemaNode {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw refusal(path, "expected a schema object");
  const schema = json as JsonObject;
  checkKeywords(schema, path);
  const types = readTypes(schema, path);
  const properties = Object.entries((schema.properties ?? {}) as JsonObject);
  const node: SchemaNode = {
    path,
    types,
    title: (schema.title as string | undefined) ?? null,
    description: (schema.description as string | undefined) ?? null,
    constants: readConstants(schema, types, path),
    properties: properties.map(([name, property]) => readNode(property, [...path, name])),
    required: new Set((schema.required ?? []) as string[]),
    items: schema.items === undefined ? null : readNode(schema.items, [...path, "[]"]),
    limits: pick(schema, (keyword) => !annotationKeywords.has(keyword)),
    annotations: pick(schema, (keyword) => annotationKeywords.has(keyword)),
  };
  checkRequired(node);
  return node;
}

function readTypes(schema: JsonObject, path: readonly string[]): readonly JsonType[] {
  if (schema.type === undefined) throw refusal(path, `expected a "type"; a field without one has no column type`);
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]) as JsonType[];
  if (types.every((type) => type === "null")) throw refusal(path, `expected a type besides "null"`);
  return types;
}

function readConstants(
  schema: JsonObject,
  types: readonly JsonType[],
  path: readonly string[],
): readonly Constant[] | null {
  if (schema.enum !== undefined && schema.const !== undefined) throw refusal(path, "expected enum or const, got both");
  if (schema.enum === undefined && schema.const === undefined) return null;
  const constants = (schema.const === undefined ? schema.enum : [schema.const]) as readonly Constant[];
  if (types.includes("object") || types.includes("array")) throw refusal(path, "enum and const are for single values");
  for (const value of constants) {
    const type = value === null ? "null" : typeof value;
    const fits =
      type === "number"
        ? types.includes("number") || (types.includes("integer") && Number.isInteger(value))
        : types.includes(type as JsonType);
    if (!fits) throw refusal(path, `expected enum or const to list values of its type, got ${JSON.stringify(value)}`);
  }
  if (types.includes("null") && !constants.includes(null)) {
    throw refusal(
      path,
      `the type allows null and the enum does not: list null in the enum, or take "null" from the type`,
    );
  }
  return constants;
}

function checkRequired(node: SchemaNode): void {
  const declared = new Set(node.properties.map(nameOf));
  for (const name of node.required) {
    if (!declared.has(name))
      throw refusal(node.path, `required lists ${JSON.stringify(name)}, which properties does not declare`);
  }
}

/** Limits and annotations are kept under their own keyword; `checkKeywords` has seen to their types. */
function pick<T>(schema: JsonObject, wanted: (keyword: string) => boolean): T {
  const structural = new Set(["type", "properties", "required", "items", "enum", "const", "title", "description"]);
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !structural.has(key) && wanted(key))) as T;
}
