import {
  BatchGetQueryExecutionCommand,
  GetNamedQueryCommand,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  GetWorkGroupCommand,
  ListNamedQueriesCommand,
  ListQueryExecutionsCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gzipLines, type LocalAthena } from "./local-athena.ts";
import { day, openSales } from "./local-athena-sales.ts";

let athena: LocalAthena;
beforeAll(async () => {
  athena = await openSales();
});
afterAll(() => athena.close());

describe("Athena's tables", () => {
  it("have the columns and types of the schema, whatever the case of a key, and null for what a line lacks", async () => {
    expect(await athena.rows("SELECT * FROM sales ORDER BY id")).toEqual([
      ["1", 'a "b", c', "1.5000", "2026-01-02 03:04:05.678", null, "2026-01-02", "03"],
      ["2", null, "2.2500", null, null, "2026-01-02", "03"],
      ["3", "", null, null, null, "2026-01-03", "00"],
    ]);
  });

  it("have the partitions that the projection names, and no others", async () => {
    const strays = ["sales/dt=2026-01-12/hour=00", "sales/dt=2025-12-31/hour=00", "sales/dt=2026-01-02/hour=24"];
    const more = [...strays, "sales/dt=2026-01-02/hour=3", "sales/elsewhere/hour=00"];
    for (const folder of more) await athena.put("lake", `${folder}/a.gz`, gzipLines({ id: 9 }));
    await athena.put("lake", `${day}/_temporary.gz`, gzipLines({ id: 9 }));
    expect(await athena.rows("SELECT count(*) FROM sales")).toEqual([["3"]]);
    await athena.put("lake", "sales/dt=2026-01-11/hour=00/a.gz", gzipLines({ id: 4 }));
    expect(await athena.rows("SELECT count(*) FROM sales")).toEqual([["4"]]);
    for (const folder of [...more, "sales/dt=2026-01-11/hour=00"]) await athena.delete("lake", `${folder}/a.gz`);
  });

  it("are read only in the partitions that the query names", async () => {
    const scanned = async (where: string) =>
      (await athena.run(`SELECT id FROM sales ${where}`)).Statistics?.DataScannedInBytes ?? 0;
    const [all, one, none] = [
      await scanned(""),
      await scanned("WHERE dt = '2026-01-02'"),
      await scanned("WHERE dt = 'x'"),
    ];
    expect(none).toBe(0);
    expect(one).toBeGreaterThan(0);
    expect(all).toBe(one + (await scanned("WHERE (dt, hour) IN (('2026-01-03', '00'))")));
  });

  it("tell in which object a row lies, where a query asks for it", async () => {
    expect(await athena.rows('SELECT "$path", count(*) FROM sales GROUP BY 1 ORDER BY 1')).toEqual([
      [`s3://lake/${day}/a.gz`, "2"],
      ["s3://lake/sales/dt=2026-01-03/hour=00/a.gz", "1"],
    ]);
    expect(await athena.rows('SELECT id, "$path" FROM empty')).toEqual([]);
  });

  it("are empty where nothing lies", async () => {
    expect(await athena.rows("SELECT id, tags FROM shop.empty")).toEqual([]);
    expect(await athena.rows("SELECT count(*) FROM awsdatacatalog.shop.empty")).toEqual([["0"]]);
  });

  it("are read anew when an object changes", async () => {
    await athena.put("lake", `${day}/b.gz`, gzipLines({ id: 5 }));
    expect(await athena.rows("SELECT itemname FROM sales WHERE id = 5")).toEqual([[null]]);
    await athena.put("lake", `${day}/b.gz`, gzipLines({ id: 5, ItemName: "late" }));
    expect(await athena.rows("SELECT itemname FROM sales WHERE id = 5")).toEqual([["late"]]);
    await athena.delete("lake", `${day}/b.gz`);
  });
});

describe("A query", () => {
  it("is queued, runs and succeeds on the clock, with a CSV where the work group wants it", async () => {
    const asked = { WorkGroup: "group", QueryExecutionContext: { Database: "shop" } };
    const own = { ResultConfiguration: { OutputLocation: "s3://lake/elsewhere/" } };
    const start = new StartQueryExecutionCommand({ QueryString: "SELECT id, 1e0 AS d FROM sales", ...asked, ...own });
    const { QueryExecutionId } = await athena.client.send(start);
    const found = async () =>
      (await athena.client.send(new GetQueryExecutionCommand({ QueryExecutionId }))).QueryExecution;
    expect((await found())?.Status?.State).toBe("QUEUED");
    await athena.advance(200);
    expect((await found())?.Status?.State).toBe("RUNNING");
    await athena.advance(2000);
    const execution = await found();
    expect(execution).toMatchObject({
      Status: { State: "SUCCEEDED" },
      Statistics: { QueryQueueTimeInMillis: 150, EngineExecutionTimeInMillis: 851, TotalExecutionTimeInMillis: 1001 },
      ResultConfiguration: { OutputLocation: `s3://lake/results/${QueryExecutionId}.csv` },
      StatementType: "DML",
    });
    expect(await athena.read("lake", `results/${QueryExecutionId}`)).toEqual({
      [`results/${QueryExecutionId}.csv`]: '"id","d"\n"1","1.0"\n"2","1.0"\n"3","1.0"\n',
    });
  });

  it("gives its rows in pages, typed, with the names as the first row", async () => {
    const values =
      "VALUES (1, decimal '1.50', 'x', true, date '2026-01-01', timestamp '2026-01-01 00:00:00', ARRAY[1, 2], X'0aff'), (2, null, null, null, null, null, null, null)";
    const { QueryExecutionId } = await athena.run(
      `SELECT * FROM (${values}) AS t (i, n, v, b, d, ts, a, bin) ORDER BY i`,
    );
    const page = (NextToken?: string) =>
      athena.client.send(
        new GetQueryResultsCommand({ QueryExecutionId, MaxResults: 2, ...(NextToken && { NextToken }) }),
      );
    const first = await page();
    const second = await page(first.NextToken);
    const texts = [...(first.ResultSet?.Rows ?? []), ...(second.ResultSet?.Rows ?? [])].map(({ Data = [] }) =>
      Data.map(({ VarCharValue }) => VarCharValue),
    );
    expect(texts).toEqual([
      ["i", "n", "v", "b", "d", "ts", "a", "bin"],
      ["1", "1.50", "x", "true", "2026-01-01", "2026-01-01 00:00:00.000", "[1, 2]", "0a ff"],
      ["2", ...Array(7).fill(undefined)],
    ]);
    expect(second.NextToken).toBeUndefined();
    const columns = first.ResultSet?.ResultSetMetadata?.ColumnInfo ?? [];
    const types = ["integer", "decimal", "varchar", "boolean", "date", "timestamp", "array", "varbinary"];
    expect(columns.map(({ Type }) => Type)).toEqual(types);
    expect(columns[1]).toMatchObject({ Precision: 3, Scale: 2 });
  });

  it("starts once for a client's token, and is refused under the same token with another text", async () => {
    const ClientRequestToken = "t".repeat(32);
    const start = (QueryString: string) =>
      athena.client.send(new StartQueryExecutionCommand({ QueryString, ClientRequestToken, WorkGroup: "group" }));
    const [one, two] = [await start("SELECT 1"), await start("SELECT 1")];
    expect(one.QueryExecutionId).toBe(two.QueryExecutionId);
    await expect(start("SELECT 2")).rejects.toThrow(/Idempotent parameters do not match/);
    await athena.advance(5000);
  });

  it("can be stopped before it ends, and leaves nothing", async () => {
    const { QueryExecutionId = "" } = await athena.client.send(
      new StartQueryExecutionCommand({ QueryString: "SELECT 1", WorkGroup: "group" }),
    );
    await athena.advance(200);
    await athena.client.send(new StopQueryExecutionCommand({ QueryExecutionId }));
    await athena.advance(5000);
    const { QueryExecution } = await athena.client.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    expect(QueryExecution?.Status?.State).toBe("CANCELLED");
    expect(await athena.read("lake", `results/${QueryExecutionId}`)).toEqual({});
  });

  it("is refused at once when it is no Trino SQL, though DuckDB would take it", async () => {
    for (const sql of [
      "SELECT * FROM sales QUALIFY id = 1",
      "SELECT id::int FROM sales",
      "FROM sales",
      "SELECT 1; SELECT 2",
    ])
      await expect(athena.run(sql)).rejects.toMatchObject({ name: "InvalidRequestException" });
  });

  it("fails with Athena's reason when it names what is not there", async () => {
    const reasonOf = async (sql: string) => {
      const { Status } = await athena.run(sql);
      expect(Status?.State).toBe("FAILED");
      return Status?.StateChangeReason;
    };
    expect(await reasonOf("SELECT id\nFROM nothing")).toBe(
      "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.shop.nothing' does not exist",
    );
    expect(await reasonOf("SELECT 1 FROM other.sales")).toMatch(/^SCHEMA_NOT_FOUND: line 1:15: Schema 'other'/);
    expect(await reasonOf("SELECT nothing FROM sales")).toMatch(
      /^COLUMN_NOT_FOUND: Column 'nothing' cannot be resolved/,
    );
    expect(await reasonOf("SELECT strlen('a')")).toMatch(/^FUNCTION_NOT_FOUND: line 1:8: Function 'strlen'/);
    expect(await reasonOf("SELECT id FROM orc")).toMatch(/^HIVE_INVALID_METADATA: line 1:16: .*reads tables by/);
    expect(await reasonOf("SELECT sum('a')")).toMatch(/^SYNTAX_ERROR: /);
    expect(await reasonOf("SELECT cast('a' AS bigint)")).toMatch(/^INVALID_CAST_ARGUMENT: /);
    await athena.put("lake", `${day}/bad.gz`, "{");
    expect(await reasonOf("SELECT id FROM sales")).toMatch(
      /^HIVE_BAD_DATA: .* s3:\/\/lake\/sales\/dt=2026-01-02\/hour=03\/bad\.gz$/,
    );
    await athena.delete("lake", `${day}/bad.gz`);
  });

  it("fails when it would read more than its work group allows", async () => {
    const big = {
      id: 6,
      never: Array.from({ length: 700_000 }, (_, i) => ((i * 2654435761) % 2 ** 32).toString(36)).join(""),
    };
    for (const name of ["x", "y", "z"])
      await athena.put("lake", `${day}/${name}.json`, Buffer.from(JSON.stringify(big)));
    const { Status } = await athena.run("SELECT id FROM sales");
    expect(Status?.StateChangeReason).toMatch(/Bytes scanned limit was exceeded/);
    for (const name of ["x", "y", "z"]) await athena.delete("lake", `${day}/${name}.json`);
  });

  it("is listed in its work group, with the others, the newest first", async () => {
    const first = await athena.run("SELECT 1");
    const second = await athena.run("SELECT 2");
    const ids = [second.QueryExecutionId as string, first.QueryExecutionId as string];
    const { QueryExecutionIds } = await athena.client.send(new ListQueryExecutionsCommand({ WorkGroup: "group" }));
    expect(QueryExecutionIds?.slice(0, 2)).toEqual(ids);
    const batch = await athena.client.send(new BatchGetQueryExecutionCommand({ QueryExecutionIds: [...ids, "none"] }));
    expect(batch.QueryExecutions?.map(({ Query }) => Query)).toEqual(["SELECT 2", "SELECT 1"]);
    expect(batch.UnprocessedQueryExecutionIds?.map(({ QueryExecutionId }) => QueryExecutionId)).toEqual(["none"]);
  });
});

it("gives the template's work groups and named queries", async () => {
  const { WorkGroup } = await athena.client.send(new GetWorkGroupCommand({ WorkGroup: "group" }));
  expect(WorkGroup?.Configuration?.ResultConfiguration?.OutputLocation).toBe("s3://lake/results/");
  const { NamedQueryIds = [] } = await athena.client.send(new ListNamedQueriesCommand({ WorkGroup: "group" }));
  const { NamedQuery } = await athena.client.send(new GetNamedQueryCommand({ NamedQueryId: NamedQueryIds[0] }));
  expect(NamedQuery).toMatchObject({ Name: "all", Database: "shop", QueryString: "SELECT id FROM sales" });
});

it("is asked of the caller's role: the work group, the catalogue, each object that is read, and each that is written", async () => {
  const reporter = athena.clientOf("Reporter");
  const stateOf = async (sql: string) => {
    const { Status } = await athena.run(sql, {}, reporter);
    return Status?.State === "FAILED" ? Status.StateChangeReason : Status?.State;
  };
  expect(await stateOf("SELECT id FROM sales WHERE dt = '2026-01-02'")).toBe("SUCCEEDED");
  expect(await stateOf("SELECT id FROM sales")).toMatch(
    /^PERMISSION_DENIED: .*s3:GetObject on resource: "arn:aws:s3:::lake\/sales\/dt=2026-01-03/,
  );
  expect(await stateOf("UNLOAD (SELECT 1 AS a) TO 's3://lake/elsewhere/' WITH (format = 'JSON')")).toMatch(
    /^PERMISSION_DENIED: .*s3:PutObject/,
  );
});
