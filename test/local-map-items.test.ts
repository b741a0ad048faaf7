import { gzipSync, zstdCompressSync } from "node:zlib";
import { DescribeMapRunCommand, ListMapRunsCommand, RedriveExecutionCommand } from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batched } from "../local/states/batch-items.ts";
import { itemsIn, rowsOf } from "../local/states/item-formats.ts";
import type { Json } from "../local/states/json.ts";
import type { Strand } from "../local/states/strand.ts";
import { definitionOf, functionArn, openBench, startMs, templateOf } from "./local-states/bench.ts";

const getObject = "arn:aws:states:::s3:getObject";
const listObjects = "arn:aws:states:::s3:listObjectsV2";
const echo = { StartAt: "Say", States: { Say: { Type: "Pass", End: true } } };
const call = { StartAt: "Work", States: { Work: { Type: "Task", Resource: functionArn, End: true } } };

function each(more: object, processor: object = echo, ExecutionType = "STANDARD") {
  const ItemProcessor = { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType }, ...processor };
  return { States: { Each: { Type: "Map", Label: "Each", ItemProcessor, ...more, End: true } } };
}

const csv = 'name,n\r\nann,1\r\n"bob, ""the""\nfirst",2\r\n';
const objects = {
  "list.json": JSON.stringify({ inside: { "a/b": [1, { n: 2 }] } }),
  "lines.jsonl": '{"n":1}\n\n{"n":2}',
  "lines.gz": gzipSync('{"n":1}\n{"n":2}\n'),
  "lines.zst": zstdCompressSync('{"n":3}\n'),
  "people.csv": csv,
  "plain.csv": "ann|1\nbob\n",
  "bad.jsonl": '{"n":1}\n{"n":',
  "many/a.json": "[1,2]",
  "many/b.json": "[3]",
  "unload-manifest.csv": "s3://lake/lines.jsonl\ns3://lake/lines.zst\n",
  "inventory/manifest.json": JSON.stringify({
    destinationBucket: "arn:aws:s3:::lake",
    fileFormat: "CSV",
    fileSchema: "Bucket, Key, Size",
    files: [{ key: "inventory/data.csv.gz" }],
  }),
  "inventory/data.csv.gz": gzipSync('"lake","a.json","12"\n"lake","b.json","3"\n'),
};

describe("items in S3 (G3)", () => {
  const read = async (ReaderConfig: object, Key: string) => {
    const ItemReader = {
      Resource: getObject,
      ReaderConfig,
      Arguments: { Bucket: "lake", Key: "{% $states.input.key %}" },
    };
    return (await openBench(each({ ItemReader }), { objects })).output({ key: Key });
  };
  const flat = async (ReaderConfig: object, Prefix: string) => {
    const ItemReader = { Resource: listObjects, ReaderConfig, Arguments: { Bucket: "lake", Prefix } };
    return (await openBench(each({ ItemReader }), { objects })).output();
  };

  it.each([
    [{ InputType: "JSON", ItemsPointer: "/inside/a~1b" }, "list.json", [1, { n: 2 }]],
    [{ InputType: "JSONL" }, "lines.jsonl", [{ n: 1 }, { n: 2 }]],
    [{ InputType: "JSONL" }, "lines.gz", [{ n: 1 }, { n: 2 }]],
    [{ InputType: "JSONL", MaxItems: "{% 2 - 1 %}" }, "lines.jsonl", [{ n: 1 }]],
    [
      { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW" },
      "people.csv",
      [
        { name: "ann", n: "1" },
        { name: 'bob, "the"\nfirst', n: "2" },
      ],
    ],
    [
      { InputType: "CSV", CSVHeaderLocation: "GIVEN", CSVHeaders: ["name", "n"], CSVDelimiter: "PIPE" },
      "plain.csv",
      [
        { name: "ann", n: "1" },
        { name: "bob", n: "" },
      ],
    ],
    [{ InputType: "JSONL", ManifestType: "ATHENA_DATA" }, "unload-manifest.csv", [{ n: 1 }, { n: 2 }, { n: 3 }]],
    [
      { InputType: "MANIFEST" },
      "inventory/manifest.json",
      [
        { Bucket: "lake", Key: "a.json", Size: "12" },
        { Bucket: "lake", Key: "b.json", Size: "3" },
      ],
    ],
  ])("are read as %j", async (config, key, items) => {
    expect(await read(config, key)).toEqual(items);
  });

  it("of all objects of a listing", async () => {
    expect(await flat({ Transformation: "LOAD_AND_FLATTEN", InputType: "JSON" }, "many/")).toEqual([1, 2, 3]);
  });

  it("are a listing's objects (G5), however many, with their place", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 1005 }, (_, at) => [`many/${String(at).padStart(4, "0")}`, "x"]),
    );
    const ItemReader = { Resource: listObjects, Arguments: { Bucket: "lake", Prefix: "many/" } };
    const ItemSelector = {
      value: "{% $states.context.Map.Item.Value %}",
      from: "{% $states.context.Map.Item.Source %}",
    };
    const ItemBatcher = { MaxItemsPerBatch: 1000 };
    const last = {
      StartAt: "Say",
      States: { Say: { Type: "Pass", Output: "{% $states.input.Items[-1] %}", End: true } },
    };
    const bench = await openBench(each({ ItemReader, ItemSelector, ItemBatcher }, last), { objects: many });
    const item = (Key: string) => {
      const value = {
        Etag: '"9dd4e461268c8034f5c8564e155c67a6"',
        Key,
        LastModified: startMs / 1000,
        Size: 1,
        StorageClass: "STANDARD",
      };
      return { value, from: "s3://lake/many/" };
    };
    expect(await bench.output()).toEqual([item("many/0999"), item("many/1004")]);
  });

  it.each([
    ["none.jsonl", "S3.NoSuchKeyException"],
    ["bad.jsonl", "s3://lake/bad.jsonl, line 2: this is no JSON"],
  ])("that cannot be read are a failure which can be caught: %s", async (key, cause) => {
    const ItemReader = {
      Resource: getObject,
      ReaderConfig: { InputType: "JSONL" },
      Arguments: { Bucket: "lake", Key: key },
    };
    const Catch = [
      { ErrorEquals: ["States.ItemReaderFailed"], Next: "Caught", Output: "{% $states.errorOutput.Cause %}" },
    ];
    const { States } = each({ ItemReader, Catch });
    const bench = await openBench({ States: { ...States, Caught: { Type: "Succeed" } } }, { objects });
    expect(await bench.output()).toContain(cause);
  });

  it("are read under the machine's role", async () => {
    const ItemReader = {
      Resource: getObject,
      ReaderConfig: { InputType: "JSONL" },
      Arguments: { Bucket: "lake", Key: "lines.jsonl" },
    };
    const outcome = async (action: string) => {
      const template = templateOf(
        definitionOf(each({ ItemReader })),
        `[{ Effect: Allow, Action: ["states:*", "${action}"], Resource: "*" }]`,
      );
      return (await openBench({ States: {} }, { objects }, template)).output();
    };
    expect(await outcome("s3:PutObject")).toMatchObject({
      error: "States.ItemReaderFailed",
      cause: expect.stringContaining("s3:GetObject"),
    });
    expect(await outcome("s3:GetObject")).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("of CSV come back from any text that a writer makes of them", () => {
    const field = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", " ", "é") });
    const rows = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { size: "max", maxLength: 20 });
    fc.assert(
      fc.property(rows, fc.constantFrom("\n", "\r\n"), fc.boolean(), (written, end, hasLastEnd) => {
        const line = (row: readonly string[]) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(",");
        const text = written.map(line).join(end) + (hasLastEnd ? end : "");
        // A line with one empty field is an empty line.
        const kept = written.filter((row) => row.length > 1 || row[0] !== "");
        expect(rowsOf(Buffer.from(text), ",")).toEqual(kept);
      }),
    );
    expect(rowsOf(Buffer.from("a,\nb,"), ",")).toEqual([
      ["a", ""],
      ["b", ""],
    ]);
    expect(() => rowsOf(Buffer.from('"a"b,c'), ",")).toThrow("After the CSV field");
    expect(() => rowsOf(Buffer.from('"a'), ",")).toThrow("does not end");
  });

  it("of JSON lines come back, whatever the line ends", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { size: "max", maxLength: 40 }),
        fc.constantFrom("\n", "\r\n"),
        (values, end) => {
          const text = values.map((value) => JSON.stringify(value)).join(end);
          expect(itemsIn(Buffer.from(text), { InputType: "JSONL" }, "here")).toEqual(
            JSON.parse(JSON.stringify(values)),
          );
        },
      ),
    );
  });
});

describe("batches (G6)", () => {
  const strand = {
    value: async (value: Json) => value,
    wholeNumber: async (value: Json) => value,
  } as unknown as Strand;
  const sizeOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

  it("hold all items in their order, never more than either limit, and never fewer than would fit", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme", maxLength: 12 }), { size: "max", maxLength: 60 }),
        fc.nat(9),
        fc.integer({ min: 150, max: 400 }),
        fc.option(fc.dictionary(fc.string({ maxLength: 3 }), fc.nat(), { maxKeys: 3 }), { nil: undefined }),
        async (items, MaxItemsPerBatch, MaxInputBytesPerBatch, BatchInput) => {
          const batcher = { MaxItemsPerBatch, MaxInputBytesPerBatch, ...(BatchInput && { BatchInput }) };
          const inputs = await batched(items, batcher, strand);
          const lists = inputs.map(({ input }) => (input as { Items: string[] }).Items);
          expect(lists.flat()).toEqual(items);
          const most = MaxItemsPerBatch || Number.POSITIVE_INFINITY;
          const fits = (list: readonly string[]) =>
            list.length <= most && sizeOf({ ...(BatchInput && { BatchInput }), Items: list }) <= MaxInputBytesPerBatch;
          expect(lists.every((list) => list.length > 0 && fits(list))).toBe(true);
          for (const [at, list] of lists.slice(1).entries())
            expect(fits([...(lists[at] ?? []), list[0] ?? ""])).toBe(false);
          expect(inputs.map(({ itemCount }) => itemCount)).toEqual(lists.map((list) => list.length));
        },
      ),
    );
  });

  it("refuse an item that fits into none", async () => {
    await expect(batched(["x".repeat(100)], { MaxInputBytesPerBatch: 100 }, strand)).rejects.toMatchObject({
      error: "States.DataLimitExceeded",
    });
  });
});

describe("a ResultWriter (G8)", () => {
  const ResultWriter = { Resource: "arn:aws:states:::s3:putObject", Arguments: { Bucket: "lake", Prefix: "out/run" } };
  const open = (more: object, bad: Set<unknown>, type = "STANDARD") => {
    const work = (payload: unknown) => {
      if (bad.has(payload)) throw Object.assign(new Error("broken"), { name: "Broken" });
      return [payload, `${String(payload)}!`];
    };
    return openBench(each({ ResultWriter, ...more }, call, type), { work });
  };

  it("writes outputs by status and a manifest, and gives its place", async () => {
    const bench = await open({ ToleratedFailureCount: 1 }, new Set(["b"]));
    const { arn, output } = await bench.run(["a", "b", "c"]);
    const { mapRuns } = await bench.client.send(new ListMapRunsCommand({ executionArn: arn }));
    const mapRunArn = String(mapRuns?.[0]?.mapRunArn);
    const folder = `out/run/${mapRunArn.split(":").at(-1)}`;
    expect(output).toEqual({
      MapRunArn: mapRunArn,
      ResultWriterDetails: { Bucket: "lake", Key: `${folder}/manifest.json` },
    });
    const succeeded = (await bench.object(`${folder}/SUCCEEDED_0.json`)) as object[];
    const failed = (await bench.object(`${folder}/FAILED_0.json`)) as object[];
    expect(succeeded).toMatchObject([
      {
        Status: "SUCCEEDED",
        Input: '"a"',
        Output: '["a","a!"]',
        OutputDetails: { Included: true },
        RedriveStatus: "NOT_REDRIVABLE",
      },
      { Status: "SUCCEEDED", Input: '"c"', StartDate: new Date(startMs).toISOString() },
    ]);
    expect(failed).toMatchObject([
      { Status: "FAILED", Input: '"b"', Error: "Broken", RedriveStatus: "REDRIVABLE_BY_MAP_RUN" },
    ]);
    const size = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
    expect(await bench.object(`${folder}/manifest.json`)).toEqual({
      DestinationBucket: "lake",
      MapRunArn: mapRunArn,
      ResultFiles: {
        FAILED: [{ Key: `${folder}/FAILED_0.json`, Size: size(failed) }],
        PENDING: [],
        SUCCEEDED: [{ Key: `${folder}/SUCCEEDED_0.json`, Size: size(succeeded) }],
      },
    });
    const run = await bench.client.send(new DescribeMapRunCommand({ mapRunArn }));
    expect(run.executionCounts).toMatchObject({ resultsWritten: 3 });
  });

  it.each([
    [
      { Transformation: "COMPACT" },
      [
        ["a", "a!"],
        ["b", "b!"],
      ],
    ],
    [{ Transformation: "FLATTEN" }, ["a", "a!", "b", "b!"]],
  ])("writes outputs alone with %j", async (WriterConfig, written) => {
    const bench = await open({ ResultWriter: { ...ResultWriter, WriterConfig } }, new Set());
    await bench.run(["a", "b"]);
    const key = (await bench.keys()).find((one) => one.endsWith("SUCCEEDED_0.json")) ?? "";
    expect(await bench.object(key)).toEqual(written);
  });

  it("writes also what a failed run has; its redrive writes what it ran beside that, and names both", async () => {
    const bad = new Set<unknown>(["b"]);
    const bench = await open({ MaxConcurrency: 1 }, bad);
    const { arn, status } = await bench.run(["a", "b", "c"]);
    expect(status).toBe("FAILED");
    const names = (keys: readonly string[]) => keys.map((key) => key.split("/").slice(3).join("/"));
    expect(names(await bench.keys())).toEqual(["FAILED_0.json", "PENDING_0.json", "SUCCEEDED_0.json", "manifest.json"]);
    bad.clear();
    await bench.client.send(new RedriveExecutionCommand({ executionArn: arn }));
    await bench.clock.advanceTo(bench.clock.now() + 1000);
    const { Key } = ((await bench.describe(arn)).output as { ResultWriterDetails: { Key: string } })
      .ResultWriterDetails;
    const { ResultFiles: files } = (await bench.object(Key)) as { ResultFiles: Record<string, { Key: string }[]> };
    expect(names((files.SUCCEEDED ?? []).map((file) => file.Key))).toEqual([
      "SUCCEEDED_0.json",
      "Redrive-1/SUCCEEDED_0.json",
    ]);
    const again = (await bench.object(files.SUCCEEDED?.[1]?.Key ?? "")) as { Input: string }[];
    expect(again.map(({ Input }) => Input)).toEqual(['"b"', '"c"']);
  });

  it("that may not write fails the state", async () => {
    const template = templateOf(
      definitionOf(each({ ResultWriter })),
      '[{ Effect: Allow, Action: "states:*", Resource: "*" }]',
    );
    const bench = await openBench({ States: {} }, {}, template);
    expect(await bench.output(["a"])).toMatchObject({
      error: "States.ResultWriterFailed",
      cause: expect.stringContaining("s3:PutObject"),
    });
  });
});
