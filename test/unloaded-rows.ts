/** A view's rows out of a run's lake, unloaded as Athena unloads them: the same query on DuckDB, JSON lines in gzip, two objects per bucket. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Pipeline } from "@millrace/engine";
import { quoteText, type RowsQuestion, rowsQuery } from "@millrace/lake";

/** Trino's words in DuckDB, as the local Athena has them. */
export const TRINO_WORDS = [
  "SET TimeZone = 'UTC'",
  "CREATE MACRO md5(x) AS unhex(system.main.md5(x))",
  "CREATE MACRO to_utf8(x) AS encode(x)",
  "CREATE MACRO substr(x, start, n) AS x[start : start + n - 1]",
  "CREATE MACRO bitwise_and(a, b) AS CAST(a AS BIGINT) & CAST(b AS BIGINT)",
  "CREATE MACRO from_big_endian_64(x) AS CAST(CAST('0x' || hex(x) AS UBIGINT) - CASE WHEN hex(x) >= '8' THEN 18446744073709551616::HUGEINT ELSE 0::HUGEINT END AS BIGINT)",
];

/** By key below `prefix`. */
export async function unloadRows(
  lakeDir: string,
  pipeline: Pipeline,
  question: RowsQuestion,
  prefix: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  for (const statement of TRINO_WORDS) await connection.run(statement);
  const files = (pattern: string) => globSync(pattern, { cwd: lakeDir }).map((path) => quoteText(join(lakeDir, path)));
  const curated = files("curated/**/*.parquet");
  if (curated.length === 0) return new Map();
  await connection.run(
    `CREATE VIEW curated AS SELECT * REPLACE (CAST(dt AS VARCHAR) AS dt) FROM read_parquet([${curated}], hive_partitioning = true, union_by_name = true)`,
  );
  const columns =
    "reason: 'VARCHAR', stage: 'VARCHAR', view: 'VARCHAR', shard: 'VARCHAR', sequence: 'VARCHAR', subSequence: 'BIGINT', attempt: 'BIGINT'";
  const quarantine = files("quarantine/**/*.gz");
  await connection.run(
    quarantine.length === 0
      ? `CREATE TABLE quarantine AS SELECT '' AS reason, '' AS stage, '' AS "view", '' AS shard, '' AS sequence, 0 AS subsequence, 0 AS attempt, '' AS dt WHERE false`
      : `CREATE VIEW quarantine AS SELECT *, '9' AS dt FROM read_json([${quarantine}], format = 'newline_delimited', columns = {${columns}})`,
  );
  const read = await connection.runAndReadAll(rowsQuery(pipeline, question));
  const lines = new Map<string, string[]>();
  for (const [i, row] of read.getRowObjectsJson().entries()) {
    const { bucket, ...values } = row;
    const key = `${prefix}bucket=${String(bucket)}/${i % 2}.gz`;
    const present = Object.entries(values).filter(([, value]) => value !== null);
    lines.set(key, [...(lines.get(key) ?? []), JSON.stringify(Object.fromEntries(present))]);
  }
  connection.closeSync();
  return new Map([...lines].map(([key, some]) => [key, gzipSync(`${some.join("\n")}\n`)]));
}
