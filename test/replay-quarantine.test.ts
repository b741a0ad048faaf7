/**
 * Records out of quarantine, after a fix: the valid ones are applied once, the others go back with the new reason and an attempt more. What
 * decode refused, what a view's fold refused, and what was too large for Firehose.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import type { Delivery } from "../cli/sample-day/fate.ts";
import { featuresOf, readTable } from "../cli/start/table.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { curatedRows } from "./lake-rows.ts";
import { latestOf, quarantineRows, type Replays, type QuarantineRow as Row, replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { shopDir } from "./shop.ts";

const pipeline = compile(features, eventSchema);
const folder = mkdtempSync(join(tmpdir(), "millrace-replay-quarantine-"));
const definitionsDir = join(folder, "definitions");
const sample = [...sampleDay({ eventCount: 300, seed: 1, ...features })];
const all = [...sample, largeAndLate()];
let asItShouldBe: Awaited<ReturnType<typeof featuresNow>>;
let wholeEvents: readonly string[];
let quarantinedThen: readonly Row[];
let firstVerdicts: readonly Row[];
let runtime: Runtime;
let replays: Replays;

describe("records out of quarantine", () => {
  it("are counted in a dry run by what would become of them, and stay where they are", async () => {
    const before = (await quarantine()).length;
    const { output, cause } = await replays.run({ source: "quarantine", target: "features", dryRun: true });
    expect(cause).toBeUndefined();
    expect(output.counts).toMatchObject({
      sent: 0,
      recovered: refusedByMistake().length,
      returned: quarantinedThen.length,
    });
    await runtime.drain();
    expect(await quarantine()).toHaveLength(before);
  });

  it("are applied once where they are valid now, and the lake and features are what they would have been, however late Firehose is", async () => {
    expect(await featuresNow(runtime)).not.toEqual(asItShouldBe);
    const request = { source: "quarantine", target: "features", lake: "as-it-is", name: "recover" } as const;
    // It has read the lake before, and is to write afterwards: of named entities, which it has not listed.
    const entities = [...new Set(refusedByMistake().flatMap(usersOf))];
    const older = { target: "features", view: "user_activity", entities, lake: "as-it-is", name: "older" } as const;
    const olderArn = await replays.startPaused(older, "older");
    await runtime.advanceTo(runtime.clock.now() + 3_600_000);
    const arn = await replays.start(request);
    const lateness = [
      ["curated/", 2],
      ["quarantine/", 4],
    ] as const;
    const untilMs = keptBack(lateness.map(([folder, hours]) => [folder, runtime.clock.now() + hours * 3_600_000]));
    const { output, cause } = await replays.end(arn);
    expect(cause).toBeUndefined();
    expect(runtime.clock.now()).toBeGreaterThan(untilMs);
    expect(output.counts).toMatchObject({ recovered: refusedByMistake().length, returned: quarantinedThen.length });
    expect(output.recomputed.written).toBeGreaterThan(0);
    await runtime.drain();
    expect(await featuresNow(runtime)).toEqual(asItShouldBe);
    expect((await curatedRows(join(folder, "broken", "lake"))).events).toEqual(wholeEvents);

    await replays.say("older", { paused: false });
    const late = await replays.end(olderArn);
    expect(late.cause).toBeUndefined();
    expect(late.output).toMatchObject({ again: 1, notes: [] });
    expect(await featuresNow(runtime)).toEqual(asItShouldBe);
  });

  it("go back with today's reason and an attempt more where they are not", async () => {
    const latest = latestOf(await quarantine());
    expect(firstVerdicts.filter(({ stage }) => stage === "fold").length).toBeGreaterThan(0);
    expect(latest.filter(({ data, dataBase64 }) => data === undefined && dataBase64 === undefined)).toMatchObject([
      { reason: "recovered", detail: "was too_late" },
    ]);
    const left = latest.filter(({ reason }) => reason !== "recovered");
    expect(left.map(nameOf).toSorted()).toEqual(quarantinedThen.map(nameOf).toSorted());
    expect(new Set(latest.map(({ attempt }) => attempt))).toEqual(new Set([2]));
    expect(latest.filter(({ reason }) => reason === "recovered").length).toBe(refusedByMistake().length);
  });

  it("are not taken out a second time, and what is left gets an attempt more", async () => {
    const { output } = await replays.run({ source: "quarantine", target: "features", name: "again" });
    expect(output.counts).toMatchObject({ recovered: 0, returned: quarantinedThen.length });
    await runtime.drain();
    const left = latestOf(await quarantine()).filter(({ reason }) => reason !== "recovered");
    expect(new Set(left.map(({ attempt }) => attempt))).toEqual(new Set([3]));
    const only = await replays.run({ source: "quarantine", target: "features", reasons: ["too_late"], name: "late" });
    expect(only.cause).toBeUndefined();
    expect(only.output.counts.returned).toBe(left.filter(({ reason }) => reason === "too_late").length);
    expect(await featuresNow(runtime)).toEqual(asItShouldBe);
  });
});

/** S3 takes nothing into these folders of the lake before a time each; the last of them. */
function keptBack(folders: readonly (readonly [folder: string, untilMs: number])[]): number {
  const { put } = runtime.objects;
  Object.assign(runtime.objects, {
    put: async (...args: Parameters<typeof put>) => {
      const [, key] = args;
      if (folders.some(([folder, untilMs]) => key.startsWith(folder) && runtime.clock.now() < untilMs))
        throw new Error("S3 is not there");
      return put(...args);
    },
  });
  return Math.max(...folders.map(([, untilMs]) => untilMs));
}

/** In time, but for the mistake. */
function largeAndLate(): Delivery {
  const last = sample.findLast(({ fate }) => fate === "on_time") as Delivery;
  const event = JSON.parse(Buffer.from(last.data).toString()) as Record<string, unknown>;
  const arrivalMs = (sample.at(-1) as Delivery).arrivalMs + 30_000;
  const own = {
    event_id: "large",
    event_time: new Date(arrivalMs - 10_000).toISOString(),
    padding: "x".repeat(1_030_000),
  };
  return { ...last, arrivalMs, data: Buffer.from(JSON.stringify({ ...event, ...own })) };
}

beforeAll(async () => {
  cpSync(shopDir, definitionsDir, { recursive: true });
  const healthy = await start("healthy");
  await feed(healthy);
  asItShouldBe = await featuresNow(healthy);
  wholeEvents = (await curatedRows(join(folder, "healthy", "lake"))).events;
  quarantinedThen = await quarantineRows(healthy);
  await healthy.stop();

  // A mistake in the definitions: with next to no lateness most events are too late.
  const path = join(definitionsDir, "features.ts");
  const right = readFileSync(path, "utf8");
  const wrong = right
    .replace(/allowedLatenessMs: [^,]+,/, "allowedLatenessMs: 2000,")
    .replace('entity: "item_id",', 'entity: "item_id", entityLimit: 1,');
  expect(wrong).toMatch(/allowedLatenessMs: 2000.*entityLimit: 1/s);
  writeFileSync(path, wrong);
  runtime = await start("broken");
  await feed(runtime);
  writeFileSync(path, right);
  await runtime.reload();
  firstVerdicts = latestOf(await quarantine());
  replays = replaysOf(runtime);
}, 200_000);

afterAll(async () => {
  replays?.close();
  await runtime?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(name: string): Promise<Runtime> {
  const slow = { BatchingWindowSeconds: "300", MetricsBatchingWindowSeconds: "300", MetricsWindowSeconds: "900" };
  const parameters = { StreamMode: "PROVISIONED", ShardCount: "2", ...slow };
  const project = await readProject({ definitionsDir, parameters, out: { name: "", path: "" } });
  const clock = { kind: "virtual", startMs: DAY_START_MS } as const;
  return startRuntime({ ...project, outDir: join(folder, name), clock });
}

async function feed(runtime: Runtime): Promise<void> {
  for (const delivery of all) {
    if (delivery.arrivalMs > runtime.clock.now()) await runtime.advanceTo(delivery.arrivalMs);
    runtime.stream("EventStream").put(delivery);
  }
  await runtime.drain();
}

async function featuresNow(runtime: Runtime) {
  const table = await readTable(pipeline, runtime.url, runtime.physicalId("FeaturesTable"));
  return table.map((entity) => featuresOf(pipeline, entity, DAY_START_MS + 24 * 3_600_000));
}

const quarantine = () => quarantineRows(runtime);

/** What the mistake refused: of the broken run's first verdicts those that the healthy run did not give. */
function refusedByMistake(): readonly Row[] {
  return firstVerdicts.filter((row) => !quarantinedThen.some((then) => positionOf(then) === positionOf(row)));
}

function positionOf(row: Row): string {
  return `${row.shard} ${row.sequence} ${row.subSequence}`;
}

/** None where its bytes lie elsewhere. */
function usersOf({ data }: Row): readonly string[] {
  return typeof data === "string" ? [String((JSON.parse(data) as { readonly user_id: unknown }).user_id)] : [];
}

function nameOf(row: Row): string {
  return `${positionOf(row)} ${row.reason} ${row.stage} ${row.view}`;
}
