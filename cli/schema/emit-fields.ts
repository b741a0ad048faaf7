/**
 * `readFields`: what `readRow` does, for an event of which only the places of its fields are known. Plain texts are checked by their
 * length and made only where they are wanted; for any other field its value is made, and the checks are those of `readRow`.
 */
import { block, indent, type Lines, variableFor } from "./code.ts";
import { isFlattened, isJsonText } from "./column-type.ts";
import type { PlannedColumn } from "./columns.ts";
import { cellType, emitJsonCell, type Reading } from "./emit-read.ts";
import { emitCheck, emitTypeGuard, type Place, presence } from "./emit-validate.ts";
import { isRequired, type SchemaNode } from "./read-schema.ts";

interface FieldsReading extends Reading {
  /** The number of the next field. */
  next: number;
}

export function emitReadFields(root: SchemaNode, columns: readonly PlannedColumn[]): Lines {
  const reading: FieldsReading = {
    columns: new Map(columns.map((column) => [column.node, column])),
    taken: new Set(["plain"]),
    declarations: [],
    row: [],
    // The functions and constants are those that `readRow` calls: the same walk gives them the same names.
    context: { functions: [], constants: [], names: new Set() },
    next: 0,
  };
  const checks = emitFields(root, reading);
  const body = [...reading.declarations, ...checks];
  const isPlainAsked = body.some((line) => line.includes("plain ?"));
  return [
    "/** `readRow` from the places of the fields; anything but a row where `readRow` has to tell. */",
    ...block("export function readFields(fields: Fields): Row | string | null", [
      ...(isPlainAsked ? ["const plain = true;"] : []),
      ...body,
      "return {",
      ...indent(reading.row),
      "};",
    ]),
  ];
}

function emitFields(parent: SchemaNode, reading: FieldsReading): Lines {
  return parent.properties.flatMap((node) => emitField(parent, node, reading));
}

function emitField(parent: SchemaNode, node: SchemaNode, reading: FieldsReading): Lines {
  const field = reading.next++;
  const column = reading.columns.get(node);
  const quick = isFlattened(node) || column === undefined ? null : quickTest(node, field);
  if (column !== undefined && quick !== null) {
    reading.row.push(`${column.name}: fields.${isJsonText(node) ? "json" : "text"}(${field}),`);
    const unless = [
      ...(isRequired(parent, node) ? [] : [` && fields.has(${field})`]),
      ...(node.types.includes("null") ? [` && !fields.isNull(${field})`] : []),
    ];
    return [`if (!${quick}${unless.join("")}) return null;`];
  }
  const variable = variableFor(node.path.join(" "), reading.taken);
  const place: Place = { variable, label: [node.path.join(".")], depth: 0, sensitive: true, cell: null };
  const body =
    column === undefined
      ? [emitTypeGuard("object", node, place), ...emitFields(node, reading)]
      : emitColumn(node, column, place, reading);
  const present = presence(parent, node, variable);
  const whole = [
    `const ${variable} = fields.value(${field});`,
    ...(present === null ? body : block(`if (${present})`, body)),
  ];
  if (column === undefined || !isTimeAlone(node)) return whole;
  const time = `${variable}Cell = fields.time(${field})`;
  return [
    `if (${textTest(node, field)}) {`,
    `  if ((${time}) === null) return null;`,
    "} else {",
    ...indent(whole),
    "}",
  ];
}

function emitColumn(node: SchemaNode, column: PlannedColumn, place: Place, reading: FieldsReading): Lines {
  const { declarations, row, context } = reading;
  const cell = `${place.variable}Cell`;
  declarations.push(`let ${cell}: ${cellType(column)} | null = null;`);
  row.push(`${column.name}: ${cell},`);
  if (!isJsonText(node)) return emitCheck(node, { ...place, cell }, context);
  return [...emitCheck(node, place, context), emitJsonCell(cell, node, place)];
}

/** The whole check of a text with no other rule than its length, or of an object without any; null for any other field. */
function quickTest(node: SchemaNode, field: number): string | null {
  const { types, constants, properties, limits, annotations } = node;
  const kinds = types.filter((type) => type !== "null").join();
  if (constants !== null) return null;
  if (kinds === "object" && properties.length === 0) return `fields.isObject(${field})`;
  const isPlain = kinds === "string" && !isJsonText(node) && annotations["x-scale"] === undefined;
  return isPlain && limits.pattern === undefined && limits.format === undefined ? textTest(node, field) : null;
}

/** Whether a text of the node is a time, and has no other rule than that and its length. */
function isTimeAlone(node: SchemaNode): boolean {
  const { constants, limits } = node;
  return !isJsonText(node) && limits.format !== undefined && limits.pattern === undefined && constants === null;
}

function textTest({ limits: { minLength = 0, maxLength } }: SchemaNode, field: number): string {
  return `fields.isText(${field}, ${minLength}, ${maxLength ?? "Number.MAX_SAFE_INTEGER"})`;
}
