import { QueryError } from "./query-error.ts";

const scalars: Readonly<Record<string, string>> = {
  bigint: "BIGINT",
  binary: "BLOB",
  boolean: "BOOLEAN",
  date: "DATE",
  double: "DOUBLE",
  float: "FLOAT",
  int: "INTEGER",
  integer: "INTEGER",
  smallint: "SMALLINT",
  string: "VARCHAR",
  timestamp: "TIMESTAMP",
  tinyint: "TINYINT",
};

/** A column's type in Glue (`array<struct<a:int>>`) as DuckDB's. */
export function duckdbType(hiveType: string): string {
  const type = hiveType.toLowerCase().replaceAll(/\s/g, "");
  const scalar = scalars[type];
  if (scalar !== undefined) return scalar;
  if (/^decimal\(\d+,\d+\)$/.test(type)) return type.toUpperCase();
  if (/^(var)?char\(\d+\)$/.test(type)) return "VARCHAR";
  const [, outer, inner = ""] = /^(array|map|struct)<(.*)>$/.exec(type) ?? [];
  const parts = split(inner);
  if (outer === "array") return `${duckdbType(inner)}[]`;
  if (outer === "map" && parts.length === 2) return `MAP(${parts.map(duckdbType).join(", ")})`;
  if (outer === "struct") {
    const fields = parts.map((field) => {
      const colon = field.indexOf(":");
      return `"${field.slice(0, colon)}" ${duckdbType(field.slice(colon + 1))}`;
    });
    return `STRUCT(${fields.join(", ")})`;
  }
  throw new QueryError("HIVE_INVALID_METADATA", `the local runtime does not know the column type ${hiveType}`);
}

/** At the commas that stand in no brackets. */
function split(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (const [at, character] of [...text].entries()) {
    if (character === "<" || character === "(") depth++;
    if (character === ">" || character === ")") depth--;
    if (character === "," && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}
