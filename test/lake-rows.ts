/** The lake's curated files as anybody can read them, for tests that compare the lake before and after. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

export type LakeRow = Readonly<Record<string, unknown>>;

export interface CuratedRows {
  /** Different rows, every column and the partition included, by position and version. */
  readonly rows: readonly LakeRow[];
  /** Rows with those that are there more than once. */
  readonly stored: number;
  /** Of each position the row of the newest version, without the version. */
  readonly newest: readonly LakeRow[];
  /** What analysts see, as the view `events` of the template picks it: identity and partition of each, sorted. */
  readonly events: readonly string[];
}

/** Of the lake bucket's folder; the events' identity is that of test/shop. */
export async function curatedRows(lakeDir: string): Promise<CuratedRows> {
  const files = globSync("curated/**/*.parquet", { cwd: lakeDir }).map((path) => join(lakeDir, path));
  if (files.length === 0) return { rows: [], stored: 0, newest: [], events: [] };
  const duckdb = await (await DuckDBInstance.create(":memory:")).connect();
  await duckdb.run("SET TimeZone = 'UTC'");
  const list = files.map((file) => `'${file}'`).join(", ");
  await duckdb.run(
    `CREATE TABLE curated AS SELECT * EXCLUDE filename, substr(filename, position('/dt=' IN filename), 22) AS "partition"
     FROM read_parquet([${list}], filename = true, hive_partitioning = false, union_by_name = true)`,
  );
  const ask = async (sql: string) => (await duckdb.runAndReadAll(sql)).getRowObjectsJson();
  const rows = await ask(
    "SELECT DISTINCT * FROM curated ORDER BY _shard, length(_sequence), _sequence, _subsequence, _pipeline_version",
  );
  const [{ stored } = { stored: 0 }] = await ask("SELECT count(*)::INT AS stored FROM curated");
  const newest = await ask(
    `SELECT DISTINCT * EXCLUDE (_pipeline_version, newest) FROM (
       SELECT *, max(_pipeline_version) OVER (PARTITION BY _shard, _sequence, _subsequence) AS newest FROM curated
     ) WHERE _pipeline_version = newest ORDER BY _shard, length(_sequence), _sequence, _subsequence`,
  );
  const events = await ask(
    `SELECT "partition" || ' ' || user_id || ' ' || event_id || ' ' || event_time AS name FROM (
       SELECT *, row_number() OVER (PARTITION BY "partition", user_id, event_id, event_time
         ORDER BY _pipeline_version DESC, CASE WHEN _verdict = 'accepted' THEN 0 ELSE 1 END, _arrival, _shard, length(_sequence), _sequence, _subsequence) AS rank
       FROM curated) WHERE rank = 1 AND _verdict = 'accepted' ORDER BY 1`,
  );
  duckdb.closeSync();
  return { rows, stored: Number(stored), newest, events: events.map(({ name }) => String(name)) };
}
