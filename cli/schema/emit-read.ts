/**
 * Reading an event as one function: every field is looked up once, checked in the order of the schema, and turned into its cell
 * of the row. The row is one object literal, so that all rows of a schema have one hidden class.
 */
import { accessSource, block, indent, isIdentifier, type Lines, labelSource, variableFor } from "./code.ts";
import { isFlattened, isJsonText } from "./column-type.ts";
import type { PlannedColumn } from "./columns.ts";
import { type Context, emitCheck, emitTypeGuard, type Place, presence } from "./emit-validate.ts";
import { nameOf, type SchemaNode } from "./read-schema.ts";

/** Levels of objects and arrays in one JSON text. Far beyond any sense, and far below any reader's stack. */
const MAX_JSON_LEVELS = 100;

/** What a walk over the schema gathers. */
export interface Reading {
  readonly columns: ReadonlyMap<SchemaNode, PlannedColumn>;
  readonly taken: Set<string>;
  /** Declarations of the cells, and their places in the row, as far as the fields have been walked. */
  readonly declarations: string[];
  readonly row: string[];
  readonly context: Context;
}

/** What is true of everything inside an object that is spread over columns. */
interface Inside {
  /** The variable of the object. */
  readonly holder: string;
  /** How messages call it, up to the name of a field: "page." */
  readonly prefix: string;
  readonly sensitive: boolean;
}

export function emitRead(root: SchemaNode, columns: readonly PlannedColumn[]): Lines {
  const reading: Reading = {
    columns: new Map(columns.map((column) => [column.node, column])),
    taken: new Set(["event", "plain"]),
    declarations: [],
    row: [],
    context: { functions: [], constants: [], names: new Set() },
  };
  const checks = emitFields(root, { holder: "event", prefix: "", sensitive: false }, reading);
  return [
    ...emitReadRow([...reading.declarations, ...checks], reading.row),
    "",
    ...emitDerived,
    ...reading.context.constants.flatMap((line) => ["", line]),
    ...reading.context.functions.flatMap((lines) => ["", ...lines]),
  ];
}

function emitReadRow(body: Lines, row: Lines): Lines {
  return [
    "/** The flat row, or the first violation: what was expected where, and what came. `plain` is explained at EventSchema. */",
    ...block("export function readRow(event: unknown, plain: boolean): Row | string", [
      `if (!isObject(event)) return wrongType("event", "an object", event);`,
      ...body,
      "return {",
      ...indent(row),
      "};",
    ]),
  ];
}

const emitDerived: Lines = [
  "/** Null when valid, else the first violation. */",
  ...block("export function validate(event: unknown): string | null", [
    "const row = readRow(event, false);",
    `return typeof row === "string" ? row : null;`,
  ]),
  "",
  "/** The flat row of a valid event. */",
  ...block("export function toRow(event: unknown): Row", [
    "const row = readRow(event, false);",
    `if (typeof row === "string") throw new TypeError(\`expected a valid event, but \${row}\`);`,
    "return row;",
  ]),
];

function emitFields(parent: SchemaNode, inside: Inside, reading: Reading): Lines {
  return parent.properties.flatMap((node) => emitField(parent, node, inside, reading));
}

function emitField(parent: SchemaNode, node: SchemaNode, inside: Inside, reading: Reading): Lines {
  const name = nameOf(node);
  const variable = variableFor(node.path.join(" "), reading.taken);
  const label = inside.prefix + (isIdentifier(name) ? name : JSON.stringify(name));
  const sensitive = inside.sensitive || node.annotations["x-sensitive"] === true;
  const place: Place = { variable, label: [label], depth: 0, sensitive, cell: null };
  const body = isFlattened(node)
    ? [
        emitTypeGuard("object", node, place),
        ...emitFields(node, { holder: variable, prefix: `${label}.`, sensitive }, reading),
      ]
    : emitColumn(node, place, reading);
  const present = presence(parent, node, variable);
  return [
    `const ${variable} = ${accessSource(inside.holder, name)};`,
    ...(present === null ? body : block(`if (${present})`, body)),
  ];
}

function emitColumn(node: SchemaNode, place: Place, { columns, declarations, row, context }: Reading): Lines {
  const column = columns.get(node) as PlannedColumn;
  const cell = `${place.variable}Cell`;
  declarations.push(`let ${cell}: ${cellType(column)} | null = null;`);
  row.push(`${column.name}: ${cell},`);
  if (!isJsonText(node)) return emitCheck(node, { ...place, cell }, context);
  return [...emitCheck(node, place, context), emitJsonCell(cell, node, place)];
}

export function emitJsonCell(cell: string, node: SchemaNode, { variable, label }: Place): string {
  if (!nestsFreely(node)) return `${cell} = JSON.stringify(${variable});`;
  const message = labelSource([...label, `: expected at most ${MAX_JSON_LEVELS} levels of nesting, got more`]);
  return `if ((${cell} = jsonText(${variable}, ${MAX_JSON_LEVELS}, plain)) === null) return ${message};`;
}

/** Whether the schema leaves open how deep the value goes. */
function nestsFreely({ types, items }: SchemaNode): boolean {
  return types.includes("object") || (types.includes("array") && (items === null || nestsFreely(items)));
}

export function cellType({ type }: PlannedColumn): string {
  if (type === "string" || type === "boolean") return type;
  return "number";
}
