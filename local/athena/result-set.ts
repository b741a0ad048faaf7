/** Rows as Athena gives them: typed columns, and every value as text, in its CSV files and in GetQueryResults alike. */
import {
  DuckDBBlobValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapType,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from "@duckdb/node-api";
import type { JsonObject } from "../aws-json.ts";
import { QueryError } from "./query-error.ts";

export interface ResultColumn {
  readonly name: string;
  /** Athena's. */
  readonly type: string;
  readonly precision: number;
  readonly scale: number;
}

const scalars: Readonly<Record<string, readonly [type: string, precision: number, scale?: number]>> = {
  BOOLEAN: ["boolean", 0],
  TINYINT: ["tinyint", 3],
  SMALLINT: ["smallint", 5],
  INTEGER: ["integer", 10],
  BIGINT: ["bigint", 19],
  // A sum of integers, which is a bigint in Trino.
  HUGEINT: ["bigint", 19],
  UBIGINT: ["bigint", 19],
  UINTEGER: ["bigint", 19],
  FLOAT: ["float", 17],
  DOUBLE: ["double", 17],
  VARCHAR: ["varchar", 2_147_483_647],
  BLOB: ["varbinary", 1_073_741_824],
  DATE: ["date", 0],
  TIMESTAMP: ["timestamp", 3],
  TIMESTAMP_MS: ["timestamp", 3],
  "TIMESTAMP WITH TIME ZONE": ["timestamp with time zone", 3],
  JSON: ["json", 0],
};

export function columnOf(name: string, duckdbType: DuckDBType): ResultColumn {
  const text = duckdbType.alias ?? duckdbType.toString();
  const [, precision, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(text) ?? [];
  if (precision !== undefined) return { name, type: "decimal", precision: Number(precision), scale: Number(scale) };
  const nested = text.endsWith("]")
    ? "array"
    : text.startsWith("MAP(")
      ? "map"
      : text.startsWith("STRUCT(")
        ? "row"
        : null;
  const [type, size, digits = 0] = nested === null ? (scalars[text] ?? ["varchar", 0]) : [nested, 0];
  return { name, type, precision: size, scale: digits };
}

/** Null for null. */
export function valueText(value: DuckDBValue, type: DuckDBType): string | null {
  return value === null ? null : presentText(value, type);
}

function presentText(value: DuckDBValue, type: DuckDBType): string {
  const inside = (inner: DuckDBValue, innerType: DuckDBType): string => valueText(inner, innerType) ?? "null";
  if (typeof value === "number") return isFloat(type) ? doubleText(value) : String(value);
  if (typeof value === "bigint") {
    if (BigInt.asIntN(64, value) === value) return String(value);
    throw new QueryError("NUMERIC_VALUE_OUT_OF_RANGE", `bigint overflow: ${value}`);
  }
  if (value instanceof DuckDBTimestampValue) return timestampText(value.micros);
  if (value instanceof DuckDBTimestampTZValue) return `${timestampText(value.micros)} UTC`;
  if (value instanceof DuckDBTimestampMillisecondsValue) return timestampText(value.millis * 1000n);
  if (value instanceof DuckDBBlobValue)
    return [...value.bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  if (value instanceof DuckDBListValue && type instanceof DuckDBListType)
    return `[${value.items.map((item) => inside(item, type.valueType)).join(", ")}]`;
  if (value instanceof DuckDBMapValue && type instanceof DuckDBMapType) {
    const entries = value.entries.map((entry) => [
      inside(entry.key, type.keyType),
      inside(entry.value, type.valueType),
    ]);
    return `{${entries.map(([key, inner]) => `${key}=${inner}`).join(", ")}}`;
  }
  if (value instanceof DuckDBStructValue && type instanceof DuckDBStructType) {
    const fields = Object.entries(value.entries);
    const shown = fields.map(([name, inner], at) => `${name}=${inside(inner, type.entryTypes[at] as DuckDBType)}`);
    return `{${shown.join(", ")}}`;
  }
  return String(value);
}

function isFloat({ typeId }: DuckDBType): boolean {
  return typeId === DuckDBTypeId.DOUBLE || typeId === DuckDBTypeId.FLOAT;
}

/** As Java writes it: 5.0, 1.5E10. */
function doubleText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
}

function timestampText(micros: bigint): string {
  return new Date(Number(micros / 1000n)).toISOString().replace("T", " ").replace("Z", "");
}

export type Row = readonly (string | null)[];

/** Every value in quotes; null is nothing at all. */
export function toCsv(rows: readonly Row[]): string {
  const cell = (value: string | null): string => (value === null ? "" : `"${value.replaceAll('"', '""')}"`);
  return rows.map((row) => `${row.map(cell).join(",")}\n`).join("");
}

export function fromCsv(csv: string): readonly Row[] {
  const rows: Row[] = [];
  let row: (string | null)[] = [];
  const cells = /(?:"((?:[^"]|"")*)")?([,\n])/gy;
  for (let match = cells.exec(csv); match !== null; match = cells.exec(csv)) {
    row.push(match[1] === undefined ? null : match[1].replaceAll('""', '"'));
    if (match[2] === "\n") {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

export function columnInfo({ name, type, precision, scale }: ResultColumn): JsonObject {
  return {
    CatalogName: "hive",
    SchemaName: "",
    TableName: "",
    Name: name,
    Label: name,
    Type: type,
    Precision: precision,
    Scale: scale,
    Nullable: "UNKNOWN",
    CaseSensitive: type === "varchar",
  };
}
