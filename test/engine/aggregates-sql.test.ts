import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { byteReader, distinct, percentile } from "@millrace/engine";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { boundaryTable } from "../../layers/engine/aggregates/ddsketch.ts";
import { readRegisters } from "../../layers/engine/aggregates/hyperloglog.ts";
import { aggregateOf, decimals, dump, foldAll, texts, toInput, windows } from "./aggregate-laws.ts";

/** What a reader of the lake has to write to get the sketches of the online features, bit for bit. */

let duckdb: DuckDBConnection;

beforeAll(async () => {
  duckdb = await (await DuckDBInstance.create(":memory:")).connect();
});

describe("in SQL", () => {
  it("the registers of a distinct estimate come from the first 48 bits of each value's md5", async () => {
    const names = sample(texts, 3000).filter((value) => value !== null && String(value).isWellFormed());
    const values = [...names, ...Array.from({ length: 2000 }, (_, i) => `item-${i}`)];
    await load("names", "VARCHAR", values);
    const rows = await query(`
      WITH hashed AS (
        SELECT ('0x' || md5(value)[1:12])::UBIGINT AS hash FROM names
      ), split AS (
        SELECT hash >> 38 AS register, hash & ((1::UBIGINT << 38) - 1) AS rest FROM hashed
      )
      SELECT register::INTEGER AS register, max(CASE rest WHEN 0 THEN 39 ELSE 39 - length(bin(rest)) END)::INTEGER AS rank
      FROM split GROUP BY ALL`);
    const expected = new Uint8Array(1024);
    for (const { register, rank } of rows) expected[register as number] = rank as number;

    const aggregate = aggregateOf(distinct("x", "name", { limit: 32, beyond: "estimate", windows }));
    const list = values.map((value) => toInput({ value }));
    const reader = byteReader(Buffer.from(dump(aggregate, foldAll(aggregate, list) as object), "hex"));
    const head = reader.varint();
    expect(head % 2).toBe(1);
    expect(readRegisters(reader, 10, head >>> 1)).toEqual(expected);
  });

  it("the bins of a percentile come from a table made by multiplying doubles", async () => {
    const values = [...sample(decimals, 2000), ...sample(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), 2000)];
    await load("amounts", "BIGINT", values);
    await duckdb.run(`
      CREATE TABLE bounds AS
      WITH RECURSIVE growing(bin, upper) AS (
        SELECT 1, 1e0
        UNION ALL
        SELECT bin + 1, least(upper * ((1e0 + 1e-2) / (1e0 - 1e-2)), 9007199254740992e0)
        FROM growing WHERE upper < 9007199254740992e0
      )
      FROM growing`);
    const table = await query("SELECT upper FROM bounds ORDER BY bin");
    expect(table.map(({ upper }) => upper)).toEqual([...boundaryTable(0.01, "whole").bounds]);

    const rows = await query(`
      SELECT (sign(value) * coalesce((SELECT min(bin) FROM bounds WHERE upper >= abs(value)), 0))::INTEGER AS bin,
             count(*)::INTEGER AS count
      FROM amounts WHERE value IS NOT NULL GROUP BY ALL ORDER BY bin`);
    const aggregate = aggregateOf(percentile("x", "price", { percent: 50, bins: 2048, windows }));
    const list = values.map((value) => toInput({ value }));
    expect(binsIn(dump(aggregate, foldAll(aggregate, list) as object))).toEqual(rows);
  });
});

function binsIn(hex: string): readonly { readonly bin: number; readonly count: number }[] {
  const reader = byteReader(Buffer.from(hex, "hex"));
  const head = reader.varint();
  expect(head % 2).toBe(0);
  let bin = 0;
  return Array.from({ length: head / 2 }, (_, i) => {
    bin = i === 0 ? reader.signed() : bin + reader.varint();
    return { bin, count: reader.varint() };
  });
}

function sample<T>(values: fc.Arbitrary<T>, size: number): T[] {
  return fc.sample(values, { numRuns: size, seed: 7 });
}

async function load(table: string, type: string, values: readonly unknown[]): Promise<void> {
  await duckdb.run(`CREATE TABLE ${table} AS SELECT unnest(from_json($1, '["${type}"]')) AS value`, [
    JSON.stringify(values),
  ]);
}

async function query(sql: string): Promise<readonly Record<string, unknown>[]> {
  return (await duckdb.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
}
