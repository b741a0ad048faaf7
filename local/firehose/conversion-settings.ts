import { isObject, type Place, type Properties, type PropertyReader } from "./properties.ts";

/** DataFormatConversionConfiguration: JSON by the OpenX SerDe into Parquet, with the columns of a Glue table. */
export interface ConversionSettings {
  readonly databaseName: string;
  readonly tableName: string;
  readonly versionId: string;
  /** Null: that of the delivery stream. */
  readonly catalogId: string | null;
  readonly region: string | null;
  readonly caseInsensitive: boolean;
  readonly dotsToUnderscores: boolean;
  /** Column name → JSON key. */
  readonly keyOfColumn: { readonly [column: string]: string };
  readonly compression: "SNAPPY" | "GZIP" | "UNCOMPRESSED";
}

const SCHEMA_PROPERTIES = ["CatalogId", "DatabaseName", "Region", "RoleARN", "TableName", "VersionId"];
const OPENX_PROPERTIES = ["CaseInsensitive", "ColumnToJsonKeyMappings", "ConvertDotsInJsonKeysToUnderscores"];
const PARQUET_PROPERTIES = [
  "Compression",
  // About the layout inside a file, which is DuckDB's here:
  "BlockSizeBytes",
  "EnableDictionaryCompression",
  "MaxPaddingBytes",
  "PageSizeBytes",
  "WriterVersion",
];

/** Null when the conversion is absent or not enabled. Enabled is true by default, as on AWS. */
export function readConversion(reader: PropertyReader, destination: Properties): ConversionSettings | null {
  if (destination.DataFormatConversionConfiguration === undefined) return null;
  const names = ["Enabled", "InputFormatConfiguration", "OutputFormatConfiguration", "SchemaConfiguration"];
  const conversion = reader.object(destination, "DataFormatConversionConfiguration", names);
  if (conversion.Enabled !== undefined && !reader.flag(conversion, "Enabled")) return null;
  const schema = reader.object(conversion, "SchemaConfiguration", SCHEMA_PROPERTIES);
  return {
    databaseName: reader.required(schema, "DatabaseName"),
    tableName: reader.required(schema, "TableName"),
    versionId: reader.text(schema, "VersionId") ?? "LATEST",
    catalogId: reader.text(schema, "CatalogId") ?? null,
    region: reader.text(schema, "Region") ?? null,
    ...readInput(reader, conversion),
    compression: readOutput(reader, conversion),
  };
}

function readInput(
  reader: PropertyReader,
  conversion: Properties,
): Pick<ConversionSettings, "caseInsensitive" | "dotsToUnderscores" | "keyOfColumn"> {
  const input = reader.object(conversion, "InputFormatConfiguration", ["Deserializer"]);
  const deserializer = reader.object(input, "Deserializer", ["OpenXJsonSerDe", "HiveJsonSerDe"]);
  if (!isObject(deserializer.OpenXJsonSerDe)) {
    reader.problem(
      "InputFormatConfiguration: only Deserializer.OpenXJsonSerDe is supported by the local runtime; use OpenXJsonSerDe: {}",
      ...placeIn(conversion, "InputFormatConfiguration", input, "Deserializer"),
    );
  }
  const openX = reader.object(deserializer, "OpenXJsonSerDe", OPENX_PROPERTIES);
  const mappings = isObject(openX.ColumnToJsonKeyMappings) ? openX.ColumnToJsonKeyMappings : {};
  return {
    caseInsensitive: openX.CaseInsensitive === undefined || reader.flag(openX, "CaseInsensitive"),
    dotsToUnderscores: reader.flag(openX, "ConvertDotsInJsonKeysToUnderscores"),
    keyOfColumn: Object.fromEntries(Object.entries(mappings).map(([column, key]) => [column, String(key)])),
  };
}

function readOutput(reader: PropertyReader, conversion: Properties): ConversionSettings["compression"] {
  const output = reader.object(conversion, "OutputFormatConfiguration", ["Serializer"]);
  const serializer = reader.object(output, "Serializer", ["ParquetSerDe", "OrcSerDe"]);
  if (!isObject(serializer.ParquetSerDe)) {
    reader.problem(
      "OutputFormatConfiguration: only Serializer.ParquetSerDe is supported by the local runtime; use ParquetSerDe: {}",
      ...placeIn(conversion, "OutputFormatConfiguration", output, "Serializer"),
    );
  }
  const parquet = reader.object(serializer, "ParquetSerDe", PARQUET_PROPERTIES);
  const compression = reader.text(parquet, "Compression") ?? "SNAPPY";
  if (compression !== "SNAPPY" && compression !== "GZIP" && compression !== "UNCOMPRESSED") {
    reader.problem(
      `ParquetSerDe.Compression: expected SNAPPY, GZIP or UNCOMPRESSED, got "${compression}"`,
      parquet,
      "Compression",
    );
    return "SNAPPY";
  }
  return compression;
}

/** The inner property where there is one, else the outer, which may be missing as well. */
function placeIn(outer: Properties, outerKey: string, inner: Properties, innerKey: string): Place {
  return inner[innerKey] === undefined ? [outer, outerKey] : [inner, innerKey];
}
