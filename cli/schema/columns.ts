/**
 * The flattening plan: which field becomes which column. Names are lower snake case because Glue and Firehose lower-case every
 * name, so that two fields which differ by case only would silently share a column.
 */
import type { Column, ColumnType } from "@millrace/engine";
import { columnTypeOf, isFlattened, isJsonText, leastOf } from "./column-type.ts";
import { isRequired, nameOf, type SchemaNode } from "./read-schema.ts";
import { refusal, showPath } from "./refusal.ts";

export const ID_COLUMN = "event_id";
export const TIME_COLUMN = "event_time";

/** Partition keys that every lake has, made from the event time. */
const RESERVED = new Set(["dt", "hour"]);

export interface PlannedColumn extends Column {
  readonly node: SchemaNode;
  readonly partition: boolean;
}

interface Place {
  readonly prefix: readonly string[];
  readonly required: boolean;
  readonly sensitive: boolean;
}

/** Columns in the order of the schema. Throws a UserError that names the field which cannot be one. */
export function planColumns(root: SchemaNode): readonly PlannedColumn[] {
  refuseAnnotations(root);
  const columns = columnsUnder(root, { prefix: [], required: true, sensitive: false });
  refuseCollisions(columns);
  for (const [name, type] of [
    [ID_COLUMN, "string"],
    [TIME_COLUMN, "timestamp"],
  ] as const)
    refuseWithoutIdentity(columns, name, type);
  for (const column of columns) if (column.partition) refuseUnsafePartition(column);
  return columns;
}

/** pageURL, "page url" and page-url are all page_url. */
export function toSnakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/_+$/, "")
    .toLowerCase();
}

function columnsUnder(parent: SchemaNode, place: Place): readonly PlannedColumn[] {
  return parent.properties.flatMap((node) => {
    const inner: Place = {
      prefix: [...place.prefix, node.annotations["x-column"] ?? toSnakeCase(nameOf(node))],
      required: place.required && isRequired(parent, node) && !node.types.includes("null"),
      sensitive: place.sensitive || node.annotations["x-sensitive"] === true,
    };
    if (!isFlattened(node)) return [toColumn(node, inner)];
    for (const keyword of ["x-scale", "x-partition"] as const) {
      if (node.annotations[keyword] !== undefined)
        throw refusal(node.path, `${keyword} is for a single field, not for an object`);
    }
    return columnsUnder(node, inner);
  });
}

function toColumn(node: SchemaNode, { prefix, required, sensitive }: Place): PlannedColumn {
  const name = prefix.join("_");
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw refusal(
      node.path,
      `its column would be called ${JSON.stringify(name)}; a column starts with a letter (a leading underscore is kept for the pipeline's own): set x-column`,
    );
  }
  if (RESERVED.has(name))
    throw refusal(
      node.path,
      `the column ${name} is a partition key of the lake, made from the event time: set x-column`,
    );
  for (const inner of [...node.properties, ...(node.items === null ? [] : [node.items])]) refuseAnnotationsBelow(inner);
  const type = columnTypeOf(node);
  const maxLength = type === "string" && !isJsonText(node) ? longestText(node) : undefined;
  const minimum = leastOf(node, type);
  return {
    name,
    path: node.path,
    type,
    required,
    sensitive,
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(minimum === undefined ? {} : { minimum }),
    node,
    partition: node.annotations["x-partition"] === true,
  };
}

/** In code points; listed values bound a text as well as maxLength does. */
function longestText({ constants, limits }: SchemaNode): number | undefined {
  if (constants === null) return limits.maxLength;
  return Math.max(...constants.map((value) => [...String(value ?? "")].length));
}

function refuseCollisions(columns: readonly PlannedColumn[]): void {
  const taken = new Map<string, PlannedColumn>();
  for (const column of columns) {
    const other = taken.get(column.name);
    if (other !== undefined) {
      throw refusal(
        column.path,
        `its column ${column.name} is also the column of ${showPath(other.path)}: set x-column on one of them`,
      );
    }
    taken.set(column.name, column);
  }
}

function refuseWithoutIdentity(columns: readonly PlannedColumn[], name: string, type: ColumnType): void {
  const column = columns.find((candidate) => candidate.name === name);
  if (column === undefined)
    throw refusal([], `expected a column ${name}: set "x-column": "${name}" on the field that is one`);
  if (!column.required) throw refusal(column.path, `the column ${name} must be required, without null`);
  if (column.type !== type) throw refusal(column.path, `the column ${name} must be a ${type}`);
}

/** A partition key is a piece of an object's path and of a projection list: what would break either is refused beforehand. */
function refuseUnsafePartition({ path, type, required, node }: PlannedColumn): void {
  if (type !== "string" || !required) throw refusal(path, "x-partition is for a required string without null");
  const { pattern } = node.limits;
  const constants = node.constants ?? [];
  const unsafe = ["", "/", "a/b", "a,b", "a b", "a=b", "..", "é"].filter(
    (text) => pattern === undefined || new RegExp(pattern, "u").test(text),
  );
  const safe =
    constants.length > 0
      ? constants.every((value) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(String(value)))
      : unsafe.length === 0;
  if (!safe) {
    throw refusal(
      path,
      "x-partition needs values that are safe in a path: an enum of words, or a pattern such as ^[A-Za-z0-9_-]{1,64}$",
    );
  }
}

function refuseAnnotationsBelow(node: SchemaNode): void {
  refuseAnnotations(node);
  for (const inner of [...node.properties, ...(node.items === null ? [] : [node.items])]) refuseAnnotationsBelow(inner);
}

function refuseAnnotations(node: SchemaNode): void {
  const [keyword] = Object.keys(node.annotations);
  if (keyword !== undefined) throw refusal(node.path, `${keyword} has no effect here: this is not a column of its own`);
}
