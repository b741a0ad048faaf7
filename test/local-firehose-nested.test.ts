import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorRecords, LARGE_BUFFER, parquet, type Stack, startStack } from "./local-firehose.ts";

describe("columns that hold others, in the conversion of a local delivery stream (J14, C5.5)", () => {
  it.each([
    ["array<int>", "[1,null,3]", "[1,null,3]"],
    ["array<int>", "7", "[7]"],
    ["array<string>", '{"B":1}', '["{\\"b\\":1}"]'],
    ["array<array<int>>", "[[1],2]", "[[1],[2]]"],
    ["struct<a:int,b:string>", '{"B":"x","A":"3","other":1}', '{"a":3,"b":"x"}'],
    ["struct<a:int,b:string>", '[3,"x"]', '{"a":3,"b":"x"}'],
    ["struct<a:int,b:string>", "[3]", '{"a":3,"b":null}'],
    ["struct<a:int,b:string>", "{}", '{"a":null,"b":null}'],
    ["struct<a:struct<b:array<bigint>>>", '{"a":{"b":[9223372036854775807]}}', '{"a":{"b":[9223372036854775807]}}'],
    ["map<string,int>", '{"One":1,"two":"2"}', '{"one":1,"two":2}'],
    ["map<string,array<string>>", '{"a":["x","y"]}', '{"a":["x","y"]}'],
    ["array<struct<n:decimal(5,2)>>", '[{"n":1.005}]', '[{"n":1.01}]'],
    ["array<timestamp>", '["2026-01-02T03:04:05.678Z"]', '["2026-01-02 03:04:05.678"]'],
    ["array<array<timestamp>>", "[[0],[1]]", '[["1970-01-01 00:00:00"],["1970-01-01 00:00:01"]]'],
    [
      "struct<at:timestamp,day:date>",
      '{"at":1700000000,"day":"2026-01-02"}',
      '{"at":"2023-11-14 22:13:20","day":"2026-01-02"}',
    ],
    ["map<string,timestamp>", '{"a":1700000000,"b":null}', '{"a":"2023-11-14 22:13:20","b":null}'],
    ["map<string,map<string,timestamp>>", '{"a":{"b":1}}', '{"a":{"b":"1970-01-01 00:00:01"}}'],
  ])("reads for a %s column %s as %s", async (type, value, expected) => {
    const stack = await convert(type, [`{"v":${value}}`]);
    expect(stack.delivery.stats().failedByCode).toEqual({});
    expect(await read(stack)).toEqual([expected]);
  });

  it("leaves null and missing values null, and not structs of nulls", async () => {
    const stack = await convert("struct<at:timestamp>", ['{"v":null}', "{}", '{"v":{"at":null}}']);
    expect(await read(stack)).toEqual([null, null, '{"at":null}']);
  });

  it.each([
    ["struct<a:int>", "3"],
    ["struct<a:int>", '{"a":"oops"}'],
    ["struct<a:int>", '["oops"]'],
    ["map<string,int>", "[1]"],
    ["map<string,int>", "3"],
    ["map<string,int>", '{"a":"oops"}'],
    ["array<int>", '[1,"oops"]'],
    ["array<struct<a:int>>", "[3]"],
  ])("fails a record alone when a %s column gets %s", async (type, value) => {
    const stack = await convert(type, [`{"v":${value}}`, "{}"]);
    expect(await read(stack)).toEqual([null]);
    expect(errorRecords(stack.objects, "errors/")).toMatchObject([
      { lastErrorCode: "DataFormatConversion.MalformedData" },
    ]);
  });

  it("keeps the case of keys apart when the SerDe says so (C5.2)", async () => {
    const stack = await convert("map<string,int>", ['{"v":{"One":1,"one":2}}'], { CaseInsensitive: "false" });
    expect(await read(stack)).toEqual(['{"One":1,"one":2}']);
  });
});

async function convert(type: string, rows: readonly string[], serDe = {}): Promise<Stack> {
  const stack = startStack({
    columns: [{ name: "v", type }],
    destination: {
      Prefix: "good/!{timestamp:yyyy}/",
      ErrorOutputPrefix: "errors/!{firehose:error-output-type}/",
      BufferingHints: LARGE_BUFFER,
      DataFormatConversionConfiguration: parquet(serDe),
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
  folder = mkdtempSync(join(tmpdir(), "read-nested-"));
  connection = await (await DuckDBInstance.create(":memory:")).connect();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Each row's column as JSON. */
async function read({ objects }: Stack): Promise<readonly unknown[]> {
  const file = join(folder, `rows-${files++}.parquet`);
  const [key = ""] = objects.keys("good/");
  writeFileSync(file, objects.stored.get(key)?.body ?? "");
  const rows = (await connection.runAndReadAll(`SELECT to_json(v)::VARCHAR AS v FROM '${file}'`)).getRowObjectsJS();
  return rows.map(({ v }) => v);
}
