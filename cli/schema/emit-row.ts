/** Flattening as one object literal, so that every row of a schema has one hidden class and is made in one pass. */
import { accessSource, block, indent, isInherited, keySource, type Lines } from "./code.ts";
import { isJsonText } from "./column-type.ts";
import type { PlannedColumn } from "./columns.ts";
import { typeSource } from "./emit-type.ts";

export function emitToRow(columns: readonly PlannedColumn[], typeName: string): Lines {
  const cells = columns.map((column) => `${column.name}: ${cellSource(column)},`);
  return [
    "/** The flat row of a valid event. Texts are made well-formed, so that no store has to replace a lone surrogate later. */",
    ...block("export function toRow(value: unknown): Row", [
      `const event = value as ${typeName};`,
      "return {",
      ...indent(cells),
      "};",
    ]),
  ];
}

export function emitEventSchema(columns: readonly PlannedColumn[], idColumn: string, timeColumn: string): Lines {
  const partitions = columns.filter((column) => column.partition).map((column) => column.name);
  return [
    "/** What the engine knows of an event. */",
    ...block(
      "export const eventSchema: EventSchema =",
      [
        `idColumn: ${JSON.stringify(idColumn)},`,
        `timeColumn: ${JSON.stringify(timeColumn)},`,
        "columns: [",
        ...indent(columns.map(columnSource)),
        "],",
        `partitionColumns: ${JSON.stringify(partitions)},`,
        "validate,",
        "toRow,",
      ],
      "};",
    ),
  ];
}

function columnSource({ name, path, type, required, sensitive, maxLength }: PlannedColumn): string {
  const column = { name, path, type, required, sensitive, ...(maxLength === undefined ? {} : { maxLength }) };
  return `{ ${Object.entries(column)
    .map(([key, value]) => `${key}: ${valueSource(value)}`)
    .join(", ")} },`;
}

function valueSource(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return JSON.stringify(value).replaceAll('","', '", "');
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${keySource(key)}: ${valueSource(inner)}`)
    .join(", ")} }`;
}

function cellSource(column: PlannedColumn): string {
  const field = fieldSource(column);
  const { node, type } = column;
  if (isJsonText(node)) return `json(${field})`;
  if (typeof type === "object") return `decimal(${field}, ${type.decimal.scale})`;
  if (type === "timestamp") return `time(${field})`;
  if (type === "string") return `text(${field})`;
  return type === "boolean" ? `${field} ?? null` : `number(${field})`;
}

/** event.page?.url; a path over a name that every object inherits is walked over own properties only. */
function fieldSource({ path, node }: PlannedColumn): string {
  if (path.some(isInherited))
    return `(valueAt(event, ${JSON.stringify(path)}) as ${typeSource(node)} | null | undefined)`;
  return path.reduce((holder, name, depth) => {
    const optional = depth === 0 ? "" : "?.";
    const access = accessSource("", name);
    return `${holder}${optional}${access.startsWith(".") && optional !== "" ? access.slice(1) : access}`;
  }, "event");
}
