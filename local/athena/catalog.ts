/** The template's Glue tables as Athena sees them. One that it could not read here fails when a query names it: it may be there for Firehose only. */
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { type Projection, readProjection, TableProblem } from "./projection.ts";

export interface Column {
  readonly name: string;
  /** Hive's. */
  readonly type: string;
}

export interface DataTable {
  readonly kind: "table";
  readonly database: string;
  readonly name: string;
  readonly format: "parquet" | "json";
  readonly bucket: string;
  /** Of the keys of its objects; ends in a slash, or is empty. */
  readonly prefix: string;
  /** Without the partition keys. */
  readonly columns: readonly Column[];
  readonly partitionKeys: readonly Column[];
  /** Null when it has no partitions. */
  readonly projection: Projection | null;
  /** Of the frozen objects those of which there is a copy; else none. */
  readonly readsRestored: boolean;
}

export interface View {
  readonly kind: "view";
  readonly database: string;
  readonly name: string;
  /** In Trino's SQL. */
  readonly sql: string;
}

export interface UnreadableTable {
  readonly kind: "unreadable";
  readonly database: string;
  readonly name: string;
  readonly problem: string;
}

export type Table = DataTable | View | UnreadableTable;

export interface GlueCatalog {
  hasDatabase(name: string): boolean;
  /** Names as written in a query, in small letters. */
  find(database: string, table: string): Table | undefined;
}

export function readCatalog(template: Template): GlueCatalog {
  const databases = new Set(template.of("AWS::Glue::Database").map(({ name }) => name.toLowerCase()));
  const tables = new Map(
    template.of("AWS::Glue::Table").map((resource) => {
      const table = readTable(resource);
      return [`${table.database}.${table.name}`, table] as const;
    }),
  );
  return {
    hasDatabase: (name) => databases.has(name),
    find: (database, table) => tables.get(`${database}.${table}`),
  };
}

const libraries: Readonly<Record<string, DataTable["format"]>> = {
  "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": "parquet",
  "org.openx.data.jsonserde.JsonSerDe": "json",
};

function readTable({ properties, name: written }: Resource): Table {
  const input = properties.TableInput as ValueMap;
  const database = String(properties.DatabaseName).toLowerCase();
  const name = written.toLowerCase();
  try {
    if (input.TableType === "VIRTUAL_VIEW")
      return { kind: "view", database, name, sql: viewSql(String(input.ViewOriginalText)) };
    return { kind: "table", database, name, ...dataOf(input) };
  } catch (error) {
    if (!(error instanceof TableProblem)) throw error;
    return { kind: "unreadable", database, name, problem: error.message };
  }
}

function dataOf(input: ValueMap): Omit<DataTable, "kind" | "database" | "name"> {
  const storage = (input.StorageDescriptor ?? {}) as ValueMap;
  const library = String((storage.SerdeInfo as ValueMap | undefined)?.SerializationLibrary);
  const format = libraries[library];
  if (format === undefined)
    throw new TableProblem(
      `the local runtime reads tables by ${Object.keys(libraries).join(" or ")} only, got ${library}`,
    );
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(String(storage.Location)) ?? [];
  if (bucket === undefined)
    throw new TableProblem(`expected a Location as s3://bucket/prefix/, got ${String(storage.Location)}`);
  const partitionKeys = columnsOf(input.PartitionKeys);
  const parameters = (input.Parameters ?? {}) as ValueMap;
  return {
    format,
    bucket,
    prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
    columns: columnsOf(storage.Columns),
    partitionKeys,
    projection: partitionKeys.length === 0 ? null : readProjection(partitionKeys, parameters),
    readsRestored: String(parameters.read_restored_glacier_objects).toLowerCase() === "true",
  };
}

function columnsOf(list: ValueMap[string] | undefined): readonly Column[] {
  const columns = (list ?? []) as readonly ValueMap[];
  return columns.map(({ Name: name, Type: type }) => ({ name: String(name).toLowerCase(), type: String(type) }));
}

function viewSql(text: string): string {
  const encoded = /\/\* Presto View: ([A-Za-z0-9+/=]+) \*\//.exec(text)?.[1];
  try {
    const { originalSql } = JSON.parse(Buffer.from(encoded ?? "", "base64").toString()) as { originalSql?: unknown };
    if (typeof originalSql === "string") return originalSql;
  } catch {
    // The message below says what was expected.
  }
  throw new TableProblem("expected ViewOriginalText of the form /* Presto View: <base64 of JSON> */");
}
