/**
 * The objects of an UNLOAD. Athena writes them by several workers side by side, so rows of one partition lie in several objects; here in up to two.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Principal } from "../iam/access.ts";
import type { ObjectStore } from "../s3/store.ts";
import { uuidOf } from "../uuid.ts";
import { QueryError } from "./query-error.ts";
import { text } from "./table-files.ts";
import { quoted } from "./to-duckdb.ts";
import type { Unload } from "./unload.ts";

export interface OutputObject {
  readonly bucket: string;
  readonly key: string;
  readonly body: Buffer;
}

export interface WriteUnloadOptions {
  readonly connection: DuckDBConnection;
  /** In DuckDB's dialect. */
  readonly sql: string;
  readonly unload: Unload;
  readonly objects: ObjectStore;
  /** For a table of this query's own. */
  readonly schema: string;
  readonly id: string;
  readonly seed: number;
  readonly principal: Principal;
}

const WRITERS = 2;
const MOST_PARTITIONS = 100;
const WRITER = "unload_writer";

/** Makes the objects and puts none of them. */
export async function writeUnload(options: WriteUnloadOptions): Promise<readonly OutputObject[]> {
  const { connection, sql, unload, objects, schema, id, seed, principal } = options;
  const { bucket, prefix, format, compression, partitionedBy } = unload;
  for (const action of ["GetBucketLocation", "ListBucket"]) principal.demand(`s3:${action}`, `arn:aws:s3:::${bucket}`);
  if ((await objects.keys(bucket, prefix)).length > 0) {
    const problem = `Target directory for table 'awsdatacatalog.unload' already exists: s3://${bucket}/${prefix}`;
    throw new QueryError("HIVE_PATH_ALREADY_EXISTS", problem);
  }
  const result = quoted(`${schema} result`);
  const folder = mkdtempSync(join(tmpdir(), "unload-"));
  try {
    await checkColumns(connection, sql);
    await connection.run(`CREATE TEMP TABLE ${result} AS ${sql}`);
    const described = (await connection.runAndReadAll(`DESCRIBE ${result}`)).getRowsJson() as [string, string][];
    const columns = described.map(([name, type]) => ({ name, type }));
    const data = columns.slice(0, columns.length - partitionedBy.length);
    checkOrder(columns.slice(data.length), partitionedBy);
    if (data.length === 0) throw new QueryError("SYNTAX_ERROR", "UNLOAD needs a column that it is not partitioned by");
    const selected = format === "JSON" ? `${jsonLine(data)} AS line` : data.map(({ name }) => quoted(name)).join(", ");
    const form = format === "JSON" ? "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER ''" : "FORMAT parquet";
    await checkPartitions(connection, result, partitionedBy);
    const keys = [...partitionedBy.map(quoted), WRITER].join(", ");
    await connection.run(
      `COPY (SELECT ${[selected, ...partitionedBy.map(quoted)].join(", ")}, hash(rowid) % ${WRITERS} AS ${WRITER} FROM ${result})
       TO ${text(folder)} (${form}, COMPRESSION ${compression === "none" ? "uncompressed" : compression}, PARTITION_BY (${keys}), OVERWRITE)`,
    );
    const ending = format === "JSON" && compression === "gzip" ? ".gz" : "";
    return filesBelow(folder).map((path) => {
      // `bucket=1/unload_writer=0/data_0.csv.gz`
      const folders = path
        .split(sep)
        .slice(0, -2)
        .map((name) => `${name}/`);
      const key = `${prefix}${folders.join("")}${uuidOf(seed, "unload", id, path)}${ending}`;
      return { bucket, key, body: readFileSync(join(folder, path)) };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await connection.run(`DROP TABLE IF EXISTS ${result}`);
  }
}

/** What Hive's tables can have. DuckDB would give the second of two columns of a name another one. */
async function checkColumns(connection: DuckDBConnection, sql: string): Promise<void> {
  const prepared = await connection.prepare(sql);
  const columns = Array.from({ length: prepared.columnCount }, (_, at) => ({
    name: prepared.columnName(at).toLowerCase(),
    type: String(prepared.columnType(at)),
  }));
  prepared.destroySync();
  const twice = columns.find(({ name }, at) => columns.findIndex((other) => other.name === name) < at);
  if (twice !== undefined) throw new QueryError("SYNTAX_ERROR", `Column name '${twice.name}' specified more than once`);
  const unknown = columns.find(({ type }) => unsupported.test(type));
  if (unknown === undefined) return;
  const problem = `Unsupported Hive type: ${unknown.type.toLowerCase()} (column '${unknown.name}')`;
  throw new QueryError("NOT_SUPPORTED", problem);
}

const unsupported = /\b(TIME(STAMP)? WITH TIME ZONE|TIME|INTERVAL|JSON|UUID)\b/;

function checkOrder(last: readonly { readonly name: string }[], partitionedBy: readonly string[]): void {
  if (last.every(({ name }, at) => name === partitionedBy[at])) return;
  const problem = `Partition keys must be the last columns in the table and in the same order as the table properties: [${partitionedBy.join(", ")}]`;
  throw new QueryError("HIVE_COLUMN_ORDER_MISMATCH", problem);
}

async function checkPartitions(
  connection: DuckDBConnection,
  result: string,
  partitionedBy: readonly string[],
): Promise<void> {
  if (partitionedBy.length === 0) return;
  const keys = partitionedBy.map(quoted).join(", ");
  const [row] = (
    await connection.runAndReadAll(`SELECT count(*) FROM (SELECT DISTINCT ${keys} FROM ${result})`)
  ).getRows();
  if (Number(row?.[0]) <= MOST_PARTITIONS) return;
  const problem = `Exceeded limit of ${MOST_PARTITIONS} open writers for partitions`;
  throw new QueryError("HIVE_TOO_MANY_OPEN_PARTITIONS", problem);
}

function filesBelow(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files.map((path) => relative(folder, path)).sort();
}

interface Column {
  readonly name: string;
  /** DuckDB's. */
  readonly type: string;
}

/** One object of a JSON line, without the members that are null. */
function jsonLine(columns: readonly Column[]): string {
  const members = columns.map(({ name, type }) => {
    // Null for null, which concat_ws leaves out.
    return `${text(`${JSON.stringify(name)}:`)} || ${jsonValue(quoted(name), type)}`;
  });
  return `'{' || concat_ws(',', ${members.join(", ")}) || '}'`;
}

function jsonValue(value: string, type: string): string {
  if (/^TIMESTAMP/.test(type)) return `'"' || strftime(${value}, '%Y-%m-%d %H:%M:%S.%g') || '"'`;
  if (type === "BLOB") return `'"' || to_base64(${value}) || '"'`;
  return `CAST(to_json(${value}) AS VARCHAR)`;
}
