import { type Coerce, coerceDecimal, coerceFloat, coerceInteger, malformed } from "./coerce-number.ts";
import { coerceDate, coerceTimestamp } from "./coerce-time.ts";
import { isRawNumber } from "./json.ts";
import { nestedType } from "./nested-type.ts";

/** What the conversion needs of an AWS::Glue::Table: the columns of its storage descriptor, without the partition keys. */
export interface GlueTable {
  readonly databaseName: string;
  readonly name: string;
  readonly columns: readonly GlueColumn[];
}

export interface GlueColumn {
  readonly name: string;
  /** Hive's name of the type, such as `string`, `bigint` or `decimal(12,2)`. */
  readonly type: string;
}

export interface ParquetColumn extends ColumnType {
  readonly name: string;
}

export interface ColumnType {
  /** The type in which DuckDB reads the JSON text that `coerce` writes. */
  readonly readAs: string;
  /** From an expression for what was read to one for what is written. */
  readonly writeAs: (value: string) => string;
  readonly coerce: Coerce;
}

/** Null when the local conversion does not know the type (the rarer scalars, and what holds one). */
export function parquetColumn(column: GlueColumn, lowerCaseKeys: boolean): ParquetColumn | null {
  const type = columnType(column.type.toLowerCase().replaceAll(/\s/g, ""), lowerCaseKeys);
  return type === null ? null : { ...type, name: column.name.toLowerCase() };
}

/** `type` in small letters, without spaces. */
function columnType(type: string, lowerCaseKeys: boolean): ColumnType | null {
  return (
    scalarType(type, lowerCaseKeys) ?? nestedType(type, lowerCaseKeys, (inner) => columnType(inner, lowerCaseKeys))
  );
}

function scalarType(type: string, lowerCaseKeys: boolean): ColumnType | null {
  const plain = (readAs: string, coerce: Coerce, writeAs = (value: string) => value) => ({ readAs, writeAs, coerce });
  switch (type) {
    case "string":
      return plain("VARCHAR", coerceString(lowerCaseKeys));
    case "boolean":
      return plain("BOOLEAN", coerceBoolean);
    case "tinyint":
      return plain("TINYINT", coerceInteger(8));
    case "smallint":
      return plain("SMALLINT", coerceInteger(16));
    case "int":
    case "integer":
      return plain("INTEGER", coerceInteger(32));
    case "bigint":
      return plain("BIGINT", coerceInteger(64));
    case "float":
    case "double":
      return plain(type.toUpperCase(), coerceFloat(type));
    case "date":
      return plain("DATE", coerceDate);
    // Athena reads this as timestamp(3), which is what it shows for Firehose's own files.
    case "timestamp":
      return plain("BIGINT", coerceTimestamp, (value) => `make_timestamp_ms(${value})::TIMESTAMP_MS`);
    default:
      return decimalType(type);
  }
}

function decimalType(type: string): ColumnType | null {
  const [, precision, scale] = /^decimal\((\d+),(\d+)\)$/.exec(type) ?? [];
  if (precision === undefined || Number(precision) < 1 || Number(precision) > 38 || Number(scale) > Number(precision))
    return null;
  const coerce = coerceDecimal(Number(precision), Number(scale));
  return { readAs: type.toUpperCase(), writeAs: (value) => value, coerce };
}

/** Objects and arrays become compact JSON text; other values the text that JSON has for them. */
function coerceString(lowerCaseKeys: boolean): Coerce {
  return (value) => {
    if (typeof value === "string") return JSON.stringify(value.toWellFormed());
    if (typeof value !== "object" || isRawNumber(value)) return JSON.stringify(JSON.stringify(value));
    return JSON.stringify(JSON.stringify(lowerCaseKeys ? lowerKeys(value) : value));
  };
}

/** The case-insensitive SerDe lowers keys at every depth, even in what it keeps as text. */
function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toLowerCase(), lowerKeys(inner)]));
}

/** Neither documented nor probed: true and false, also as text in any case; anything else fails. */
const coerceBoolean: Coerce = (value) => {
  const text = typeof value === "string" ? value.toLowerCase() : value;
  if (text === true || text === "true") return "true";
  if (text === false || text === "false") return "false";
  return malformed(`Cannot convert ${JSON.stringify(value)} to boolean`);
};
