import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aggregate,
  answered,
  LARGE_BUFFER,
  lambda,
  parquet,
  type Stack,
  startStack,
  type TransformRequest,
} from "./local-firehose.ts";

/** Ends that a record can have, drawn by its own id, so that no batch boundary can change it. */
const FATES = [
  "ok",
  "ok",
  "ok",
  "ok",
  "dropped",
  "failed",
  "missing",
  "doubled",
  "empty",
  "keyless",
  "unconvertible",
] as const;

describe("a local delivery stream", () => {
  it("ends every source record exactly once in an object, in an error object or dropped", async () => {
    await fc.assert(
      fc.asyncProperty(runs(), async (run) => {
        const { stack, put, dropped } = await play(run);
        const ends = [...dropped, ...(await delivered(stack, run.parquet)), ...failed(stack)];
        expect(ends.sort()).toEqual([...put].sort());

        const stats = stack.delivery.stats();
        expect(stats.received).toBe(put.length);
        expect(stats.delivered + stats.dropped + stats.failed).toBe(stats.received);
        expect(stats.dropped).toBe(dropped.length);
        expect(Object.values(stats.failedByCode).reduce((sum, count) => sum + count, 0)).toBe(stats.failed);
        expect(stats.objects + stats.errorObjects).toBe(stack.objects.stored.size);
        expect(stack.delivery.idle()).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("writes the same keys and the same bytes for the same input and seed", async () => {
    await fc.assert(
      fc.asyncProperty(runs(), async (run) => {
        const [one, two] = [await play(run), await play(run)];
        expect([...two.stack.objects.stored]).toEqual([...one.stack.objects.stored]);
      }),
      { numRuns: 12 },
    );
  });
});

type Step =
  | { readonly kind: "put"; readonly key: string; readonly sizeBytes: number }
  | { readonly kind: "aggregate"; readonly count: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "split" }
  | { readonly kind: "flush" };

interface Run {
  readonly parquet: boolean;
  readonly steps: readonly Step[];
  readonly shardCount: number;
  readonly bufferMB: number;
  /** Every n-th invocation fails; 0: none. */
  readonly failEvery: number;
  readonly retries: number;
}

function runs(): fc.Arbitrary<Run> {
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant("put" as const),
        key: fc.string({ minLength: 1, maxLength: 4 }),
        sizeBytes: sizes(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("aggregate" as const), count: fc.integer({ min: 1, max: 20 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 200_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("split" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
  );
  return fc.record({
    parquet: fc.boolean(),
    steps: fc.array(step, { maxLength: 60 }),
    shardCount: fc.integer({ min: 1, max: 3 }),
    bufferMB: fc.constantFrom(0.2, 1, 3),
    failEvery: fc.constantFrom(0, 0, 2, 3),
    retries: fc.integer({ min: 0, max: 2 }),
  });
}

/** Mostly small, now and then one that fills a transform buffer alone. */
function sizes(): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: 3000 }) },
    { weight: 1, arbitrary: fc.constantFrom(150_000, 250_000, 900_000) },
  );
}

async function play(run: Run) {
  const put: string[] = [];
  const dropped: string[] = [];
  const stack = startStack({
    destination: destination(run),
    columns: [
      { name: "id", type: "string" },
      { name: "n", type: "int" },
    ],
    shardCount: run.shardCount,
    answer: (request, invocation) => {
      if (run.failEvery > 0 && invocation % run.failEvery === 0)
        return { kind: "error", errorType: "Error", errorMessage: "down", durationMs: 5 };
      return answered(request.records.flatMap((record) => answerFor(record, dropped)));
    },
  });
  const newRecord = (sizeBytes: number): string => {
    const id = `record-${put.length}`;
    put.push(id);
    return JSON.stringify({ id, n: fateOf(id) === "unconvertible" ? "oops" : 1, padding: "x".repeat(sizeBytes) });
  };
  for (const step of run.steps) await take(stack, step, newRecord);
  await stack.delivery.flush();
  return { stack, put, dropped };
}

async function take(
  { clock, stream, delivery }: Stack,
  step: Step,
  newRecord: (sizeBytes: number) => string,
): Promise<void> {
  if (step.kind === "wait") await clock.advanceTo(clock.now() + step.ms);
  if (step.kind === "flush") await delivery.flush();
  if (step.kind === "put") stream.put({ partitionKey: step.key, data: Buffer.from(newRecord(step.sizeBytes)) });
  if (step.kind === "aggregate") {
    const inner = Array.from({ length: step.count }, (_, at): [string, string] => [
      `key-${at % 3}`,
      newRecord(at * 10),
    ]);
    stream.put({ partitionKey: "outer", data: aggregate(inner) });
  }
  if (step.kind === "split") {
    const open = stream.shards().find(({ closed }) => !closed);
    if (open) stream.split(open.id, (open.hashRange.start + open.hashRange.end) / 2n);
  }
}

function answerFor({ recordId, data }: TransformRequest["records"][number], dropped: string[]): object[] {
  const text = Buffer.from(data, "base64").toString();
  const id = JSON.parse(text).id as string;
  const fate = fateOf(id);
  const ok = {
    recordId,
    result: "Ok",
    data,
    metadata: { partitionKeys: fate === "keyless" ? {} : { p: `p${id.length % 3}` } },
  };
  if (fate === "missing") return [];
  if (fate === "doubled") return [ok, ok];
  if (fate === "failed") return [{ recordId, result: "ProcessingFailed", data }];
  if (fate === "empty") return [{ ...ok, data: null }];
  if (fate !== "dropped") return [ok];
  dropped.push(id);
  return [{ recordId, result: "Dropped", data }];
}

function fateOf(id: string): (typeof FATES)[number] {
  return FATES[createHash("sha256").update(id).digest().readUInt32BE() % FATES.length] ?? "ok";
}

function destination({ parquet: asParquet, bufferMB, retries }: Run) {
  const { Processors } = lambda({ BufferSizeInMBs: String(bufferMB), NumberOfRetries: String(retries) });
  const append = {
    Type: "AppendDelimiterToRecord",
    Parameters: [{ ParameterName: "Delimiter", ParameterValue: "\\n" }],
  };
  const common = {
    ErrorOutputPrefix: "errors/!{firehose:error-output-type}/",
    ProcessingConfiguration: { Enabled: true, Processors: [...Processors, append] },
  };
  if (!asParquet)
    return {
      ...common,
      Prefix: "good/!{timestamp:yyyy}/",
      CompressionFormat: "GZIP",
      BufferingHints: { SizeInMBs: 1, IntervalInSeconds: 60 },
    };
  return {
    ...common,
    Prefix: "good/p=!{partitionKeyFromLambda:p}/",
    BufferingHints: LARGE_BUFFER,
    DynamicPartitioningConfiguration: { Enabled: true },
    DataFormatConversionConfiguration: parquet(),
  };
}

let folder = "";
let files = 0;
let connection: Awaited<ReturnType<DuckDBInstance["connect"]>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "conservation-"));
  connection = await (await DuckDBInstance.create(":memory:")).connect();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function delivered({ objects }: Stack, asParquet: boolean): Promise<string[]> {
  const ids: string[] = [];
  for (const key of objects.keys("good/")) {
    const body = objects.stored.get(key)?.body ?? Buffer.alloc(0);
    if (asParquet) ids.push(...(await idsInParquet(body)));
    else
      ids.push(
        ...gunzipSync(body)
          .toString()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).id as string),
      );
  }
  return ids;
}

async function idsInParquet(body: Buffer): Promise<string[]> {
  const file = join(folder, `${files++}.parquet`);
  writeFileSync(file, body);
  return (await connection.runAndReadAll(`SELECT id FROM '${file}'`)).getRows().map(([id]) => String(id));
}

function failed({ objects }: Stack): string[] {
  return objects.keys("errors/").flatMap((key) =>
    objects
      .text(key)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(Buffer.from(JSON.parse(line).rawData, "base64").toString()).id as string),
  );
}
