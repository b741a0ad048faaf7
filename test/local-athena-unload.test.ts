import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalAthena } from "./local-athena.ts";
import { openSales } from "./local-athena-sales.ts";

let athena: LocalAthena;
beforeAll(async () => {
  athena = await openSales();
});
afterAll(() => athena.close());

describe("UNLOAD", () => {
  it("writes JSON lines without nulls, a folder for each partition, in several objects, and a manifest", async () => {
    const select = "SELECT id, itemname, price, at, dt AS day FROM sales ORDER BY id";
    const options = "(format = 'JSON', partitioned_by = ARRAY['day'])";
    const { QueryExecutionId, Statistics } = await athena.run(
      `UNLOAD (${select}) TO 's3://lake/out/one' WITH ${options}`,
    );
    const written = await athena.read("lake", "out/one/");
    const lines = (folder: string) =>
      Object.entries(written).flatMap(([key, body]) =>
        key.startsWith(`out/one/${folder}/`) ? body.trim().split("\n") : [],
      );
    expect(lines("day=2026-01-02").sort()).toEqual([
      '{"id":1,"itemname":"a \\"b\\", c","price":1.5000,"at":"2026-01-02 03:04:05.678"}',
      '{"id":2,"price":2.2500}',
    ]);
    expect(lines("day=2026-01-03")).toEqual(['{"id":3,"itemname":""}']);
    const manifest = `s3://lake/results/${QueryExecutionId}-manifest.csv`;
    expect(Statistics?.DataManifestLocation).toBe(manifest);
    const [listed = ""] = Object.values(await athena.read("lake", manifest.slice("s3://lake/".length)));
    expect(listed.trim().split("\n").sort()).toEqual(
      Object.keys(written)
        .map((key) => `s3://lake/${key}`)
        .sort(),
    );
  });

  it("spreads the rows of a partition over several objects, as Athena's workers do, each in the order of the query", async () => {
    const rows = "SELECT n, 'x' AS p FROM UNNEST(sequence(1, 100)) AS t (n) ORDER BY n DESC";
    await athena.run(`UNLOAD (${rows}) TO 's3://lake/out/many/' WITH (format = 'JSON', partitioned_by = ARRAY['p'])`);
    const objects = Object.entries(await athena.read("lake", "out/many/p=x/"));
    const numbers = objects.map(([, body]) =>
      body
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { n: number }).n),
    );
    expect(numbers.length).toBe(2);
    for (const some of numbers) expect(some).toEqual(some.toSorted((a, b) => b - a));
    expect(numbers.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it("fails where something lies already, and leaves it alone", async () => {
    await athena.put("lake", "out/two/x", "mine");
    const { Status } = await athena.run("UNLOAD (SELECT 1 AS a) TO 's3://lake/out/two/' WITH (format = 'JSON')");
    expect(Status?.StateChangeReason).toMatch(/^HIVE_PATH_ALREADY_EXISTS: .*s3:\/\/lake\/out\/two\//);
    expect(await athena.read("lake", "out/two/")).toEqual({ "out/two/x": "mine" });
  });

  it.each([
    ["id, count(*) FROM sales GROUP BY id", /^SYNTAX_ERROR: line 1:12: Column name not specified at position 2$/],
    ["id AS one, price AS One FROM sales", /^SYNTAX_ERROR: Column name 'one' specified more than once$/],
    ["a.*, b.id FROM sales a JOIN sales b ON a.id = b.id", /^SYNTAX_ERROR: Column name 'id' specified/],
    ["now() AS at", /^NOT_SUPPORTED: Unsupported Hive type: timestamp with time zone \(column 'at'\)$/],
    ["ARRAY[now()] AS times", /^NOT_SUPPORTED: Unsupported Hive type: timestamp with time zone\[\]/],
  ])("is refused where a column could be none of a table: %s", async (columns, reason) => {
    const { Status } = await athena.run(`UNLOAD (SELECT ${columns}) TO 's3://lake/out/none/' WITH (format = 'JSON')`);
    expect(Status?.StateChangeReason).toMatch(reason);
    expect(await athena.rows(`SELECT ${columns}`)).toBeDefined();
  });

  it("writes Parquet that reads back as the same rows", async () => {
    const { Status } = await athena.run(
      "UNLOAD (SELECT id, ARRAY[itemname] AS tags FROM sales) TO 's3://lake/empty/' WITH (format = 'PARQUET', compression = 'SNAPPY')",
    );
    expect(Status?.State).toBe("SUCCEEDED");
    const rows = [
      ["1", '[a "b", c]'],
      ["2", "[null]"],
      ["3", "[]"],
    ];
    expect(await athena.rows("SELECT id, tags FROM empty ORDER BY id")).toEqual(rows);
    for (const key of Object.keys(await athena.read("lake", "empty/"))) await athena.delete("lake", key);
  });

  it("writes what a table reads together with objects of another form, whatever the order of their columns", async () => {
    await athena.run(
      "UNLOAD (SELECT ARRAY['x'] AS tags, 9 AS more, 4 AS id) TO 's3://lake/empty/' WITH (format = 'PARQUET')",
    );
    await athena.run("UNLOAD (SELECT id FROM empty WHERE id = 4) TO 's3://lake/moved/' WITH (format = 'PARQUET')");
    const [key = ""] = Object.keys(await athena.read("lake", "moved/"));
    await athena.copy("lake", key, "empty/second");
    expect(await athena.rows("SELECT id, tags FROM empty ORDER BY tags")).toEqual([
      ["4", "[x]"],
      ["4", null],
    ]);
  });

  it("is refused with more than 100 partitions, or with a partition key that is not the last column", async () => {
    const run = async (select: string) => {
      const options = "(format = 'JSON', partitioned_by = ARRAY['p'])";
      return (await athena.run(`UNLOAD (${select}) TO 's3://lake/out/three/' WITH ${options}`)).Status
        ?.StateChangeReason;
    };
    expect(await run("SELECT p AS x, p FROM UNNEST(sequence(1, 101)) AS t (p)")).toMatch(
      /^HIVE_TOO_MANY_OPEN_PARTITIONS/,
    );
    expect(await run("SELECT 1 AS p, 2 AS x")).toMatch(/^HIVE_COLUMN_ORDER_MISMATCH/);
    expect(await athena.read("lake", "out/three/")).toEqual({});
    await expect(athena.run("UNLOAD (SELECT 1 AS a) TO 's3://lake/x/'")).rejects.toThrow(/Expecting: 'WITH'/);
    await expect(athena.run("UNLOAD (SELECT 1 AS a) TO 's3://lake/x/' WITH (format = 'ORC')")).rejects.toThrow(
      /not simulated/,
    );
  });
});
