/** Metrics made anew by the machine of replays, on the local runtime: of a healthy day, of a table that is gone, of rows that are gone. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteItemCommand, DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { DuckDBInstance } from "@duckdb/node-api";
import { dynamoMetricsStore } from "@millrace/aws";
import { canBeFinal, compile, compileMetrics, type MetricWindow, type ReadableRow, readMetric } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { printEnd } from "../cli/replay/print.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { NO_DAILY_RECONCILIATION, reconcileDay } from "../cli/start/reconcile-day.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { type Replays, replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";
import { shopDir } from "./shop.ts";
import { toldWindows } from "./told-windows.ts";

const EVENTS = 500;
const WINDOW_SECONDS = 900;
const HOUR_MS = 3_600_000;
const OVER_MS = DAY_START_MS + 21 * HOUR_MS;
const metrics = compileMetrics(definitions, compile(features, eventSchema));
const range = { from: new Date(DAY_START_MS).toISOString(), to: new Date(OVER_MS).toISOString() };
const folder = mkdtempSync(join(tmpdir(), "millrace-replay-metrics-"));
let runtime: Runtime;
let replays: Replays;
let client: DynamoDBClient;
let later: () => Promise<void>;
let asCounted: Windows;
let asItShouldBe: Windows;
let asToldBefore: Windows;

describe("metrics", () => {
  it("of a healthy day are counted by a dry run, which says what would change, and changes nothing", async () => {
    asCounted = await windowsNow();
    const { output, cause } = await replays.run({ target: "metrics", ...range, dryRun: true }, "dry");
    expect(cause).toBeUndefined();
    expect(output).toMatchObject({
      kind: "dry run",
      chunks: 21,
      metrics: { restored: [], unarchived: 0 },
    });
    expect(output.metrics.rows).toBeGreaterThan(100);
    const printed = printEnd("dry", done(output));
    expect(printed).toMatch(/^dry: dry run\n.* {2}by_region +\d+ +\d+ +0 +\d+\n.* {2}by arrival +nothing was lost\n/s);
    expect(await windowsNow()).toEqual(asCounted);
  });

  it("of a healthy day change by the events that came too late and those that were counted again, and by nothing else", async () => {
    const { output } = await replays.run({ target: "metrics", ...range }, "healthy");
    asItShouldBe = await windowsNow();
    asToldBefore = await windowsTold();
    expect(eventsByMinute(asItShouldBe)).toEqual(await lakeByMinute());
    const [counted, is] = [asCounted, asItShouldBe].map(eventsIn) as [number, number];
    const { late, lost, again } = output.metrics.changes.find(
      ({ metric }: { metric: string }) => metric === "by_event_type",
    );
    expect({ lost, late, again }).toEqual({ lost: 0, late: expect.any(Number), again: expect.any(Number) });
    expect([late > 0, again > 0]).toEqual([true, true]);
    expect(is).toBe(counted + late - again);
    const before = new Set(eventsByMinute(asCounted));
    const changed = eventsByMinute(asItShouldBe).filter((minute) => !before.has(minute));
    expect(changed.length).toBeLessThanOrEqual(late + again);
    // What is not made of the lake, and what is not over, stays as it is.
    for (const [name, windows] of Object.entries(asItShouldBe))
      if (!final.has(name)) expect(windows).toEqual(asCounted[name]);
  });

  it("stay as they are when it is done again, under the same name or another", async () => {
    const again = await replays.run({ target: "metrics", ...range }, "same");
    expect(again.output).toEqual({ kind: "already", execution: "healthy", status: "SUCCEEDED" });
    const other = await replays.run({ target: "metrics", ...range, name: "other" }, "other");
    expect(other.output.metrics.changes).not.toEqual([]);
    expect(await windowsNow()).toEqual(asItShouldBe);
  });

  it("come back equal after the loss of the table, while events come in, but for how long each had waited", async () => {
    await dropRows(() => true);
    const arn = await replays.startPaused({ target: "metrics", ...range, name: "lost", recordsPerSecond: 2 }, "lost");
    await later();
    await runtime.advanceTo(runtime.clock.now() + HOUR_MS);
    expect((await rowsOf("by_event_type", DAY_START_MS, OVER_MS)).filter((row) => row.final)).toEqual([]);
    await replays.say("lost", { paused: false });
    const resumedMs = runtime.clock.now();
    const { output, cause } = await replays.end(arn);
    expect(cause).toBeUndefined();
    const lost = output.metrics.changes.find(({ metric }: { metric: string }) => metric === "by_event_type");
    expect(lost.lost).toBe(lost.events - lost.late);
    expect((1000 * output.metrics.events) / (Date.parse(output.endedAt) - resumedMs)).toBeLessThanOrEqual(2);
    expect(output.metrics.restored).toEqual([
      { metric: "arrivals", windows: expect.any(Number), without: ["freshness"], ofArchive: 0 },
      { metric: "heat", windows: expect.any(Number), without: [], ofArchive: 0 },
      // The stream has it still, and is asked first.
      { metric: "ledger", windows: 21, without: [], ofArchive: 0 },
    ]);
    const printed = printEnd("lost", done(output));
    expect(printed).toMatch(/made anew +arrivals, [\d,]+ windows; of these nothing tells any more: freshness\n/);
    expect(await windowsTold()).toEqual(asToldBefore);
    // The hours that were not over go on as they are counted.
    const rows = await rowsOf("by_event_type", OVER_MS, runtime.clock.now());
    expect([rows.length > 0, rows.some((row) => row.final)]).toEqual([true, false]);
  });

  it("of some hours come back alone, the ledger of the archive where the stream has dropped them", async () => {
    const [fromMs, toMs] = [0, 5].map((hour) => DAY_START_MS + hour * HOUR_MS) as [number, number];
    const times = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    await dropRows((startMs) => startMs >= fromMs && startMs < toMs);
    const { output } = await replays.run({ target: "metrics", ...times }, "hours");
    expect(output.chunks).toBe(5);
    const rows = (await rowsOf("ledger", fromMs, toMs)).filter(({ final }) => final);
    expect(rows).toHaveLength(5);
    expect(new Set(rows.map(({ ofArchive = [] }) => ofArchive.length > 0))).toEqual(new Set([true, false]));
    const printed = printEnd("hours", done(output));
    expect(printed).toMatch(/made anew +ledger, 5 windows; \d+ hours? of a shard from the archive/);
    expect(await windowsTold()).toEqual(asToldBefore);
    expect(
      runtime.access.usage().flatMap(({ role, refused }) => refused.map((one) => `${role} ${one.action}`)),
    ).toEqual([]);
  });

  it("add up with the day afterwards, with a note where the ledger proves nothing any more", async () => {
    const day = { firstMs: DAY_START_MS, lastMs: OVER_MS - 1 };
    const { holds, findings } = await reconcileDay(runtime, day, "", { samplePerMille: 0, wholeHistory: false });
    expect(holds).toBe(true);
    expect(findings.length).toBeGreaterThan(0);
    for (const finding of findings) expect(finding).toMatchObject({ check: "archive", weight: "note" });
    expect(await windowsTold()).toEqual(asToldBefore);
  });

  it("are not made before their time, nor of a lake that lacks records", async () => {
    const early = await replays.run({ target: "metrics", ...range, to: "2026-03-09T00:00:00Z" }, "early");
    expect([early.status, early.cause]).toEqual(["FAILED", expect.stringContaining("is still to come")]);
    const lake = runtime.physicalId("LakeBucket");
    const [key = ""] = await runtime.objects.keys(lake, "curated/");
    const body = await runtime.objects.get(lake, key);
    await runtime.objects.delete(lake, key);
    const lacking = await replays.run({ target: "metrics", ...range, name: "lacking" }, "lacking");
    expect([lacking.status, lacking.cause]).toEqual(["FAILED", expect.stringContaining("--target curated")]);
    await runtime.objects.put(lake, key, body as Buffer);
    expect(await windowsTold()).toEqual(asToldBefore);
  });
});

const final = new Set(metrics.metrics.filter(canBeFinal).map(({ name }) => name));

beforeAll(async () => {
  const slow = {
    BatchingWindowSeconds: "300",
    MetricsBatchingWindowSeconds: "300",
    MetricsWindowSeconds: `${WINDOW_SECONDS}`,
  };
  // At the end the stream has dropped the day's first hours.
  const parameters = {
    ...{ StreamMode: "PROVISIONED", ShardCount: "2", RetentionHours: "24" },
    ...slow,
    ...NO_DAILY_RECONCILIATION,
  };
  const project = await readProject({ definitionsDir: shopDir, parameters });
  runtime = await startRuntime({ ...project, outDir: folder, clock: { kind: "virtual", startMs: DAY_START_MS } });
  const all = [...sampleDay({ eventCount: EVENTS, seed: 1, ...features })].flatMap(sentAgain);
  all.sort((a, b) => a.arrivalMs - b.arrivalMs);
  const feed = async (deliveries: typeof all) => {
    for (const delivery of deliveries) {
      if (delivery.arrivalMs > runtime.clock.now()) await runtime.advanceTo(delivery.arrivalMs);
      runtime.stream("EventStream").put(delivery);
    }
    await runtime.drain();
  };
  const splitMs = OVER_MS + HOUR_MS;
  await feed(all.filter(({ arrivalMs }) => arrivalMs < splitMs));
  later = () => feed(all.filter(({ arrivalMs }) => arrivalMs >= splitMs));
  replays = replaysOf(runtime);
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
}, 200_000);

afterAll(async () => {
  replays?.close();
  client?.destroy();
  await runtime?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function done(output: unknown): Parameters<typeof printEnd>[1] {
  return { status: "SUCCEEDED", done: 21, total: 21, error: undefined, cause: undefined, output } as const;
}

/** What comes at the end of a window of arrival comes in the next one again. */
function sentAgain<T extends { readonly arrivalMs: number }>(delivery: T): readonly T[] {
  const windowMs = WINDOW_SECONDS * 1000;
  const leftMs = windowMs - (delivery.arrivalMs % windowMs);
  return leftMs > 30_000 ? [delivery] : [delivery, { ...delivery, arrivalMs: delivery.arrivalMs + leftMs + 1000 }];
}

/** Of each metric the windows of the range, minute by minute. */
type Windows = Readonly<Record<string, readonly MetricWindow[]>>;

async function windowsNow(): Promise<Windows> {
  return windowsBy((name, rows) => readMetric(metrics, name, rows));
}

async function windowsTold(): Promise<Windows> {
  return windowsBy((name, rows) => toldWindows(metrics, name, rows));
}

async function windowsBy(read: (name: string, rows: readonly ReadableRow[]) => readonly MetricWindow[]) {
  const all = metrics.metrics.map(async ({ name }) => {
    return [name, read(name, await rowsOf(name, DAY_START_MS, OVER_MS))] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

async function rowsOf(metric: string, fromMs: number, toMs: number) {
  const table = runtime.physicalId("MetricsTable");
  return dynamoMetricsStore({ client, table, keepMs: () => 0, now: () => 0 }).rows(metric, fromMs, toMs);
}

function eventsIn(windows: Windows): number {
  return (windows.by_event_type ?? []).reduce((sum, { total }) => sum + Number(total.events), 0);
}

/** Minute, type and number of events, as texts. */
function eventsByMinute(windows: Windows): readonly string[] {
  const all = (windows.by_event_type ?? []).flatMap(({ startMs, groups }) =>
    groups.map(({ by, values }) => `${startMs} ${by.event_type} ${values.events}`),
  );
  return all.toSorted();
}

/** The same of the lake, each event once. */
async function lakeByMinute(): Promise<readonly string[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const files = `${join(folder, runtime.physicalId("LakeBucket"))}/curated/**/*.parquet`;
  const reader = await connection.runAndReadAll(
    `SELECT epoch_ms(date_trunc('minute', event_time)), event_type, count(DISTINCT (user_id, event_id, event_time))
     FROM read_parquet('${files}') WHERE _verdict IN ('accepted', 'too_late')
       AND epoch_ms(event_time) BETWEEN ${DAY_START_MS} AND ${OVER_MS - 1} GROUP BY ALL`,
  );
  const counted = reader.getRows().map(([startMs, type, events]) => `${startMs} ${type} ${events}`);
  connection.closeSync();
  return counted.toSorted();
}

/** The items of the table whose windows begin then, and those that say how far rows go. */
async function dropRows(isGone: (startMs: number) => boolean): Promise<void> {
  const TableName = runtime.physicalId("MetricsTable");
  for await (const { Items = [] } of paginateScan({ client }, { TableName })) {
    for (const { pk, sk } of Items) {
      const startMs = Date.parse(String(sk?.S?.split("#")[0]));
      if (pk && sk && isGone(startMs)) await client.send(new DeleteItemCommand({ TableName, Key: { pk, sk } }));
    }
  }
}
