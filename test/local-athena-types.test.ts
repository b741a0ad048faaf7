/** Types that DuckDB makes one of and Trino does not. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalAthena } from "./local-athena.ts";
import { openSales } from "./local-athena-sales.ts";

let athena: LocalAthena;
beforeAll(async () => {
  athena = await openSales();
});
afterAll(() => athena.close());

describe("types that do not go together", () => {
  it.each([
    ["at >= '2026-03-01'", "varchar and timestamp go together by a CAST only, at '2026-03-01'"],
    ["dt = 20260301", 'varchar and integer go together by a CAST only, at "dt"'],
    ["20260301 <> sales.dt", "varchar and integer"],
    ["id = '5'", "varchar and bigint"],
    ["dt IN ('2026-01-01', 5)", "varchar and integer"],
    ["id BETWEEN '1' AND '2'", "varchar and bigint"],
    ["price > '1'", "varchar and decimal"],
    ["EXISTS (SELECT 1 FROM sales b WHERE b.dt = sales.id)", "varchar and bigint"],
  ])("are refused in a condition: %s", async (condition, reason) => {
    const { Status } = await athena.run(`SELECT count(*) FROM sales WHERE ${condition}`);
    expect(Status?.StateChangeReason).toMatch(/^TYPE_MISMATCH: Cannot apply operator: /);
    expect(Status?.StateChangeReason).toContain(reason);
  });

  it.each([
    "SELECT CASE WHEN id = 1 THEN id ELSE 'none' END FROM sales",
    "SELECT id FROM sales UNION ALL SELECT dt FROM sales",
    "SELECT a.id FROM sales a JOIN sales b ON a.id = b.dt",
    "WITH days AS (SELECT dt FROM sales) SELECT count(*) FROM days WHERE dt = 5",
    "UNLOAD (SELECT id FROM sales WHERE dt = 5) TO 's3://lake/out/none/' WITH (format = 'JSON')",
  ])("are refused wherever they meet: %s", async (sql) => {
    expect((await athena.run(sql)).Status?.StateChangeReason).toMatch(/^TYPE_MISMATCH: /);
  });

  it.each([
    "at >= CAST('2026-03-01' AS timestamp)",
    "at >= TIMESTAMP '2026-03-01 00:00:00'",
    "at >= DATE '2026-03-01'",
    "at < now()",
    "CAST(dt AS date) = current_date",
    "CAST(id AS varchar) = dt OR dt = CAST(5 AS varchar)",
    "id = 1.5 OR price = id OR price > 1 OR id = 1e0",
    "id IN (1, 2) AND dt IN ('a', 'b')",
    "coalesce(itemname, 'x') = 'x' OR itemname IS NULL OR id = NULL",
    "CASE WHEN id = 1 THEN NULL ELSE 'x' END = 'x'",
    "CASE WHEN id = 1 THEN 1 ELSE 2.5 END > 1",
  ])("are told from those that do: %s", async (condition) => {
    const { Status } = await athena.run(`SELECT count(*) FROM sales WHERE ${condition}`);
    expect(Status?.StateChangeReason).toBeUndefined();
  });
});
