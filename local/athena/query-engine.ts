/**
 * Runs a statement on DuckDB: the tables that it names become views over their objects, each query in schemas of its own that vanish with it. One query
 * at a time on one thread, so that the same objects give the same rows in the same order.
 */
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Principal } from "../iam/access.ts";
import type { ObjectStore } from "../s3/store.ts";
import type { Account } from "../template/identity.ts";
import type { DataTable, GlueCatalog, Table } from "./catalog.ts";
import { prelude } from "./functions.ts";
import { type Grammar, openGrammar } from "./grammar.ts";
import { duckdbType } from "./hive-type.ts";
import { refuseMixedTypes } from "./mixed-types.ts";
import { QueryError, queryErrorOf } from "./query-error.ts";
import { columnOf, type ResultColumn, type Row, valueText } from "./result-set.ts";
import { type Scan, scannedFiles } from "./scanned-files.ts";
import { createTableReader, filesOf, PATH_COLUMN, type TableReader } from "./table-files.ts";
import { type Probe, quoted, type TableReference, type Translated, toDuckdb } from "./to-duckdb.ts";
import { readStatement } from "./unload.ts";
import { type OutputObject, writeUnload } from "./write-unload.ts";

export interface QueryEngineOptions {
  readonly objects: ObjectStore;
  /** Where the objects lie. */
  readonly rootDir: string;
  readonly catalog: GlueCatalog;
  readonly account: Account;
  readonly seed: number;
}

export interface QueryRequest {
  readonly id: string;
  readonly sql: string;
  readonly database: string;
  readonly principal: Principal;
  readonly nowMs: number;
  /** Of the work group. */
  readonly scanLimitBytes: number | null;
}

export interface Outcome {
  readonly scannedBytes: number;
  readonly columns: readonly ResultColumn[];
  /** None of an UNLOAD. */
  readonly rows: readonly Row[];
  /** Of an UNLOAD; null for a query. */
  readonly written: readonly OutputObject[] | null;
}

export interface QueryEngine {
  /** Rejects with a QueryError. */
  run(request: QueryRequest): Promise<Outcome>;
  /** Ends what runs, if anything does. */
  interrupt(): void;
  /** When what runs has ended, which it does at once. */
  close(): Promise<void>;
}

interface Opened {
  readonly connection: DuckDBConnection;
  readonly grammar: Grammar;
  readonly reader: TableReader;
}

export function createQueryEngine(options: QueryEngineOptions): QueryEngine {
  let opened: Promise<Opened> | null = null;
  let connection: DuckDBConnection | null = null;
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;

  const run = async (request: QueryRequest): Promise<Outcome> => {
    opened ??= open();
    const parts = await opened;
    connection = parts.connection;
    const session = createSession(parts, options, request, ++count);
    try {
      return await session.run();
    } catch (error) {
      const { code, message } = queryErrorOf(error);
      // Where an object lies on this machine is nothing that Athena would say.
      throw new QueryError(code, message.slice(code.length + 2).replaceAll(join(options.rootDir, "/"), "s3://"));
    } finally {
      await session.close();
    }
  };
  return {
    run(request) {
      const mine = last.then(() => run(request));
      last = mine.catch(() => undefined);
      return mine;
    },
    interrupt: () => connection?.interrupt(),
    async close() {
      connection?.interrupt();
      await last;
      connection?.closeSync();
      connection = null;
    },
  };
}

async function open(): Promise<Opened> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", enable_external_file_cache: "false" });
  const connection = await instance.connect();
  for (const sql of prelude) await connection.run(sql);
  return { connection, grammar: await openGrammar(), reader: createTableReader(connection) };
}

function createSession(
  { connection, grammar, reader }: Opened,
  options: QueryEngineOptions,
  request: QueryRequest,
  number: number,
) {
  const { catalog, objects, rootDir, seed } = options;
  const { nowMs, principal } = request;
  const schemas = new Set<string>();
  const relations = new Set<string>();
  const scans: Scan[] = [];
  const asksForPath = request.sql.includes(quoted(PATH_COLUMN));
  const schemaOf = (database: string): string => `q${number} ${database}`;
  const emptySchemaOf = (database: string): string => `e${number} ${database}`;
  /** A query over the empty tables of the same columns. */
  const emptied = (sql: string): string => sql.replaceAll(`"${schemaOf("")}`, `"${emptySchemaOf("")}`);

  const translated = async (sql: string, database: string): Promise<Pick<Translated, "sql" | "unnamed">> => {
    const named: TableReference[] = [];
    const { probes, ...made } = toDuckdb({
      sql,
      tree: grammar.parse(sql),
      nowMs,
      relationOf(reference) {
        named.push(reference);
        return `${quoted(schemaOf(reference.database ?? database))}.${quoted(reference.table)}`;
      },
    });
    for (const reference of named) await openTable(reference, reference.database ?? database);
    for (const probe of probes) await demandColumn(connection, probe);
    return made;
  };

  const openTable = async (reference: TableReference, database: string): Promise<void> => {
    const table = findTable(catalog, reference, database);
    const schema = schemaOf(database);
    const name = `${quoted(schema)}.${quoted(table.name)}`;
    if (relations.has(name)) return;
    demandTable(principal, options.account, table);
    if (table.kind === "unreadable")
      throw new QueryError(
        "HIVE_INVALID_METADATA",
        `${reference.place}Table '${database}.${table.name}': ${table.problem}`,
      );
    const select = table.kind === "view" ? (await translated(table.sql, database)).sql : await openFiles(table);
    for (const one of [schema, emptySchemaOf(database)]) {
      if (!schemas.has(one)) await connection.run(`CREATE SCHEMA ${quoted(one)}`);
      schemas.add(one);
    }
    await connection.run(`CREATE VIEW ${name} AS ${select}`);
    const empty = table.kind === "view" ? `AS SELECT * FROM (${emptied(select)}) LIMIT 0` : `(${columnsOf(table)})`;
    await connection.run(`CREATE TABLE ${emptied(name)} ${empty}`);
    relations.add(name);
  };

  const columnsOf = ({ columns, partitionKeys }: DataTable): string => {
    const typed = [...columns, ...partitionKeys].map(({ name, type }) => `${quoted(name)} ${duckdbType(type)}`);
    return [...typed, ...(asksForPath ? [`${quoted(PATH_COLUMN)} VARCHAR`] : [])].join(", ");
  };

  const openFiles = async (table: DataTable): Promise<string> => {
    principal.demand("s3:ListBucket", `arn:aws:s3:::${table.bucket}`);
    const files = await filesOf(table, { objects, rootDir, nowMs });
    scans.push({ table, files });
    return reader.select(table, files, asksForPath ? { rootDir } : null);
  };

  return {
    async run(): Promise<Outcome> {
      const { query, unload } = readStatement(request.sql, grammar);
      const { sql, unnamed } = await translated(query, request.database);
      if (unload !== null && unnamed !== null) throw new QueryError("SYNTAX_ERROR", unnamed);
      await refuseMixedTypes(connection, emptied(sql));
      let scannedBytes = 0;
      for (const { table, files } of await scannedFiles(connection, sql, scans)) {
        for (const { key, sizeBytes } of files) {
          principal.demand("s3:GetObject", `arn:aws:s3:::${table.bucket}/${key}`);
          scannedBytes += sizeBytes;
        }
      }
      if (request.scanLimitBytes !== null && scannedBytes > request.scanLimitBytes)
        throw new QueryError(
          "Bytes scanned limit was exceeded",
          `the query would scan ${scannedBytes} bytes, and its work group allows ${request.scanLimitBytes}`,
        );
      if (unload !== null) {
        const written = await writeUnload({
          connection,
          sql,
          unload,
          objects,
          schema: `q${number}`,
          id: request.id,
          seed,
          principal,
        });
        return { scannedBytes, columns: [], rows: [], written };
      }
      const result = await connection.runAndReadAll(sql);
      const types = result.columnTypes();
      return {
        scannedBytes,
        columns: result.columnNames().map((name, at) => columnOf(name, types[at] as (typeof types)[number])),
        rows: result
          .getRows()
          .map((row) => row.map((value, at) => valueText(value, types[at] as (typeof types)[number]))),
        written: null,
      };
    },
    async close(): Promise<void> {
      for (const schema of schemas) await connection.run(`DROP SCHEMA ${quoted(schema)} CASCADE`);
    },
  };
}

async function demandColumn(connection: DuckDBConnection, { name, sql, problem }: Probe): Promise<void> {
  try {
    await connection.run(sql);
  } catch (error) {
    // Whatever else is wrong comes out when the query itself runs.
    if (String(error).includes(`Referenced column ${quoted(name)} not found`)) throw problem;
  }
}

const CATALOG = "awsdatacatalog";

function findTable(catalog: GlueCatalog, { catalog: named, place, table }: TableReference, database: string): Table {
  if (named !== null && named !== CATALOG)
    throw new QueryError("CATALOG_NOT_FOUND", `${place}Catalog '${named}' not found`);
  if (!catalog.hasDatabase(database))
    throw new QueryError("SCHEMA_NOT_FOUND", `${place}Schema '${database}' does not exist`);
  const found = catalog.find(database, table);
  if (found !== undefined) return found;
  throw new QueryError("TABLE_NOT_FOUND", `${place}Table '${CATALOG}.${database}.${table}' does not exist`);
}

function demandTable(principal: Principal, { region, accountId }: Account, { database, name }: Table): void {
  const arn = (rest: string): string => `arn:aws:glue:${region}:${accountId}:${rest}`;
  for (const place of ["catalog", `database/${database}`]) principal.demand("glue:GetDatabase", arn(place));
  for (const place of ["catalog", `database/${database}`, `table/${database}/${name}`])
    principal.demand("glue:GetTable", arn(place));
}
