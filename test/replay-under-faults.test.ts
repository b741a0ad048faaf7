/**
 * The laws of replay while things go wrong: whatever one sink has lost is brought back equal to what it was by its replay, while functions die before
 * and after their answers, tables and deliveries refuse, answers get lost, and traffic goes on. Two runs of the same records: one on
 * which nothing befalls, and one with the losses, the faults, and the repairs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AttributeValue, DeleteItemCommand, DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import {
  dynamoMetricsStore,
  REPLAY_SOURCES,
  REPLAY_TARGETS,
  type ReplayRequest,
  ReplayRequestError,
  readReplayRequest,
} from "@millrace/aws";
import { compile, compileMetrics } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { NO_DAILY_RECONCILIATION, reconcileDay } from "../cli/start/reconcile-day.ts";
import { featuresOf, readTable } from "../cli/start/table.ts";
import type { FaultRates } from "../local/faults/catalogue.ts";
import type { SourceEdit } from "../local/lambda/source-edits.ts";
import { type Runtime, type RuntimeOptions, startRuntime } from "../local/runtime.ts";
import { curatedRows, type LakeRow } from "./lake-rows.ts";
import { archivedLines, latestOf, type QuarantineRow, quarantineRows, recordsOf, replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";
import { shopDir } from "./shop.ts";
import { toldWindows } from "./told-windows.ts";

const EVENTS = 360;
const HOUR_MS = 3_600_000;
/** The day in eight parts, the first without repairs. The last of each is at rest, so that all settles that arrived. */
const PART_HOURS = 3;
const REST_HOURS = 1.5;
/** When the bugs of the first part are mended. */
const FIXED_MS = DAY_START_MS + PART_HOURS * HOUR_MS;
/** Of which metrics are looked at: each hour is a task of its own. */
const METRICS_HOURS = [5, 14] as const;
/** In which somebody comes again while replays go onto what is whole. */
const VISITED_HOURS = [25, 31] as const;
const pipeline = compile(features, eventSchema);
const metrics = compileMetrics(definitions, pipeline);
const folder = mkdtempSync(join(tmpdir(), "millrace-replay-faults-"));

/** So rare that no transform fails four times: what Firehose gives up then is missing in the lake, as on AWS. */
const FAULTS: FaultRates = {
  ...{ crash: 0.04, throttle: 0.05, torn: 0.05, redeliver: 0.1 },
  ...{ "table-throttle": 0.02, "table-partial": 0.05, "table-lost-reply": 0.03, "table-conflict": 0.03 },
  ...{ "put-partial": 0.3, "put-fail": 0.1, "put-lost-reply": 0.1 },
};
/** What repairs are made of. Each dies of its first answers, a plan also between its claim and the note that it holds, and some of its requests to S3 and Kinesis are refused, at times until it gives up. */
const REPAIRS = ["PlanReplay", "ReplayRecords", "GatherTail", "Recompute", "FinalizeMetrics", "ReportReplay"];
const REFUSED = [1, 5, 6, 7, 8, 20, 30, 31, 32, 33];

/** Until they are mended: update-features fails on some records, and Lambda gives them up; decode refuses others; the transform refuses all that these had, and more. */
const BUGS: readonly SourceEdit[] = [
  {
    file: "functions/update-features/update-features.ts",
    from: "const records = fromKinesis(batch);",
    to: `const records = fromKinesis(batch); if (records.some(({ arrivalMs }) => arrivalMs % 9 === 0 && arrivalMs < ${FIXED_MS})) throw new Error("bug");`,
  },
  {
    file: "layers/engine/decode.ts",
    from: "if (-aheadMs > pipeline.allowedLatenessMs) {",
    to: `if (-aheadMs > pipeline.allowedLatenessMs || (Date.now() < ${FIXED_MS} && record.arrivalMs % 4 === 0)) {`,
  },
  {
    file: "functions/flatten-events/flatten-events.ts",
    from: "const partitionKeys = toPartitionKeys(deps.pipeline.schema, row.timeMs, row.row);",
    to: `const partitionKeys = toPartitionKeys(deps.pipeline.schema, row.timeMs, row.row);
      if (Date.now() < ${FIXED_MS} && (record.arrivalMs % 9 === 0 || record.arrivalMs % 7 === 0)) return { kind: "failed", recordId };`,
  },
];

/** So that a view's rows are unloaded in two parts, which otherwise begin at fifty million rows. */
const NARROW: SourceEdit = {
  file: "layers/lake/bucket.ts",
  from: "BUCKETS_OF_A_QUERY = 100",
  to: "BUCKETS_OF_A_QUERY = 16",
};

let healthy: Run;
let broken: Run;

describe("under faults and with traffic going on", { timeout: 300_000 }, () => {
  it("the rows of a batch that was given up come into the lake out of what Lambda left of it", async () => {
    expect(await broken.failedBatches()).toBeGreaterThan(0);
    const lacking = (await lackingPositions(1)).filter(({ arrivalMs }) => arrivalMs % 9 === 0);
    expect(lacking.length).toBeGreaterThan(0);
    const { counts } = await repaired(1, { source: "failed", target: "curated" });
    expect(counts.sent).toBeGreaterThanOrEqual(lacking.length);
    expect((await lackingPositions(1)).filter(({ arrivalMs }) => arrivalMs % 9 === 0)).toEqual([]);
  });

  it("and what Firehose refused, out of its errors", async () => {
    const lacking = await lackingPositions(1);
    expect(lacking.length).toBeGreaterThan(0);
    const { counts } = await repaired(2, { source: "errors", target: "curated" });
    expect(counts.sent).toBeGreaterThanOrEqual(lacking.length);
    expect(await lackingPositions(3)).toEqual([]);
  });

  it("a batch that was given up, with later ones applied, is repaired exactly, and what was refused by mistake is applied once, at the same time", async () => {
    expect(await broken.features()).not.toEqual(await healthy.features());
    const refused = new Set((await quarantineRows(healthy.runtime)).map(nameOf));
    const before = latestOf(await quarantineRows(broken.runtime));
    const mistaken = before.filter((row) => !refused.has(nameOf(row)));
    expect(mistaken.length).toBeGreaterThan(0);
    const recover = { source: "quarantine", target: "features" } as const;
    const { counts } = await repaired(3, recover, { source: "failed", target: "features" });
    expect(counts).toMatchObject({ recovered: mistaken.length, returned: before.length - mistaken.length });
    expect(await broken.features()).toEqual(await healthy.features());
    // The others are back with today's reason, which is the one that they had, and an attempt more.
    const after = new Map(latestOf(await quarantineRows(broken.runtime)).map((row) => [placeOf(row), row]));
    for (const row of before) {
      const reason = refused.has(nameOf(row)) ? row.reason : "recovered";
      expect(after.get(placeOf(row))).toMatchObject({ reason, attempt: Number(row.attempt) + 1 });
    }
  });

  it("the partitions of the lake, all deleted, come back row for row, and consumers of a stream of their own get every record", async () => {
    const archived = new Set(await archivedLines(broken.runtime));
    await broken.deleteLake();
    await repaired(4, { source: "archive", target: "curated" }, { source: "archive", target: "replay-stream" });
    expect((await broken.lake()).length).toBe((await healthy.lake()).length);
    expect(await broken.lake()).toEqual(await healthy.lake());
    const given = await recordsOf(broken.runtime, "ReplayEventStream");
    expect(new Set(given.map(({ text }) => text))).toEqual(archived);
  });

  it("a features table that was dropped comes back", async () => {
    await broken.drop("FeaturesTable");
    await repaired(5, { source: "archive", target: "features", raise: "latest" });
    expect(await broken.features()).toEqual(await healthy.features());
  });

  it("metrics that are gone come back, all of them and the ledger, and the day adds up", async () => {
    const range = { source: "archive", target: "metrics", ...MADE_FINAL } as const;
    await healthy.replays.run(range);
    await broken.drop("MetricsTable");
    await repaired(6, range);
    expect(await broken.metrics()).toEqual(await healthy.metrics());
    expect(await broken.reconciled()).toEqual([]);
  });

  it("features and the lake, both gone, come back from the stream", async () => {
    await broken.deleteLake();
    await broken.drop("FeaturesTable");
    await repaired(7, { source: "stream", target: "features", from: iso(0) });
    expect(await broken.features()).toEqual(await healthy.features());
    expect(await broken.lake()).toEqual(await healthy.lake());
  });

  it.each(["once", "again"])(
    "what is whole stays as it is when every source is replayed into every target at one time, %s",
    async (name) => {
      expect(allowed.length).toBeGreaterThan(12);
      const visits = name === "once" ? 0 : 1;
      await replayed(
        atVisits(visits),
        (run) => visit(run.runtime, visits),
        ...allowed.map((pair) => ({ from: iso(0), ...pair, name })),
      );
      const asOfMs = broken.runtime.clock.now();
      expect(await broken.features(asOfMs)).toEqual(await healthy.features(asOfMs));
      expect(await broken.metrics()).toEqual(await healthy.metrics());
      expect(await broken.metrics(VISITED_HOURS)).toEqual(await healthy.metrics(VISITED_HOURS));
      expect(await broken.events()).toEqual(await healthy.events());
    },
  );

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
}, 300_000);

afterAll(async () => {
  for (const run of [healthy, broken]) await run?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the repairs at the end of a part, and lets the next part's traffic go on meanwhile. What the first came to. */
function repaired(part: number, ...requests: readonly Partial<ReplayRequest>[]) {
  return replayed(DAY_START_MS + part * PART_HOURS * HOUR_MS, (run) => run.feed(part), ...requests);
}

async function replayed(
  startMs: number,
  traffic: (run: Run) => Promise<void>,
  ...requests: readonly Partial<ReplayRequest>[]
) {
  if (broken.runtime.clock.now() < startMs) await broken.runtime.advanceTo(startMs);
  const started: string[] = [];
  for (const request of requests) started.push(await broken.replays.start(request));
  for (const run of [broken, healthy]) await traffic(run);
  const outputs: Awaited<ReturnType<typeof broken.replays.end>>["output"][] = [];
  for (const arn of started) {
    const { cause, output } = await broken.replays.end(arn);
    expect([requests[outputs.length], cause]).toEqual([requests[outputs.length], undefined]);
    expect(output.kind).toBe("done");
    outputs.push(output);
  }
  await broken.runtime.drain();
  // So the next part's records arrive when they should.
  expect(broken.runtime.clock.now()).toBeLessThan(startMs + PART_HOURS * HOUR_MS);
  return outputs[0];
}

/** Of the first `parts` parts, what the lake of the healthy run has and the broken one's lacks. */
async function lackingPositions(parts: number) {
  const endMs = DAY_START_MS + parts * PART_HOURS * HOUR_MS;
  const held = new Set((await broken.lake()).map(rowPlace));
  return (await healthy.lake())
    .map((row) => ({ place: rowPlace(row), arrivalMs: Date.parse(`${String(row._arrival).replace(" ", "T")}Z`) }))
    .filter(({ place, arrivalMs }) => arrivalMs < endMs && !held.has(place));
}

const rowPlace = ({ _shard, _sequence, _subsequence }: LakeRow) => `${_shard} ${_sequence} ${_subsequence}`;
const placeOf = (row: QuarantineRow) => `${row.shard} ${row.sequence} ${row.subSequence} ${row.stage} ${row.view}`;
const nameOf = (row: QuarantineRow) => `${placeOf(row)} ${row.reason}`;

/** Windows of metrics that both runs have made anew, before all of that. */
const MADE_FINAL = { from: iso(METRICS_HOURS[0]), to: iso(METRICS_HOURS[1]) };

/** Every source with each target that it may have, as whoever asks is told. */
const allowed = REPLAY_SOURCES.flatMap((source) =>
  REPLAY_TARGETS.map((target) => ({ source, target, ...(target === "metrics" && MADE_FINAL) })),
).filter((pair) => isAllowed({ from: iso(0), to: iso(24), ...pair }));

function isAllowed(request: object): boolean {
  try {
    readReplayRequest(request);
    return true;
  } catch (error) {
    if (error instanceof ReplayRequestError) return false;
    throw error;
  }
}

function iso(hour: number): string {
  return new Date(DAY_START_MS + hour * HOUR_MS).toISOString();
}

/** After the day. */
function atVisits(number: number): number {
  return DAY_START_MS + (VISITED_HOURS[0] + number * PART_HOURS) * HOUR_MS;
}

/** For an hour somebody looks at things, and buys some. */
async function visit(runtime: Runtime, number: number): Promise<void> {
  for (let i = 1; i <= 12; i++) {
    const at = atVisits(number) + i * 300_000;
    if (at > runtime.clock.now()) await runtime.advanceTo(at);
    const [user_id, event_type] = [`visitor-${i % 3}`, i % 4 === 0 ? "purchase" : "view_item"];
    const event = { event_id: `visit-${at}`, event_time: at, event_type, user_id, item_id: `item-${i % 2}`, amount: i };
    runtime.stream("EventStream").put({ partitionKey: user_id, data: Buffer.from(JSON.stringify(event)) });
  }
  await runtime.drain();
}

type Run = Awaited<ReturnType<typeof open>>;

type Options = Pick<RuntimeOptions, "faults" | "edits" | "seed" | "kill" | "slowDown"> & {
  readonly refused?: () => readonly string[];
};

function whatBefalls(): Options {
  const asked = new Map<string, number>();
  const refused = new Set<string>();
  return {
    ...{ faults: FAULTS, edits: [...BUGS, NARROW], seed: 3 },
    kill: ({ functionId, phase, invocation }) =>
      REPAIRS.includes(functionId) &&
      invocation < 3 &&
      (phase === "answer" || (functionId === "PlanReplay" && invocation === 1)),
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
    ReplayStream: "true",
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
    async features(asOfMs = DAY_START_MS + 24 * HOUR_MS) {
      const table = await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable"));
      return table.map((entity) => featuresOf(pipeline, entity, asOfMs));
    },
    events: async () => (await curatedRows(join(outDir, lakeBucket))).events,
    lake: async () => (await curatedRows(join(outDir, lakeBucket))).newest,
    async metrics(hours: readonly [number, number] = METRICS_HOURS) {
      const table = runtime.physicalId("MetricsTable");
      const store = dynamoMetricsStore({ client, table, keepMs: () => 0, now: () => 0 });
      const [fromMs, toMs] = hours.map((hour) => DAY_START_MS + hour * HOUR_MS) as [number, number];
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
