/** A transform with a bug is deployed and writes wrong rows for two hours: what docs/runbook.md says to do makes all as if it had not been. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamRecord } from "@millrace/engine";
import { compile, decode } from "@millrace/engine";
import { afterAll, beforeAll, expect, it } from "vitest";
import { captured, madeOf } from "../cli/capture/captured.ts";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import type { Delivery } from "../cli/sample-day/fate.ts";
import type { SourceEdit } from "../local/lambda/source-edits.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { curatedRows } from "./lake-rows.ts";
import { recomputeAll } from "./recompute-runs.ts";
import { type Replays, replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { shopDir } from "./shop.ts";

const HOUR_MS = 3_600_000;
const [brokenMs, fixedMs] = [DAY_START_MS + 14 * HOUR_MS, DAY_START_MS + 16 * HOUR_MS];
const folder = mkdtempSync(join(tmpdir(), "millrace-bad-deploy-"));
const deployed: SourceEdit[] = [];
let runtime: Runtime;
let replays: Replays;
let outDir: string;
let asItShouldBe: Awaited<ReturnType<typeof rows>>;

beforeAll(async () => {
  await open("healthy");
  await day(async () => {});
  asItShouldBe = await rows();
  await close();
  await open("broken");
}, 120_000);
afterAll(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

it("two hours of wrong rows are found, made right by a replay, and stay captured", { timeout: 300_000 }, async () => {
  await day(async (nowMs) => {
    if (nowMs === brokenMs) await deploy(version(2), BUG);
    if (nowMs === fixedMs) await deploy(version(3));
  });
  const broken = await rows();
  const wrong = broken.rows.filter(({ _pipeline_version: made }) => Number(made) === 2);
  expect(wrong.length).toBeGreaterThan(20);
  expect(broken.newest).not.toEqual(asItShouldBe.newest);
  // The online features never saw the bug: the lake does not make them any more, and says whose.
  expect((await recomputeAll(runtime, outDir, { mode: "compare" })).different).toBeGreaterThan(0);

  // Firehose had gathered records of before and after in its buffers, so a little more is put again than was wrong.
  const [from, to] = [new Date(brokenMs - HOUR_MS).toISOString(), new Date(fixedMs + HOUR_MS).toISOString()];
  const { status, output } = await replays.run({ from, to });
  expect(status).toBe("SUCCEEDED");
  expect(output.counts.sent).toBeGreaterThanOrEqual(wrong.length);
  await runtime.drain();

  const repaired = await rows();
  expect(repaired.newest).toEqual(asItShouldBe.newest);
  expect(repaired.events).toEqual(asItShouldBe.events);
  // Nothing was taken away: what was written then can still be seen.
  for (const row of wrong) expect(repaired.rows).toContainEqual(row);
  expect(await recomputeAll(runtime, outDir, { mode: "compare" })).toMatchObject({ different: 0 });

  const pipeline = compile(features, eventSchema);
  const found = await captured(pipeline, firstView());
  expect(found.expected.row).toMatchObject({ event_type: "view_item" });
  expect(await madeOf(pipeline, found)).toEqual(found.expected);
});

/** Every view of an item becomes something that no feature knows. */
const BUG: SourceEdit = {
  file: "functions/flatten-events/flatten-events.ts",
  from: "data: toBase64(row.text)",
  to: `data: toBase64(row.text.replace('"view_item"', '"view"'))`,
};

/** As the parameter PipelineVersion does. */
function version(pipelineVersion: number): SourceEdit {
  const file = "functions/flatten-events/handler.ts";
  return { file, from: "  ...config,\n", to: `  ...config,\n  pipelineVersion: ${pipelineVersion},\n` };
}

async function deploy(...edits: readonly SourceEdit[]): Promise<void> {
  deployed.splice(0, deployed.length, ...edits);
  expect(await runtime.reload()).toContain("FlattenEvents");
}

async function open(name: string): Promise<void> {
  deployed.length = 0;
  outDir = join(folder, name);
  const slow = { BatchingWindowSeconds: "300", MetricsBatchingWindowSeconds: "300", MetricsWindowSeconds: "900" };
  const parameters = { StreamMode: "PROVISIONED", ShardCount: "2", ...slow };
  const project = await readProject({ definitionsDir: shopDir, parameters });
  const clock = { kind: "virtual", startMs: DAY_START_MS } as const;
  runtime = await startRuntime({ ...project, outDir, clock, edits: deployed });
  replays = replaysOf(runtime);
}

async function close(): Promise<void> {
  replays.close();
  await runtime.stop();
}

/** Streams the day, and stops at the two moments. */
async function day(at: (nowMs: number) => Promise<void>): Promise<void> {
  const moments = [brokenMs, fixedMs];
  for (const delivery of deliveries()) {
    while (moments.length > 0 && delivery.arrivalMs >= (moments[0] as number)) {
      const nowMs = moments.shift() as number;
      await runtime.advanceTo(nowMs);
      await at(nowMs);
    }
    if (delivery.arrivalMs > runtime.clock.now()) await runtime.advanceTo(delivery.arrivalMs);
    runtime.stream("EventStream").put(delivery);
  }
  await runtime.drain();
}

function deliveries(): readonly Delivery[] {
  return [...sampleDay({ eventCount: 600, seed: 1, ...features })];
}

function firstView(): StreamRecord {
  const pipeline = compile(features, eventSchema);
  for (const [i, { partitionKey, arrivalMs, data }] of deliveries().entries()) {
    const position = { shard: "shardId-000000000000", sequence: String(i + 1), subSequence: 0 };
    const record = { position, partitionKey, arrivalMs, data };
    if (decode(pipeline, record).event?.row.event_type === "view_item") return record;
  }
  throw new Error("the sample day has no view of an item");
}

function rows() {
  return curatedRows(join(outDir, runtime.physicalId("LakeBucket")));
}
