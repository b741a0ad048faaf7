import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GlueColumn } from "../local/firehose/delivery.ts";
import {
  answered,
  base64,
  errorRecords,
  LARGE_BUFFER,
  lambda,
  parquet,
  START_MS,
  type Stack,
  startStack,
} from "./local-firehose.ts";

describe("the conversion of a local delivery stream (J14)", () => {
  it("C4.6, C4.11, C5.1: writes what Athena reads, one Parquet object with the table's columns and types", async () => {
    const line = {
      s: "text",
      b: true,
      t: 127,
      h: -32768,
      i: 3,
      l: 9_007_199_254_740_991,
      f: 0.5,
      d: 0.1,
      m: 12.345,
      day: "2026-02-28",
      ts: "2026-01-02T03:04:05.678Z",
    };
    const stack = await convert(ALL_TYPES, [JSON.stringify(line)]);
    const [key = ""] = stack.objects.keys("good/");
    expect(key).toMatch(/\.parquet$/);
    expect(stack.objects.stored.get(key)?.options.contentEncoding).toBe("hadoop-snappy");
    expect(await query(stack, "SELECT * REPLACE (m::VARCHAR AS m, day::VARCHAR AS day, ts::VARCHAR AS ts)")).toEqual([
      { ...line, l: 9_007_199_254_740_991n, m: "12.35", ts: "2026-01-02 03:04:05.678" },
    ]);
    expect(
      await query(
        stack,
        "SELECT name, type, converted_type, logical_type IS NOT NULL AS logical",
        "parquet_schema",
        "WHERE name IN ('m', 'ts')",
      ),
    ).toMatchObject([
      { name: "m", converted_type: "DECIMAL" },
      { name: "ts", type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
    ]);
  });

  it("C5.2, C5.3: makes missing fields and null NULL, drops unknown fields, and ignores the case of keys", async () => {
    const rows = ['{"A":"x","unknown":1}', '{"a":null}', "{}", ' {"B":"y"}\n'];
    expect(await query(await convert([col("a", "string"), col("b", "string")], rows), "SELECT *")).toEqual([
      { a: "x", b: null },
      { a: null, b: null },
      { a: null, b: null },
      { a: null, b: "y" },
    ]);
  });

  it.each(["int", "string", "boolean", "timestamp"])(
    "C5.3: writes a row of nulls for {} alone in an object (%s)",
    async (type) => {
      expect(await query(await convert([col("a", type)], ["{}"]), "SELECT *")).toEqual([{ a: null }]);
    },
  );

  it.each([undefined, "SNAPPY", "GZIP", "UNCOMPRESSED"])(
    "C5.9: compresses columns as the serializer says (%s)",
    async (Compression) => {
      const stack = await convert([col("a", "string")], ['{"a":"x"}'], {}, { Compression });
      const codecs = await query(stack, "SELECT compression", "parquet_metadata");
      expect(codecs).toEqual([{ compression: Compression ?? "SNAPPY" }]);
    },
  );

  it("C5.2: keeps case apart, maps keys and turns dots into underscores when the SerDe says so", async () => {
    const serDe = {
      CaseInsensitive: "false",
      ConvertDotsInJsonKeysToUnderscores: true,
      ColumnToJsonKeyMappings: { b: "Other" },
    };
    const columns = [col("a", "string"), col("b", "string"), col("c_d", "string")];
    const stack = await convert(columns, ['{"A":"x","Other":"y","c.d":"z"}', '{"a":"x","b":"y"}'], serDe);
    expect(await query(stack, "SELECT *")).toEqual([
      { a: null, b: "y", c_d: "z" },
      { a: "x", b: null, c_d: null },
    ]);
  });

  it('C3.3, C3.5, C5.4: coerces "3" to 3, and "oops" fails its own record only', async () => {
    const stack = await convert([col("n", "int")], ['{"n":"3"}', '{"n":"oops"}', '{"n":4}']);
    expect(await query(stack, "SELECT *")).toEqual([{ n: 3 }, { n: 4 }]);
    expect(errorRecords(stack.objects, "errors/format-conversion-failed/")).toEqual([
      {
        attemptsMade: 1,
        arrivalTimestamp: START_MS,
        lastErrorCode: "DataFormatConversion.MalformedData",
        lastErrorMessage: 'Data does not match the schema. For input string: "oops"',
        attemptEndingTimestamp: expect.any(Number),
        rawData: base64('{"n":"oops"}'),
        sequenceNumber: expect.stringMatching(/^\d+$/),
        subSequenceNumber: 0,
        dataCatalogTable: {
          catalogId: "000000000000",
          databaseName: "lake",
          tableName: "curated",
          region: "us-east-1",
          versionId: "LATEST",
          catalogArn: "arn:aws:glue:us-east-1:000000000000:catalog",
        },
      },
    ]);
  });

  it.each([
    ["timestamp", '"2026-01-02T03:04:05+00:00"'],
    ["timestamp", '"2026-01-02T03:04:05"'],
    ["timestamp", '"2026-02-30T00:00:00Z"'],
    ["timestamp", '"1900-02-29T00:00:00Z"'],
    ["timestamp", '"2026-01-02T24:00:00Z"'],
    ["timestamp", "true"],
    ["date", '"2026-13-01"'],
    ["date", "20260101"],
    ["tinyint", "128"],
    ["smallint", "-32769"],
    ["int", "2147483648"],
    ["int", "3.7"],
    ["bigint", "9223372036854775808"],
    ["bigint", "{}"],
    ["double", '"1e999"'],
    ["float", "1e39"],
    ["decimal(5,2)", "999.995"],
    ["decimal(5,2)", '"1000"'],
    ["decimal(5,2)", '"x"'],
    ["boolean", '"oops"'],
    ["boolean", "1"],
  ])("C5.4, C5.7: fails a record alone when a %s column gets %s", async (type, value) => {
    const stack = await convert([col("v", type), col("n", "int")], [`{"v":${value},"n":1}`, '{"n":2}']);
    expect(await query(stack, "SELECT n")).toEqual([{ n: 2 }]);
    expect(errorRecords(stack.objects, "errors/")).toMatchObject([
      { lastErrorCode: "DataFormatConversion.MalformedData" },
    ]);
  });

  it.each([
    ["timestamp", '"2026-01-02T03:04:05Z"', "2026-01-02 03:04:05"],
    ["timestamp", '"2026-01-02T03:04:05.123456789Z"', "2026-01-02 03:04:05.123"],
    ["timestamp", '"2024-02-29T23:59:59Z"', "2024-02-29 23:59:59"],
    ["timestamp", '"2026-1-2 03:04:05.5"', "2026-01-02 03:04:05.5"],
    ["timestamp", "999999999999", "33658-09-27 01:46:39"],
    ["timestamp", "1000000000000", "2001-09-09 01:46:40"],
    ["timestamp", '"1700000000"', "2023-11-14 22:13:20"],
    ["timestamp", "1700000000.25", "2023-11-14 22:13:20.25"],
    ["timestamp", "-1", "1969-12-31 23:59:59"],
    ["date", '"1999-12-31"', "1999-12-31"],
    ["bigint", "-9223372036854775808", "-9223372036854775808"],
    ["bigint", '"9223372036854775807"', "9223372036854775807"],
    ["double", '"1.5"', "1.5"],
    ["decimal(5,2)", "2.345", "2.35"],
    ["decimal(5,2)", "-2.345", "-2.35"],
    ["decimal(5,2)", "-0.004", "0.00"],
    ["decimal(5,2)", "999.994", "999.99"],
    ["decimal(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"],
    ["decimal(20,2)", "123456789012345678.91", "123456789012345678.91"],
    ["decimal(12,4)", "12e-3", "0.0120"],
    ["boolean", '"TRUE"', "true"],
    ["string", "3", "3"],
    ["string", "12345678901234567890", "12345678901234567890"],
    ["string", "true", "true"],
    ["string", '{"B":[1, 12345678901234567890,{"C":null}]}', '{"b":[1,12345678901234567890,{"c":null}]}'],
    ["string", '[1,"x"]', '[1,"x"]'],
    ["string", '"a\\u0000b\\ud800\\n\\"\u2028"', 'a\u0000b\ufffd\n"\u2028'],
  ])("C5.4 to C5.7: reads for a %s column %s as %s", async (type, value, expected) => {
    const stack = await convert([col("v", type)], [`{"v":${value}}`]);
    expect(stack.delivery.stats().failedByCode).toEqual({});
    expect(await query(stack, "SELECT v::VARCHAR AS v")).toEqual([{ v: expected }]);
  });

  it.each([
    ["", "MalformedData"],
    ["  \n", "MalformedData"],
    ["3", "MalformedData"],
    ["null", "MalformedData"],
    ['[{"n":1}]', "MalformedData"],
    ['{"n":1', "ParseError"],
    ['{"n":1}{"n":2}', "ParseError"],
  ])("C3.4, C5.12, C5.13: fails the record %j with DataFormatConversion.%s", async (data, code) => {
    const stack = await convert([col("n", "int")], [data, '{"n":1}']);
    expect(await query(stack, "SELECT n")).toEqual([{ n: 1 }]);
    expect(errorRecords(stack.objects, "errors/")).toMatchObject([
      { lastErrorCode: `DataFormatConversion.${code}`, rawData: base64(data) },
    ]);
  });

  it("C2.11, C3.6: converts after the transform, and keeps the record as the transform answered it when that fails", async () => {
    const { stream, delivery, objects } = startStack({
      columns: [col("n", "int")],
      destination: {
        BufferingHints: LARGE_BUFFER,
        DataFormatConversionConfiguration: parquet(),
        ErrorOutputPrefix: "errors/!{firehose:error-output-type}/",
        ProcessingConfiguration: lambda(),
      },
      answer: ({ records }) =>
        answered(records.map(({ recordId }) => ({ recordId, result: "Ok", data: base64('{"n":"after"}') }))),
    });
    stream.put({ partitionKey: "k", data: Buffer.from("before") });
    await delivery.flush();
    expect(errorRecords(objects, "errors/")).toMatchObject([{ rawData: base64('{"n":"after"}') }]);
  });

  it("C5.4: rounds decimals half away from zero and reads them back exactly, for all numbers that fit", async () => {
    const units = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
    await fc.assert(
      fc.asyncProperty(fc.array(units, { minLength: 1, maxLength: 50 }), async (thousandths) => {
        const rows = thousandths.map((unit) => `{"v":${point(unit, 3)}}`);
        const expected = thousandths.map((unit) => ({ v: point((unit + (unit < 0n ? -5n : 5n)) / 10n, 2) }));
        expect(await query(await convert([col("v", "decimal(18,2)")], rows), "SELECT v::VARCHAR AS v")).toEqual(
          expected,
        );
      }),
      { numRuns: 20 },
    );
  });

  it("gives the same bytes for the same rows, in the order of the records", async () => {
    const rows = Array.from({ length: 5000 }, (_, at) => `{"n":${at},"s":"value ${at % 7}"}`);
    const columns = [col("n", "int"), col("s", "string")];
    const [one, two] = [await convert(columns, rows), await convert(columns, rows)];
    expect(two.objects.keys()).toEqual(one.objects.keys());
    expect(two.objects.stored).toEqual(one.objects.stored);
    expect((await query(one, "SELECT n")).map(({ n }) => n)).toEqual(rows.map((_, at) => at));
  });
});

const ALL_TYPES = [
  col("s", "string"),
  col("b", "boolean"),
  col("t", "tinyint"),
  col("h", "smallint"),
  col("i", "int"),
  col("l", "bigint"),
  col("f", "float"),
  col("d", "double"),
  col("m", "decimal(12, 2)"),
  col("day", "date"),
  col("ts", "timestamp"),
];

function col(name: string, type: string): GlueColumn {
  return { name, type };
}

function point(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, "0");
  const sign = unscaled < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

async function convert(
  columns: readonly GlueColumn[],
  rows: readonly string[],
  serDe = {},
  serializer = {},
): Promise<Stack> {
  const stack = startStack({
    columns,
    destination: {
      Prefix: "good/!{timestamp:yyyy}/",
      ErrorOutputPrefix: "errors/!{firehose:error-output-type}/",
      BufferingHints: LARGE_BUFFER,
      DataFormatConversionConfiguration: {
        ...parquet(serDe),
        OutputFormatConfiguration: { Serializer: { ParquetSerDe: serializer } },
      },
    },
  });
  for (const row of rows) stack.stream.put({ partitionKey: "k", data: Buffer.from(row) });
  await stack.delivery.flush();
  return stack;
}

let folder = "";
let files = 0;
let connection: Awaited<ReturnType<DuckDBInstance["connect"]>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "read-parquet-"));
  connection = await (await DuckDBInstance.create(":memory:")).connect();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function query(stack: Stack, select: string, reader = "read_parquet", where = "") {
  // Each its own name, because DuckDB remembers what a file looked like.
  const file = join(folder, `rows-${files++}.parquet`);
  const [key = ""] = stack.objects.keys("good/");
  writeFileSync(file, stack.objects.stored.get(key)?.body ?? "");
  return (await connection.runAndReadAll(`${select} FROM ${reader}('${file}') ${where}`)).getRowObjectsJS();
}
