/**
 * The analysts' view in Athena's form: a Glue table whose text is a base64 comment with the SQL and the column types. One row
 * per identity: the newest pipeline version wins, within it an accepted row before a rejected one, then the first to arrive.
 */
import type { Lake } from "./lake.ts";

export interface ViewColumn {
  readonly name: string;
  /** The Glue (Hive) type. */
  readonly type: string;
}

/** What analysts see: the schema's columns but the sensitive ones, then the partition keys. */
export function viewColumns(lake: Lake): readonly ViewColumn[] {
  const visible = lake.columns.filter(({ sensitive }) => !sensitive).map(({ name, type }) => ({ name, type }));
  return [...visible, { name: "dt", type: "string" }, { name: "hour", type: "string" }];
}

/**
 * The view's SQL, in lines that may be joined by blanks. The partition keys stand in PARTITION BY, although dt and hour follow
 * from event_time, because only then does the engine push a filter on them below the window and read no other files.
 */
export function viewSql(lake: Lake): readonly string[] {
  const identity = ["dt", "hour", ...lake.partitions.map(({ name }) => name), lake.entity, "event_id", "event_time"];
  return [
    `SELECT ${viewColumns(lake)
      .map(({ name }) => quoted(name))
      .join(", ")}`,
    "FROM (SELECT *, row_number() OVER (",
    `PARTITION BY ${[...new Set(identity)].map(quoted).join(", ")}`,
    `ORDER BY "_pipeline_version" DESC, CASE WHEN "_verdict" = 'accepted' THEN 0 ELSE 1 END,`,
    `"_arrival", "_shard", length("_sequence"), "_sequence", "_subsequence"`,
    ') AS "_rank" FROM curated)',
    `WHERE "_rank" = 1 AND "_verdict" = 'accepted'`,
  ];
}

/** Athena's JSON, in lines that may be joined by blanks; `database` may be a CloudFormation expression. */
export function viewDefinition(lake: Lake, database: string): readonly string[] {
  const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
  const sql = viewSql(lake).map(inJson);
  const columns = viewColumns(lake).map(({ name, type }) => JSON.stringify({ name, type: prestoType(type) }));
  return [
    `{"originalSql": "${sql[0]}`,
    ...sql.slice(1, -1),
    `${sql.at(-1)}",`,
    `"catalog": "awsdatacatalog", "schema": "${database}", "columns": [`,
    ...columns.map((column, i) => (i === columns.length - 1 ? column : `${column},`)),
    "]}",
  ];
}

function prestoType(hiveType: string): string {
  if (hiveType === "string") return "varchar";
  return hiveType === "timestamp" ? "timestamp(3)" : hiveType;
}

function quoted(name: string): string {
  return `"${name}"`;
}
