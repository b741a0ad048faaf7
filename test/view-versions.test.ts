import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@millrace/engine";
import { historyFromMs } from "@millrace/lake";
import { afterAll, describe, expect, it } from "vitest";
import { loadDefinitions } from "../cli/definitions.ts";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import type { Delivery } from "../cli/sample-day/fate.ts";
import type { RecomputeAnswer, RecomputeTask } from "../functions/recompute/task.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { shopDir } from "./shop.ts";
import { unloadRows } from "./unloaded-rows.ts";

/** A view under a new version beside the live one, while traffic goes on: old answers until the cut-over, and then as if it had always been. */

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), "millrace-versions-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shop = readFileSync(join(shopDir, "features.ts"), "utf8");
const VIEW = 'defineView("user_activity", {';
/** The shop's view, and a version of it that keeps one more feature; which of them stands by. */
const both = (standby: 1 | 2) => {
  const from = shop.indexOf(VIEW);
  const view = shop.slice(from, shop.indexOf("    defineView(", from + 1));
  const marked = (text: string, more: string) => text.replace(VIEW, `${VIEW} ${more}`);
  const old = marked(view, standby === 1 ? "standby: true," : "");
  const fresh = marked(view, `version: 2, ${standby === 2 ? "standby: true," : ""}`).replace(
    "features: [",
    'features: [count("everything", { windows: [last24h] }),',
  );
  return shop.replace(view, old + fresh);
};
const alone = shop
  .replace(VIEW, `${VIEW} version: 2,`)
  .replace("features: [", 'features: [count("everything", { windows: [last24h] }),');

describe("a new version of a view", () => {
  it("stands by while the old one answers, is filled from the lake and the stream, and takes over without a gap or a double", async () => {
    const day = [...sampleDay({ eventCount: 240, seed: 1, ...(await loadDefinitions(shopDir)).features })];
    const users = [...new Set(day.map(({ partitionKey }) => partitionKey))];
    const [night, morning, noon, evening] = [0, 1, 2, 3].map((quarter) =>
      day.slice(quarter * 60, quarter === 3 ? undefined : quarter * 60 + 60),
    );

    const { runtime, outDir, define } = await start("live", shop);
    await feed(runtime, night);
    await define(both(2));
    await feed(runtime, morning);

    const filled = await fill(runtime, outDir, runtime.clock.now() - 4 * HOUR_MS);
    expect(filled.written).toBeGreaterThan(2);
    expect(filled.tail).toBeGreaterThan(0);
    await feed(runtime, noon);
    const before = await answers(runtime, "user_activity", users);
    expect(versionsOf(before)).toEqual([1]);
    expect(Object.keys(before[0]?.features ?? {})).not.toContain("everything_24h");
    const [standing] = await answers(runtime, "user_activity@2", users.slice(0, 1));
    expect(standing).toMatchObject({ version: 2, features: { everything_24h: expect.any(Number) } });
    // The first takes what the live fold has not come to yet; it then finds it done.
    await fill(runtime, outDir, runtime.clock.now() - 2 * HOUR_MS);
    expect(await fill(runtime, outDir, runtime.clock.now() - HOUR_MS)).toMatchObject({ written: 0, conflicts: 0 });

    await define(both(1));
    await feed(runtime, evening);
    await runtime.drain();
    const served = await answers(runtime, "user_activity", users);
    expect(versionsOf(served)).toEqual([2]);
    const old = await answers(runtime, "user_activity@1", users);

    const always = await start("always", alone);
    await feed(always.runtime, day);
    await always.runtime.drain();
    await always.runtime.advanceTo(Math.max(always.runtime.clock.now(), runtime.clock.now()));
    const asAlways = await answers(always.runtime, "user_activity", users);
    expect(served.map(({ features }) => features)).toEqual(asAlways.map(({ features }) => features));
    // The old version is still what it would be: the way back.
    expect(old.map(({ features }) => features)).toEqual(
      asAlways.map(({ features: { everything_24h: _, ...rest } }) => rest),
    );
    await runtime.stop();
    await always.runtime.stop();
  }, 180_000);
});

async function start(name: string, text: string) {
  const definitionsDir = join(folder, `${name}-definitions`);
  cpSync(shopDir, definitionsDir, { recursive: true });
  const file = join(definitionsDir, "features.ts");
  writeFileSync(file, text);
  const slow = { BatchingWindowSeconds: "300", MetricsBatchingWindowSeconds: "300", MetricsWindowSeconds: "900" };
  const parameters = { ...slow, DeliveryBufferSeconds: "900", TransformBufferSeconds: "900" };
  const { definitions: _, ...project } = await readProject({ definitionsDir, parameters, out: { name: "", path: "" } });
  const outDir = join(folder, name);
  const runtime = await startRuntime({ ...project, outDir, clock: { kind: "virtual", startMs: DAY_START_MS } });
  return {
    runtime,
    outDir,
    /** A deployment. */
    async define(text: string) {
      writeFileSync(file, text);
      expect(await runtime.reload()).toEqual(expect.arrayContaining(["UpdateFeatures", "Serve", "Recompute"]));
    },
  };
}

async function feed(runtime: Runtime, deliveries: readonly Delivery[] | undefined): Promise<void> {
  for (const delivery of deliveries ?? []) {
    if (delivery.arrivalMs > runtime.clock.now()) await runtime.advanceTo(delivery.arrivalMs);
    runtime.stream("EventStream").put(delivery);
  }
}

/** What replay does for a view under a new version. */
async function fill(runtime: Runtime, outDir: string, settledMs: number) {
  const view = "user_activity@2";
  const { features, eventSchema } = await loadDefinitions(`${outDir}-definitions`);
  const pipeline = compile(features, eventSchema);
  expect(historyFromMs(pipeline, view, settledMs, 0)).toBeLessThan(DAY_START_MS);
  const lake = runtime.physicalId("LakeBucket");
  const run = `work/test/${settledMs}/`;
  const question = { view, entities: { kind: "all" }, fromMs: null, settledMs, buckets: 1 } as const;
  for (const [key, body] of await unloadRows(join(outDir, lake), pipeline, question, `${run}rows/`))
    await runtime.objects.put(lake, key, body);
  const task: RecomputeTask = {
    ...{ view, mode: "write", raiseTo: "latest", bucket: 0, buckets: 1, historyFrom: null },
    ...{ rowsPrefix: `${run}rows/`, resultPrefix: run, settledUntil: new Date(settledMs).toISOString() },
  };
  const answer = await runtime.invoke("Recompute", task);
  if (answer.kind === "error") throw new Error(answer.errorMessage);
  return (answer.payload as RecomputeAnswer).counts;
}

interface Answer {
  readonly version: number;
  readonly features: Readonly<Record<string, unknown>>;
}

async function answers(runtime: Runtime, view: string, users: readonly string[]): Promise<readonly Answer[]> {
  const found: Answer[] = [];
  for (const entity of users) {
    const routeKey = "GET /features/{view}/{entity}";
    const request = {
      routeKey,
      pathParameters: { view, entity },
      isBase64Encoded: false,
      requestContext: { requestId: "x" },
    };
    const answer = await runtime.invoke("Serve", request);
    if (answer.kind === "error") throw new Error(answer.errorMessage);
    const { statusCode, body } = answer.payload as { statusCode: number; body: string };
    expect(statusCode, body).toBe(200);
    found.push(JSON.parse(body));
  }
  return found;
}

function versionsOf(list: readonly Answer[]): readonly number[] {
  return [...new Set(list.map(({ version }) => version))];
}
