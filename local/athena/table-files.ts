/** The objects of a table, and the SELECT by which DuckDB reads them with the table's columns and types: what a file lacks is null. */
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import { isFrozen, isReadable } from "../s3/archive.ts";
import { pathOf } from "../s3/key.ts";
import type { ObjectStore } from "../s3/store.ts";
import type { DataTable } from "./catalog.ts";
import { duckdbType } from "./hive-type.ts";
import { QueryError } from "./query-error.ts";
import { quoted } from "./to-duckdb.ts";

export interface DataFile {
  readonly key: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** In the order of the partition keys. */
  readonly partition: readonly string[];
  /** Changes when the file does. */
  readonly version: string;
}

/** Hadoop's readers pass over these. */
const hidden = /(^|\/)[._][^/]*$/;

export async function filesOf(
  table: DataTable,
  { objects, rootDir, nowMs }: { readonly objects: ObjectStore; readonly rootDir: string; readonly nowMs: number },
): Promise<readonly DataFile[]> {
  const { bucket, prefix, projection, readsRestored } = table;
  if (!objects.buckets().some(({ name }) => name === bucket))
    throw new QueryError("PERMISSION_DENIED", `The specified bucket does not exist: ${bucket}`);
  const files: DataFile[] = [];
  for (const object of await objects.list(bucket, prefix)) {
    const { key, sizeBytes, lastModifiedMs } = object;
    // Athena says nothing of those that it passes over.
    if (isFrozen(object) && !(readsRestored && isReadable(object))) continue;
    const partition = projection === null ? [] : projection.valuesOf(bucket, key, nowMs);
    if (partition === null || hidden.test(key) || sizeBytes === 0) continue;
    files.push({
      key,
      path: pathOf(rootDir, bucket, key),
      sizeBytes,
      partition,
      version: `${sizeBytes} ${lastModifiedMs}`,
    });
  }
  return files;
}

/** Athena's hidden column: the object in which a row lies. */
export const PATH_COLUMN = "$path";

export interface TableReader {
  /** `rootDir` stands for `s3://` in the hidden column, which is there where it is asked for. */
  select(table: DataTable, files: readonly DataFile[], hidden: { readonly rootDir: string } | null): Promise<string>;
}

/** What a file is made of: files of the same form are read alike. */
interface Form {
  readonly id: string;
  readonly names: readonly string[];
}

/** Looks into each file once for the names that it has. */
export function createTableReader(connection: DuckDBConnection): TableReader {
  const seen = new Map<string, { readonly version: string; readonly form: Form }>();
  const parquetForms = new Map<string, Form>();
  const rowsOf = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();

  const parquetForm = async (path: string, id: string): Promise<Form> => {
    const known = parquetForms.get(id);
    if (known !== undefined) return known;
    const described = await rowsOf(`DESCRIBE SELECT * FROM read_parquet(${text(path)}, hive_partitioning = false)`);
    const form = { id, names: described.map(([name]) => String(name)) };
    parquetForms.set(id, form);
    return form;
  };
  const look = async (format: DataTable["format"], files: readonly DataFile[]): Promise<void> => {
    const paths = list(files.map(({ path }) => path));
    const found = new Map<string, Form>();
    if (format === "parquet") {
      const element = "concat_ws(' ', name, type, converted_type, num_children, precision, scale)";
      const sql = `SELECT file_name, string_agg(${element}, ',') FROM parquet_schema(${paths}) GROUP BY ALL`;
      for (const [path, id] of await rowsOf(sql)) found.set(String(path), await parquetForm(String(path), String(id)));
    } else {
      const keys = `SELECT filename, unnest(json_keys(json)) AS key
        FROM read_json_objects(${paths}, format = 'newline_delimited', filename = true)`;
      for (const [path, names] of await rowsOf(`SELECT filename, list(DISTINCT key) FROM (${keys}) GROUP BY ALL`))
        found.set(String(path), { id: "", names: names as readonly string[] });
    }
    for (const { path, version } of files) seen.set(path, { version, form: found.get(path) ?? { id: "", names: [] } });
  };
  const formsOf = async (format: DataTable["format"], files: readonly DataFile[]): Promise<readonly Form[]> => {
    const fresh = files.filter(({ path, version }) => seen.get(path)?.version !== version);
    if (fresh.length > 0) await look(format, fresh);
    return files.flatMap(({ path }) => seen.get(path)?.form ?? []);
  };

  return {
    async select(table, files, hidden) {
      const { columns, partitionKeys, format } = table;
      const typed = [...columns, ...partitionKeys].map(({ name, type }) => ({ name, type: duckdbType(type) }));
      if (hidden !== null && files.length === 0) typed.push({ name: PATH_COLUMN, type: "VARCHAR" });
      if (files.length === 0)
        return `SELECT ${typed.map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoted(name)}`).join(", ")} WHERE false`;
      const forms = await formsOf(format, files);
      const names = [...new Set(forms.flatMap((form) => form.names))].sort();
      const spelled = columns.map(({ name, type }): Spelled => {
        return { name, type: duckdbType(type), spellings: names.filter((found) => found.toLowerCase() === name) };
      });
      const read = format === "parquet" ? parquetRows(spelled, forms) : jsonRows(spelled);
      const paths = list(files.map(({ path }) => path));
      const partitions = partitionKeys.map(({ name }) => `${quoted(name)}: VARCHAR`);
      const hive =
        partitions.length === 0
          ? "hive_partitioning = false"
          : `hive_partitioning = true, hive_types = {${partitions.join(", ")}}`;
      const output = typed.map(({ name, type }, at) => {
        return `CAST(${at < columns.length ? read.values[at] : quoted(name)} AS ${type}) AS ${quoted(name)}`;
      });
      if (hidden !== null)
        output.push(
          `concat('s3://', substr(filename, ${join(hidden.rootDir, "/").length + 1})) AS ${quoted(PATH_COLUMN)}`,
        );
      return `SELECT ${output.join(", ")} FROM ${read.from}(${paths}, filename = ${hidden !== null}, ${hive}, ${read.options})`;
    },
  };
}

interface Spelled {
  readonly name: string;
  /** DuckDB's. */
  readonly type: string;
  /** As the files have it. */
  readonly spellings: readonly string[];
}

interface RowsOf {
  /** The function that reads the files, and what it is told besides their paths. */
  readonly from: string;
  readonly options: string;
  /** For each column. */
  readonly values: readonly string[];
}

function parquetRows(columns: readonly Spelled[], forms: readonly Form[]): RowsOf {
  // By their names only where they differ: for that DuckDB reads every file's footer, also of partitions that nobody wants.
  const differ = new Set(forms.map(({ id }) => id)).size > 1;
  const values = columns.map(({ spellings: [found] }) => (found === undefined ? "NULL" : quoted(found)));
  return { from: "read_parquet", options: `union_by_name = ${differ}`, values };
}

/** Athena's reader lowers the keys; DuckDB's wants them as they are, and takes no two that differ in their case alone. */
function jsonRows(columns: readonly Spelled[]): RowsOf {
  const options = "format = 'newline_delimited'";
  const present = columns.filter(({ spellings }) => spellings.length > 0);
  if (present.length > 0 && present.every(({ spellings }) => spellings.length === 1)) {
    const types = present.map(({ type, spellings: [found = ""] }) => `${text(found)}: ${text(type)}`).join(", ");
    const values = columns.map(({ spellings: [found] }) => (found === undefined ? "NULL" : quoted(found)));
    return { from: "read_json", options: `${options}, records = true, columns = {${types}}`, values };
  }
  const values = columns.map(({ type, spellings }) => {
    const arrow = /[[(]/.test(type.replace(/^DECIMAL\(.*\)$/, "")) ? "->" : "->>";
    const found = spellings.map((spelling) => `json ${arrow} ${text(`$."${spelling}"`)}`);
    return found.length > 0 ? `coalesce(${found.join(", ")})` : "NULL";
  });
  return { from: "read_json_objects", options, values };
}

function list(paths: readonly string[]): string {
  return `[${paths.map(text).join(", ")}]`;
}

export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
