/**
 * The laws of replay while things go wrong: whatever one sink has lost is brought back equal to what it was by its replay, while functions die before
 * and after their answers, tables and deliveries refuse, answers get lost, and traffic goes on. Two runs of the same records: one on
 * which nothing befalls, and one with the losses, the faults, and the repairs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AttributeValue, DeleteItemCommand, DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { dynamoMetricsStore, type ReplayRequest } from "@millrace/aws";
import { compile, compileMetrics } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { NO_DAILY_RECONCILIATION, reconcileDay } from "../cli/start/reconcile-day.ts";
import { featuresOf, readTable } from "../cli/start/table.ts";
import type { FaultRates } from "../local/faults/catalogue.ts";
import type { SourceEdit } from "../local/lambda/source-edits.ts";
import { type Runtime, type RuntimeOptions, startRuntime } from "../local/runtime.ts";
import { curatedRows } from "./lake-rows.ts";
import { replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";
import { shopDir } from "./shop.ts";
import { toldWindows } from "./told-windows.ts";

const EVENTS = 300;
const HOUR_MS = 3_600_000;
/** The day in five parts, the first without repairs. The last hours of each are at rest, so that all settles that arrived. */
const PART_HOURS = 5;
const REST_HOURS = 2;
/** Of which metrics are looked at: each hour is a task of its own. */
const METRICS_HOURS = [5, 14] as const;
const pipeline = compile(features, eventSchema);
const metrics = compileMetrics(definitions, pipeline);
const folder = mkdtempSync(join(tmpdir(), "millrace-replay-faults-"));
const iso = (hour: number) => new Date(DAY_START_MS + hour * HOUR_MS).toISOString();

/** So rare that no transform fails four times: what Firehose gives up then is missing in the lake, as on AWS. */
const FAULTS: FaultRates = {
  ...{ crash: 0.04, throttle: 0.05, torn: 0.05, redeliver: 0.1 },
  ...{ "table-throttle": 0.02, "table-partial": 0.05, "table-lost-reply": 0.03, "table-conflict": 0.03 },
  ...{ "put-partial": 0.3, "put-fail": 0.1, "put-lost-reply": 0.1 },
};
/** What repairs are made of. Each dies of its first answers, and some of its requests to S3 and Kinesis are refused, at times until it gives up. */
const REPAIRS = ["PlanReplay", "ReplayRecords", "GatherTail", "Recompute", "FinalizeMetrics", "ReportReplay"];
const REFUSED = [2, 5, 6, 7, 8, 20, 30, 31, 32, 33];

/** For most of the first part update-features fails on some records, and Lambda gives them up. */
const BUG: SourceEdit = {
  file: "functions/update-features/update-features.ts",
  from: "const records = fromKinesis(batch);",
  to: `const records = fromKinesis(batch); if (records.some(({ arrivalMs }) => arrivalMs % 9 === 0 && arrivalMs < ${DAY_START_MS + 4 * HOUR_MS})) throw new Error("bug");`,
};

let healthy: Run;
let broken: Run;

describe("under faults and with traffic going on", { timeout: 200_000 }, () => {
  it("a batch that was given up, with later ones applied, is repaired exactly", async () => {
    expect(await broken.failedBatches()).toBeGreaterThan(0);
    expect(await broken.features()).not.toEqual(await healthy.features());
    await repaired(1, { source: "failed", target: "features" });
    expect(await broken.features()).toEqual(await healthy.features());
  });

  it("the partitions of the lake, all deleted, come back row for row", async () => {
    await broken.deleteLake();
    await repaired(2, { source: "archive", target: "curated" });
    expect((await broken.lake()).length).toBe((await healthy.lake()).length);
    expect(await broken.lake()).toEqual(await healthy.lake());
  });

  it("a features table that was dropped comes back", async () => {
    await broken.drop("FeaturesTable");
    await repaired(3, { source: "archive", target: "features", raise: "latest" });
    expect(await broken.features()).toEqual(await healthy.features());
  });

  it("metrics that are gone come back, all of them and the ledger, and the day adds up", async () => {
    const [from, to] = METRICS_HOURS;
    const range = { source: "archive", target: "metrics", from: iso(from), to: iso(to) } as const;
    await healthy.replays.run(range);
    await broken.drop("MetricsTable");
    await repaired(4, range);
    expect(await broken.metrics()).toEqual(await healthy.metrics());
    expect(await broken.reconciled()).toEqual([]);
  });

  it("features and the lake, both gone, come back from the stream", async () => {
    await broken.deleteLake();
    await broken.drop("FeaturesTable");
    const { cause } = await broken.replays.run({ source: "stream", target: "features", from: iso(0) });
    expect(cause).toBeUndefined();
    await broken.runtime.drain();
    expect(await broken.features()).toEqual(await healthy.features());
    expect(await broken.lake()).toEqual(await healthy.lake());
  });

  it("which each function of the repairs has met", () => {
    const { faults, functions } = broken.runtime.stats();
    // Of few requests one kind or another meets none, by chance.
    expect(Object.keys(faults).length).toBeGreaterThan(Object.keys(FAULTS).length - 4);
    for (const name of REPAIRS) expect([name, Number(functions[name]?.kills) > 0]).toEqual([name, true]);
    expect(broken.refused()).toEqual(
      expect.arrayContaining([
        ...["PlanReplay s3 ListObjectsV2", "ReplayRecords s3 GetObject", "GatherTail kinesis GetRecords"],
        ...["ReplayRecords kinesis GetShardIterator", "ReplayRecords kinesis GetRecords"],
        ...["FinalizeMetrics s3 GetObject", "ReportReplay s3 PutObject"],
      ]),
    );
  });
});

beforeAll(async () => {
  [healthy, broken] = [await open("healthy", {}), await open("broken", whatBefalls())];
  for (const run of [healthy, broken]) await run.feed(0);
}, 200_000);

afterAll(async () => {
  for (const run of [healthy, broken]) await run?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the repair at the end of a part, and lets the next part's traffic go on meanwhile. */
async function repaired(part: number, request: Partial<ReplayRequest>): Promise<void> {
  const arn = await broken.replays.start(request);
  for (const run of [broken, healthy]) await run.feed(part);
  const { cause, output } = await broken.replays.end(arn);
  expect(cause).toBeUndefined();
  expect(output.kind).toBe("done");
  await broken.runtime.drain();
  // So the next part's records arrive when they should.
  expect(broken.runtime.clock.now()).toBeLessThan(DAY_START_MS + (part + 1) * PART_HOURS * HOUR_MS);
}

type Run = Awaited<ReturnType<typeof open>>;

type Options = Pick<RuntimeOptions, "faults" | "edits" | "seed" | "kill" | "slowDown"> & {
  readonly refused?: () => readonly string[];
};

function whatBefalls(): Options {
  const asked = new Map<string, number>();
  const refused = new Set<string>();
  return {
    ...{ faults: FAULTS, edits: [BUG], seed: 3 },
    kill: ({ functionId, phase, invocation }) => REPAIRS.includes(functionId) && phase === "answer" && invocation < 3,
    slowDown({ caller, service, operation }) {
      const [functionId = ""] = caller.split("-");
      if (!REPAIRS.includes(functionId)) return false;
      const name = `${functionId} ${service} ${operation}`;
      const count = (asked.get(name) ?? 0) + 1;
      asked.set(name, count);
      if (REFUSED.includes(count)) refused.add(name);
      return REFUSED.includes(count);
    },
    refused: () => [...refused].toSorted(),
  };
}

async function open(name: string, { refused = () => [], ...options }: Options) {
  const slow = { BatchingWindowSeconds: "300", MetricsBatchingWindowSeconds: "300", MetricsWindowSeconds: "900" };
  const parameters = {
    StreamMode: "PROVISIONED",
    ShardCount: "2",
    ...slow,
    MaximumRetryAttempts: "3",
    ...NO_DAILY_RECONCILIATION,
  };
  const outDir = join(folder, name);
  const project = await readProject({ definitionsDir: shopDir, parameters, out: { name: "", path: "" } });
  const clock = { kind: "virtual", startMs: DAY_START_MS } as const;
  const runtime = await startRuntime({ ...project, outDir, clock, ...options });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const replays = replaysOf(runtime);
  const lakeBucket = runtime.physicalId("LakeBucket");
  return {
    ...{ runtime, replays },
    feed: (part: number) => feed(runtime, part),
    async features() {
      const table = await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable"));
      return table.map((entity) => featuresOf(pipeline, entity, DAY_START_MS + 24 * HOUR_MS));
    },
    lake: async () => (await curatedRows(join(outDir, lakeBucket))).newest,
    async metrics() {
      const table = runtime.physicalId("MetricsTable");
      const store = dynamoMetricsStore({ client, table, keepMs: () => 0, now: () => 0 });
      const [fromMs, toMs] = METRICS_HOURS.map((hour) => DAY_START_MS + hour * HOUR_MS) as [number, number];
      return Promise.all(
        metrics.metrics.map(async ({ name }) => toldWindows(metrics, name, await store.rows(name, fromMs, toMs))),
      );
    },
    /** What a reconciliation of these hours finds of records and metrics; items are compared one by one above. */
    async reconciled() {
      const [from, to] = METRICS_HOURS;
      const range = { firstMs: DAY_START_MS + from * HOUR_MS, lastMs: DAY_START_MS + to * HOUR_MS - 1 };
      const { holds, findings } = await reconcileDay(runtime, range, "", { samplePerMille: 0, wholeHistory: false });
      const told = findings.map(({ check, weight, says }) => `${weight} of ${check}: ${says}`);
      return holds ? told : ["it does not hold", ...told];
    },
    failedBatches: async () => (await runtime.objects.keys(runtime.physicalId("FailedBucket"), "")).length,
    async deleteLake() {
      for (const key of await runtime.objects.keys(lakeBucket, "curated/"))
        await runtime.objects.delete(lakeBucket, key);
    },
    async drop(table: string) {
      const TableName = runtime.physicalId(table);
      for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
        for (const { pk, sk, lane } of Items) {
          const rest = lane === undefined ? { sk } : { lane };
          const Key = { pk, ...rest } as Record<string, AttributeValue>;
          await client.send(new DeleteItemCommand({ TableName, Key }));
        }
      }
    },
    refused,
    async close() {
      replays.close();
      client.destroy();
      await runtime.stop();
    },
  };
}

async function feed(runtime: Runtime, part: number): Promise<void> {
  const endMs = DAY_START_MS + (part + 1) * PART_HOURS * HOUR_MS;
  for (const delivery of sampleDay({ eventCount: EVENTS, seed: 1, ...features })) {
    const { arrivalMs } = delivery;
    if (arrivalMs < endMs - PART_HOURS * HOUR_MS || arrivalMs >= endMs - REST_HOURS * HOUR_MS) continue;
    if (arrivalMs > runtime.clock.now()) await runtime.advanceTo(arrivalMs);
    runtime.stream("EventStream").put(delivery);
  }
  await runtime.drain();
}
