/** What Trino's words mean, by Trino's documentation, and what the emulator makes of them. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromCsv, toCsv } from "../local/athena/result-set.ts";
import { type LocalAthena, openAthena } from "./local-athena.ts";

const templateText = `
Resources:
  LakeBucket: { Type: AWS::S3::Bucket }
  Group: { Type: AWS::Athena::WorkGroup, Properties: { Name: g, WorkGroupConfiguration: { ResultConfiguration: { OutputLocation: "s3://lake/" } } } }`;
const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
let athena: LocalAthena;
beforeAll(async () => {
  athena = await openAthena({ templateText, nowMs, workGroup: "group", database: "default" });
});
afterAll(() => athena.close());

const values: Readonly<Record<string, string | null>> = {
  "lower(to_hex(md5(to_utf8('grüße'))))": "fee40dc24d0ad6a90c608052aa4e9e66",
  "to_hex(sha256(to_utf8('abc')))": "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
  "from_big_endian_64(from_hex('00000000000000FF'))": "255",
  "from_big_endian_64(from_hex('8000000000000000'))": "-9223372036854775808",
  "to_hex(to_big_endian_64(-2))": "FFFFFFFFFFFFFFFE",
  "from_utf8(from_base64(to_base64(to_utf8('ä'))))": "ä",
  "substr(X'0A0B0C', 2, 1)": "0b",
  "substr('abc', 2)": "bc",
  "substring('abc' FROM 1 FOR 2)": "ab",
  "strpos('abc', 'c')": "3",
  "split('a,b', ',')": "[a, b]",
  "concat('a', 'b', 'c')": "abc",
  "concat('a', CAST(null AS varchar))": null,
  "greatest(1, null)": null,
  "least(3, 1, 2)": "1",
  "regexp_like('abc', 'b')": "true",
  "regexp_extract('a1', '([a-z])([0-9])', 2)": "1",
  "regexp_extract('a', '[0-9]')": null,
  "7 / 2": "3",
  "-7 / 2": "-3",
  "-7 % 2": "-1",
  "7 / 2e0": "3.5",
  "8 / (4 / 2) % 3": "1",
  "'a' || CAST(4 / 2 AS varchar) || 'b'": "a2b",
  "'a' || null": null,
  "X'0a' || X'0b'": "0a 0b",
  "ARRAY[1] || ARRAY[2]": "[1, 2]",
  "1e10": "1.0E10",
  "1e0": "1.0",
  "0.0001e0": "1.0E-4",
  "CAST(1.5 AS decimal(38, 0))": "2",
  "mod(decimal '18446744073709551617', decimal '18446744073709551616')": "1",
  "bitwise_and(12, 10)": "8",
  "bitwise_or(12, 10)": "14",
  "bitwise_xor(12, 10)": "6",
  "bitwise_not(0)": "-1",
  "bitwise_right_shift_arithmetic(-8, 1)": "-4",
  current_date: "2026-01-02",
  "date_format(now(), '%Y-%m-%d %H')": "2026-01-02 03",
  "date_format(timestamp '2026-01-02 13:04:05', '%Y-%m-%d %H:%i:%s %M %W')": "2026-01-02 13:04:05 January Friday",
  "format_datetime(timestamp '2026-01-02 13:04:05.678', 'yyyy-MM-dd HH:mm:ss.SSS')": "2026-01-02 13:04:05.678",
  "date_diff('day', timestamp '2026-01-01 12:00:00', timestamp '2026-01-02 11:00:00')": "0",
  "date_diff('millisecond', timestamp '2026-01-01 00:00:00.001', timestamp '2026-01-01 00:00:01')": "999",
  "date_add('hour', -1, timestamp '2026-01-01 00:00:00')": "2025-12-31 23:00:00.000",
  "date_trunc('hour', timestamp '2026-01-01 10:20:30')": "2026-01-01 10:00:00.000",
  "timestamp '2026-01-31 00:00:00' + interval '1' day": "2026-02-01 00:00:00.000",
  "to_unixtime(timestamp '1970-01-01 00:00:01.5')": "1.5",
  "from_unixtime(1.5)": "1970-01-01 00:00:01.500 UTC",
  "from_iso8601_timestamp('2026-01-01T01:00:00+01:00')": "2026-01-01 00:00:00.000 UTC",
  "millisecond(timestamp '2026-01-01 00:00:07.008')": "8",
  "day_of_week(date '2026-01-04')": "7",
  "hour(timestamp '2026-01-01 10:20:30')": "10",
  "extract(minute FROM timestamp '2026-01-01 10:20:30')": "20",
  'json_extract_scalar(\'{"a":{"b":[1,"x"]}}\', \'$.a.b[1]\')': "x",
  "json_extract_scalar('{\"a\":{\"b\":1}}', '$.a')": null,
  "json_extract_scalar('no json', '$.a')": null,
  "json_format(json_parse('{\"a\": 1}'))": '{"a": 1}',
  "try_cast('x' AS bigint)": null,
  "try(CAST('x' AS bigint))": null,
  "if(1 = 1, 'yes', 'no')": "yes",
  "cardinality(ARRAY[1, 2])": "2",
  "element_at(ARRAY['a'], 2)": null,
  "element_at(map(ARRAY['k'], ARRAY[7]), 'k')": "7",
  "contains(ARRAY[1, 2], 2)": "true",
  "array_join(ARRAY['a', 'b'], '-')": "a-b",
  "array_sort(ARRAY[2, null, 1])": "[1, 2, null]",
  "array_position(ARRAY['a'], 'b')": "0",
  "slice(ARRAY[1, 2, 3], 2, 2)": "[2, 3]",
  "sequence(1, 5, 2)": "[1, 3, 5]",
  "transform(ARRAY[1, 2], x -> x * 10)": "[10, 20]",
  "filter(ARRAY[1, 2], x -> x > 1)": "[2]",
  "CAST(ROW(1, 'a') AS row(x bigint, y varchar))": "{x=1, y=a}",
  "map(ARRAY['a'], ARRAY[1])": "{a=1}",
};

const aggregates: Readonly<Record<string, string | null>> = {
  "sum(n)": "6",
  "count(DISTINCT t)": "2",
  "approx_distinct(t)": "2",
  "max_by(t, n)": null,
  "min_by(t, n)": "b",
  "array_agg(n ORDER BY n DESC)": "[3, 2, 1]",
  "count_if(n > 1)": "2",
  "count(*) FILTER (WHERE t IS NULL)": "1",
  "bool_and(n > 0)": "true",
  "arbitrary(1)": "1",
  "approx_percentile(n, 0.5)": "2",
  "map_agg(n, n)": "{1=1, 2=2, 3=3}",
  "avg(n)": "2.0",
  "sum(CAST(n AS decimal(38, 0)))": "6",
};

describe("a value", () => {
  it.each(Object.entries(values))("%s is %s", async (expression, value) => {
    expect(await athena.rows(`SELECT ${expression}`)).toEqual([[value]]);
  });

  it.each(Object.entries(aggregates))("%s over three rows is %s", async (expression, value) => {
    const rows = "(VALUES (1, 'b'), (2, 'a'), (3, null)) AS three (n, t)";
    expect(await athena.rows(`SELECT ${expression} FROM ${rows}`)).toEqual([[value]]);
  });
});

describe("a query", () => {
  it("names columns without a name after their place, and others in small letters", async () => {
    await athena.run("SELECT 1, 2 AS Two, three FROM (SELECT 3 AS three)");
    const [last = ""] = Object.values(await athena.read("lake", "")).filter((csv) => csv.includes('"two"'));
    expect(last).toBe('"_col0","two","three"\n"1","2","3"\n');
  });

  it("may use words that are DuckDB's own as names", async () => {
    expect(await athena.rows("SELECT offset, qualify FROM (VALUES (1, 2)) AS pivot (offset, qualify)")).toEqual([
      ["1", "2"],
    ]);
  });

  it("sorts nulls last, whichever way", async () => {
    const sorted = (order: string) => athena.rows(`SELECT n FROM (VALUES 1, null, 2) AS t (n) ORDER BY n ${order}`);
    expect(await sorted("ASC")).toEqual([["1"], ["2"], [null]]);
    expect(await sorted("DESC")).toEqual([["2"], ["1"], [null]]);
  });

  it("may have CTEs, windows, unnested arrays, grouping sets, texts beyond the basic plane and comments", async () => {
    const sql = `-- first
      WITH t (k, n) AS (VALUES ('😀', 1), ('b', 2)), u AS (SELECT k, n, row_number() OVER (ORDER BY n DESC) AS r FROM t)
      SELECT k, sum(n * m) FROM u CROSS JOIN UNNEST(ARRAY[1, 2]) AS x (m) WHERE r <= 2 /* all */ GROUP BY GROUPING SETS ((k), ()) ORDER BY 2, 1`;
    expect(await athena.rows(sql)).toEqual([
      ["😀", "3"],
      ["b", "6"],
      [null, "9"],
    ]);
  });

  it.each([
    "SELECT 1 FROM (VALUES 1) AS t (x) TABLESAMPLE BERNOULLI (50)",
    "SELECT now() AT TIME ZONE 'Europe/Berlin'",
    "SELECT listagg(x, ',') WITHIN GROUP (ORDER BY x) FROM (VALUES 'a') AS t (x)",
    "SELECT json_value('{}', 'lax $.a')",
    "SHOW TABLES",
    "CREATE TABLE x AS SELECT 1 AS a",
  ])("that is not simulated says so: %s", async (sql) => {
    expect((await athena.run(sql)).Status?.StateChangeReason).toMatch(/^NOT_SUPPORTED: .*not simulated/);
  });

  it.each([
    "SELECT x + 1 AS y FROM t WHERE y > 1",
    "SELECT x + 1 AS y, y + 1 AS z FROM t",
    "SELECT x % 2 AS y, count(*) FROM t GROUP BY y",
    "SELECT x % 2 AS y FROM t GROUP BY x % 2 HAVING y = 0",
    "SELECT z FROM (SELECT x + 1 AS y, x AS z FROM t WHERE y = 1)",
    "SELECT z FROM (WITH u AS (SELECT x FROM t), v AS (SELECT x AS y, x AS z FROM u WHERE y = 1) SELECT z FROM v)",
  ])("cannot use a name where Trino does not know it yet: %s", async (sql) => {
    const { Status } = await athena.run(`WITH t AS (SELECT x FROM (VALUES 1, 2) AS v (x)) ${sql}`);
    expect(Status?.StateChangeReason).toMatch(/^COLUMN_NOT_FOUND: line 1:\d+: Column 'y' cannot be resolved/);
  });

  it.each([
    ["SELECT x + 1 AS y FROM t ORDER BY y", [["2"], ["3"]]],
    ["SELECT x * 10 AS x FROM t WHERE x = 1 GROUP BY x", [["10"]]],
    ["SELECT y FROM (SELECT x + 1 AS y FROM t) WHERE y > 2", [["3"]]],
    ["SELECT x AS y FROM t WHERE EXISTS (SELECT 1 AS x FROM (VALUES 2) AS v (n) WHERE n = t.x)", [["2"]]],
  ] as const)("can use it where Trino does: %s", async (sql, rows) => {
    expect(await athena.rows(`WITH t AS (SELECT x FROM (VALUES 1, 2) AS v (x)) ${sql}`)).toEqual(rows);
  });

  it("that means an outer column by a name which an inner SELECT gives is refused, since DuckDB would take the inner one", async () => {
    const sql =
      "SELECT x FROM (VALUES 1, 2) AS t (x) WHERE EXISTS (SELECT 1 AS x FROM (VALUES 2) AS v (n) WHERE n = x)";
    expect((await athena.run(sql)).Status?.StateChangeReason).toMatch(
      /^NOT_SUPPORTED: line 1:10\d: A column 'x' of the/,
    );
  });

  it.each([
    ["1 / (x - 1)", /^DIVISION_BY_ZERO: Division by zero/],
    ["x % 0", /^DIVISION_BY_ZERO/],
    ["'a' || x", /^SYNTAX_ERROR: Unexpected parameters for \|\|: integer/],
    ["'a' || 'b' || current_date", /^SYNTAX_ERROR: Unexpected parameters/],
  ])("fails where Trino does and DuckDB would not: %s", async (expression, reason) => {
    const { Status } = await athena.run(`SELECT ${expression} FROM (VALUES 1) AS t (x)`);
    expect(Status?.StateChangeReason).toMatch(reason);
  });

  it("wants a number beyond bigint as a decimal", async () => {
    const { Status } = await athena.run("SELECT 18446744073709551616");
    expect(Status?.StateChangeReason).toMatch(/^SYNTAX_ERROR: line 1:8: Invalid numeric literal/);
  });

  it("fails when a sum of bigints is no bigint any more", async () => {
    const { Status } = await athena.run("SELECT sum(n) FROM (VALUES 9223372036854775807, 1) AS t (n)");
    expect(Status?.StateChangeReason).toMatch(/^NUMERIC_VALUE_OUT_OF_RANGE/);
  });
});

it("reads back from a CSV what it wrote, nulls and empty texts apart", () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('"', ",", "\n", '""', "", '",\n"'));
  fc.assert(
    fc.property(fc.array(fc.array(fc.option(text), { minLength: 1 })), (rows) => {
      expect(fromCsv(toCsv(rows))).toEqual(rows);
    }),
  );
});

it("turns 64 bits into a bigint and back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { minLength: 1 }), async (numbers) => {
      const list = numbers.map((n) => `CAST('${n}' AS bigint)`).join(", ");
      const rows = await athena.rows(
        `SELECT n, to_hex(to_big_endian_64(n)), from_big_endian_64(to_big_endian_64(n)) FROM UNNEST(ARRAY[${list}]) WITH ORDINALITY AS t (n, at) ORDER BY at`,
      );
      const hex = (n: bigint) => BigInt.asUintN(64, n).toString(16).toUpperCase().padStart(16, "0");
      expect(rows).toEqual(numbers.map((n) => [`${n}`, hex(n), `${n}`]));
    }),
    { numRuns: 10 },
  );
});
