/** Puts definitions/generated/event.ts together. */
import type { Lines } from "./code.ts";
import { ID_COLUMN, type PlannedColumn, TIME_COLUMN } from "./columns.ts";
import { emitReadFields } from "./emit-fields.ts";
import { emitRead } from "./emit-read.ts";
import { emitEventSchema, emitToLakeColumns } from "./emit-row.ts";
import { emitType } from "./emit-type.ts";
import type { SchemaNode } from "./read-schema.ts";
import { runtimePieces } from "./runtime-pieces.ts";

export function emitEvent(root: SchemaNode, columns: readonly PlannedColumn[]): string {
  const body: Lines = [
    ...emitType(root),
    "",
    ...emitEventSchema(columns, ID_COLUMN, TIME_COLUMN),
    "",
    ...emitRead(root, columns),
    "",
    ...emitReadFields(root, columns),
    "",
    ...emitToLakeColumns(columns),
  ];
  const pieces = neededPieces(body.join("\n"));
  const code = [...body, ...pieces.flatMap((piece) => ["", ...piece.split("\n")])].join("\n");
  const imports = [
    "type EventSchema",
    "type Fields",
    "fromScaled",
    "isoTime",
    "parseTime",
    "type Row",
    "type Scalar",
    "scaleDecimal",
  ].filter((name) => name.startsWith("type ") || uses(code, name));
  return `// Written by \`npm run generate\` from event.schema.json: change that file, not this one.\nimport { ${imports.join(", ")} } from "@millrace/engine";\n\n${code}\n`;
}

/** Only what is called is written, and a piece may call others. */
function neededPieces(code: string): readonly string[] {
  const needed = new Set<string>();
  const visit = (source: string) => {
    for (const [name, piece] of Object.entries(runtimePieces)) {
      if (needed.has(name) || !uses(source, name)) continue;
      needed.add(name);
      visit(piece);
    }
  };
  visit(code);
  return Object.entries(runtimePieces).flatMap(([name, piece]) => (needed.has(name) ? [piece] : []));
}

/** Whether code calls a function or names a type; words in comments and strings do not count. */
function uses(code: string, name: string): boolean {
  const bare = code.replace(/\/\*\*.*?\*\/|"(?:\\.|[^"\\])*"/g, "");
  return new RegExp(name === "JsonObject" ? "(?<=: |is )JsonObject\\b" : `(?<![\\w.])${name}\\(`).test(bare);
}
