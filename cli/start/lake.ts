/**
 * The run's files as DuckDB tables, read back as anybody could read them: `put` (the ledger), `raw`, `curated`, `quarantine` and
 * `curated_errors`. Counts come from here and not from what any function says it did.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Column, EventSchema } from "@millrace/engine";
import { quoteName, quoteText } from "@millrace/lake";

export interface Lake {
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** The only row of a query whose columns are all numbers. */
  counts(sql: string): Promise<Record<string, number>>;
  close(): void;
}

export interface LakePaths {
  /** The ledger. */
  readonly put: string;
  /** The folder of the raw bucket. */
  readonly raw: string;
  /** The folder of the lake bucket. */
  readonly lake: string;
}

export async function openLake(paths: LakePaths, schema: EventSchema): Promise<Lake> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const query: Lake["query"] = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson();

  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(`CREATE TABLE put AS ${select(PUT, [paths.put])}`);
  const raw = select(RAW_LINE, filesBelow(join(paths.raw, "raw"), ".gz"));
  await connection.run(`CREATE TABLE raw AS SELECT ${Object.keys(RAW).map(quoteName)}, ${SIZE_AND_HASH} FROM (${raw})`);
  // What was too large for it has its row here too, without the record's bytes.
  const quarantine = filesBelow(join(paths.lake, "quarantine"), ".gz");
  await connection.run(`CREATE TABLE quarantine AS ${select(QUARANTINE, quarantine)}`);
  await connection.run(
    `CREATE TABLE curated_errors AS ${select(ERRORS, filesBelow(join(paths.lake, "curated-errors")))}`,
  );
  await connection.run(
    `CREATE TABLE curated AS ${selectCurated(filesBelow(join(paths.lake, "curated"), ".parquet"), schema)}`,
  );

  return {
    query,
    async counts(sql) {
      const [row = {}] = await query(sql);
      return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value ?? 0)]));
    },
    close: () => connection.closeSync(),
  };
}

/** Columns and their DuckDB types. Only what is counted: the records themselves stay in the files. */
type Columns = Readonly<Record<string, string>>;

const PUT: Columns = {
  shard: "VARCHAR",
  sequence: "VARCHAR",
  arrival: "BIGINT",
  key: "VARCHAR",
  file: "VARCHAR",
  line: "BIGINT",
  problem: "VARCHAR",
};
const RAW: Columns = {
  shard: "VARCHAR",
  sequence: "VARCHAR",
  subSequence: "BIGINT",
  arrival: "BIGINT",
  key: "VARCHAR",
};
const RAW_LINE: Columns = { ...RAW, data: "VARCHAR", dataBase64: "VARCHAR" };
/** Of a record's bytes: how many, and the hash that the ledger's checksum is a sum of. */
const SIZE_AND_HASH = `
  coalesce(strlen(data), octet_length(from_base64(dataBase64))) AS size,
  ('0x' || substr(md5(concat_ws(chr(10), shard, sequence, subSequence, coalesce(md5(data), md5(from_base64(dataBase64))))), 1, 16))::UBIGINT AS hash`;
const QUARANTINE: Columns = { ...RAW, reason: "VARCHAR", stage: "VARCHAR", view: "VARCHAR", detail: "VARCHAR" };
const ERRORS: Columns = { errorCode: "VARCHAR", lastErrorCode: "VARCHAR" };

/** Larger than the largest record that Kinesis takes, base64 and all. */
const MAX_JSON_BYTES = 32 * 1024 * 1024;

/** A line that DuckDB cannot read becomes a row of nulls, which no check takes for a record: the report then says what is missing. */
function select(columns: Columns, files: readonly string[]): string {
  if (files.length === 0) return empty(Object.entries(columns));
  const types = Object.entries(columns).map(([name, type]) => `${quoteName(name)}: '${type}'`);
  const list = files.map(quoteText).join(", ");
  return `SELECT * FROM read_json([${list}], format = 'newline_delimited', ignore_errors = true, columns = {${types.join(", ")}}, maximum_object_size = ${MAX_JSON_BYTES})`;
}

function selectCurated(files: readonly string[], schema: EventSchema): string {
  if (files.length === 0) {
    const own = schema.columns.map((column): [string, string] => [column.name, duckType(column)]);
    return empty([...own, ...Object.entries(UNDERSCORE_COLUMNS)]);
  }
  return `SELECT * FROM read_parquet([${files.map(quoteText).join(", ")}], hive_partitioning = true)`;
}

const UNDERSCORE_COLUMNS: Columns = {
  _arrival: "TIMESTAMP",
  _shard: "VARCHAR",
  _sequence: "VARCHAR",
  _subsequence: "BIGINT",
  _verdict: "VARCHAR",
  _pipeline_version: "BIGINT",
};

function empty(columns: readonly (readonly [string, string])[]): string {
  return `SELECT ${columns.map(([name, type]) => `NULL::${type} AS ${quoteName(name)}`).join(", ")} WHERE false`;
}

function duckType({ type }: Column): string {
  if (typeof type === "object") return `DECIMAL(${type.decimal.precision}, ${type.decimal.scale})`;
  return type === "string" ? "VARCHAR" : type.toUpperCase();
}

/** All files below a folder, in a stable order; none when there is no such folder. */
function filesBelow(folder: string, ending = ""): readonly string[] {
  let entries: ReturnType<typeof readEntries>;
  try {
    entries = readEntries(folder);
  } catch {
    return [];
  }
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(ending));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

function readEntries(folder: string) {
  return readdirSync(folder, { recursive: true, withFileTypes: true });
}
