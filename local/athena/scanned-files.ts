/**
 * Which files a query reads, from DuckDB's plan: it prunes partitions by what the query says of their keys. Where the plan does not tell two tables
 * apart, the files count that either could read.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { DataTable } from "./catalog.ts";
import { type DataFile, text } from "./table-files.ts";
import { quoted } from "./to-duckdb.ts";

export interface Scan {
  readonly table: DataTable;
  readonly files: readonly DataFile[];
}

interface PlanNode {
  readonly name: string;
  readonly children?: readonly PlanNode[];
  readonly extra_info?: Readonly<Record<string, unknown>>;
}

const functions = { READ_PARQUET: "parquet", READ_JSON: "json", READ_JSON_OBJECTS: "json" } as const;

export async function scannedFiles(
  connection: DuckDBConnection,
  sql: string,
  scans: readonly Scan[],
): Promise<readonly Scan[]> {
  const [row] = (await connection.runAndReadAll(`EXPLAIN (FORMAT json) ${sql}`)).getRowsJson();
  const nodes = (JSON.parse(String(row?.[1])) as readonly PlanNode[]).flatMap(flattened);
  const read = new Map(scans.map(({ files }) => [files, new Set<DataFile>()]));
  for (const { name, extra_info: info = {} } of nodes) {
    const format = functions[name.trim() as keyof typeof functions];
    const filter = info["File Filters"];
    for (const { table, files } of scans) {
      if (table.format !== format) continue;
      const matching = filter === undefined ? files : await filtered(connection, { table, files }, String(filter));
      for (const file of matching) read.get(files)?.add(file);
    }
  }
  return scans.map(({ table, files }) => ({ table, files: files.filter((file) => read.get(files)?.has(file)) }));
}

async function filtered(
  connection: DuckDBConnection,
  { table, files }: Scan,
  filter: string,
): Promise<readonly DataFile[]> {
  const keys = table.partitionKeys.map(({ name }) => quoted(name)).join(", ");
  const partitions = new Map(files.map(({ partition }) => [partition.join("/"), partition]));
  if (keys === "" || partitions.size === 0) return files;
  const values = [...partitions].map(([name, partition]) => `(${[name, ...partition].map(text).join(", ")})`);
  try {
    const sql = `SELECT name FROM (VALUES ${values.join(", ")}) AS partitions(name, ${keys}) WHERE ${filter}`;
    const names = new Set((await connection.runAndReadAll(sql)).getRowsJson().map(([name]) => name));
    return files.filter(({ partition }) => names.has(partition.join("/")));
  } catch {
    // A filter on keys that this table does not have, so it is another's.
    return [];
  }
}

function flattened(node: PlanNode): readonly PlanNode[] {
  return [node, ...(node.children ?? []).flatMap(flattened)];
}
