import type { ConversionSettings } from "./conversion-settings.ts";
import { type GlueTable, type ParquetColumn, parquetColumn } from "./glue-table.ts";
import { parseJson } from "./json.ts";
import { DeliverySettingsError, isObject } from "./properties.ts";

/**
 * JSON records into rows of a Glue table, by the rules of the OpenX SerDe as Firehose applies them. A row is one line of
 * JSON with short keys and already coerced values, so that DuckDB only has to lay it out as Parquet.
 * A missing field and null are NULL, an unknown field is dropped, and a record that does not fit fails alone.
 */
export interface Conversion {
  readonly columns: readonly ParquetColumn[];
  convert(data: Buffer): Converted;
}

export type Converted =
  | { readonly kind: "row"; readonly line: string }
  | { readonly kind: "failure"; readonly code: string; readonly message: string };

/** Throws a DeliverySettingsError that names the columns whose types have no local conversion. */
export function createConversion(stream: string, settings: ConversionSettings, table: GlueTable): Conversion {
  const columns = table.columns.map((column) => {
    const known = parquetColumn(column, settings.caseInsensitive);
    if (known !== null) return known;
    throw new DeliverySettingsError(
      `Delivery stream "${stream}": column "${column.name}" of Glue table ${table.databaseName}.${table.name} has type ${column.type}, ` +
        "which the local conversion does not support; use string, boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), date, timestamp, or array<…>, struct<…>, map<string,…> of these",
    );
  });
  const places = placesOf(columns, settings);
  const placeOf = (key: string): number | undefined => {
    const dotless = settings.dotsToUnderscores ? key.replaceAll(".", "_") : key;
    return places.get(dotless) ?? (settings.caseInsensitive ? places.get(dotless.toLowerCase()) : undefined);
  };
  return { columns, convert: (data) => convert(data.toString("utf8"), columns, placeOf) };
}

function placesOf(columns: readonly ParquetColumn[], settings: ConversionSettings): ReadonlyMap<string, number> {
  return new Map(
    columns.map(({ name }, at) => {
      const key = settings.keyOfColumn[name] ?? name;
      return [settings.caseInsensitive ? key.toLowerCase() : key, at];
    }),
  );
}

function convert(
  text: string,
  columns: readonly ParquetColumn[],
  placeOf: (key: string) => number | undefined,
): Converted {
  if (text.trim() === "") return failure("MalformedData", "The record was empty or contained only whitespace.");
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return failure("ParseError", "Encountered malformed JSON.");
  }
  if (!isObject(value))
    return failure("MalformedData", "Data does not match the schema. The record is not a JSON object.");

  // By place, because two keys that differ only in case mean the same column, and the later one counts.
  const cells = new Array<string | undefined>(columns.length);
  for (const key in value) {
    const place = placeOf(key);
    const column = place === undefined ? undefined : columns[place];
    if (place === undefined || column === undefined) continue;
    const cell = value[key] === null ? undefined : column.coerce(value[key]);
    if (typeof cell === "object") return failure("MalformedData", `Data does not match the schema. ${cell.message}`);
    cells[place] = cell;
  }
  return { kind: "row", line: lineOf(cells) };
}

function lineOf(cells: readonly (string | undefined)[]): string {
  let line = "{";
  for (let place = 0; place < cells.length; place++) {
    const cell = cells[place];
    if (cell !== undefined) line += `${line === "{" ? "" : ","}"c${place}":${cell}`;
  }
  return `${line}}\n`;
}

function failure(code: string, message: string): Converted {
  return { kind: "failure", code: `DataFormatConversion.${code}`, message };
}
