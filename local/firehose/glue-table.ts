import { type Coerce, coerceDecimal, coerceFloat, coerceInteger, malformed } from "./coerce-number.ts";
import { coerceDate, coerceTimestamp } from "./coerce-time.ts";
import { isRawNumber } from "./json.ts";

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

export interface ParquetColumn {
  readonly name: string;
  /** The type in which DuckDB reads the JSON text that `coerce` writes. */
  readonly readAs: string;
  /** From what was read to what is written; `?` stands for the column. */
  readonly writeAs: string;
  readonly coerce: Coerce;
}

/** Null when the local conversion does not know the type: struct, array, map and the rarer scalars. */
export function parquetColumn(column: GlueColumn, lowerCaseKeys: boolean): ParquetColumn | null {
  const type = column.type.toLowerCase().replaceAll(/\s/g, "");
  const [, precision, scale] = /^decimal\((\d+),(\d+)\)$/.exec(type) ?? [];
  const plain = (readAs: string, coerce: Coerce, writeAs = "?") => ({
    name: column.name.toLowerCase(),
    readAs,
    writeAs,
    coerce,
  });
  if (type === "string") return plain("VARCHAR", coerceString(lowerCaseKeys));
  if (type === "boolean") return plain("BOOLEAN", coerceBoolean);
  if (type === "tinyint") return plain("TINYINT", coerceInteger(8));
  if (type === "smallint") return plain("SMALLINT", coerceInteger(16));
  if (type === "int" || type === "integer") return plain("INTEGER", coerceInteger(32));
  if (type === "bigint") return plain("BIGINT", coerceInteger(64));
  if (type === "float" || type === "double") return plain(type.toUpperCase(), coerceFloat(type));
  if (type === "date") return plain("DATE", coerceDate);
  // Athena reads this as timestamp(3), which is what it shows for Firehose's own files.
  if (type === "timestamp") return plain("BIGINT", coerceTimestamp, "make_timestamp_ms(?)::TIMESTAMP_MS");
  if (precision === undefined || Number(precision) < 1 || Number(precision) > 38 || Number(scale) > Number(precision))
    return null;
  return plain(type.toUpperCase(), coerceDecimal(Number(precision), Number(scale)));
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
