/** What the engine knows of the columns, and a row as the lake has it. */
import { block, indent, isInherited, keySource, type Lines } from "./code.ts";
import type { PlannedColumn } from "./columns.ts";

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
        "readRow,",
        "readFields,",
        "toLakeColumns,",
      ],
      "};",
    ),
  ];
}

function columnSource({ name, path, type, required, sensitive, maxLength, minimum }: PlannedColumn): string {
  const bounds = { ...(maxLength !== undefined && { maxLength }), ...(minimum !== undefined && { minimum }) };
  const column = { name, path, type, required, sensitive, ...bounds };
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

/** One object literal again, of one hidden class, which JSON.stringify writes in half the time of an object put together by name. */
export function emitToLakeColumns(columns: readonly PlannedColumn[]): Lines {
  const cells = columns.map((column) => `${column.name}: ${cellSource(column)},`);
  return [
    "/** The columns as the lake's JSON has them; undefined, which JSON.stringify leaves out, for null. */",
    ...block("export function toLakeColumns(row: Row): Record<string, Scalar | undefined>", [
      "return {",
      ...indent(cells),
      "};",
    ]),
  ];
}

function cellSource({ name, type, required }: PlannedColumn): string {
  const cell = isInherited(name) ? `(row.${name} as unknown as Scalar)` : `row.${name}`;
  const present = (source: string) => (required ? source : `${cell} === null ? undefined : ${source}`);
  if (type === "timestamp") return present(`isoTime(${cell} as number)`);
  if (typeof type === "object") return present(`fromScaled(${cell} as number, ${type.decimal.scale})`);
  return required ? cell : `${cell} ?? undefined`;
}
