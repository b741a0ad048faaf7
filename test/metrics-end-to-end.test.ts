/** roll-up-metrics as the template wires it, on the local runtime: minute windows, a split in mid-run, and a key that grows hot. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, compileMetrics, LEDGER, type MetricWindow, readMetric } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectDir } from "../cli/definitions.ts";
import { readMetricRows } from "../cli/start/metrics.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";
import { shopDir } from "./shop.ts";

const START = Date.UTC(2026, 2, 1, 12);
const MINUTES = 6;
const PER_MINUTE = 1400;
const FIVE_MINUTES = 300_000;
const REGIONS = ["north", "south", "east"];

const metrics = compileMetrics(definitions, compile(features, eventSchema));
const out = mkdtempSync(join(tmpdir(), "millrace-metrics-run-"));
let runtime: Runtime;
let windows: (metric: string, stepMs?: number) => readonly MetricWindow[];

describe("metrics on the local runtime", { timeout: FIVE_MINUTES }, () => {
  it("count every event in the minute and region in which it happened, through a split of the shard", () => {
    const told = windows("by_region").flatMap(({ startMs, groups }) =>
      groups.map(({ by, values }) => `${startMs} ${by.region} ${values.events}`),
    );
    const naive = new Map<string, number>();
    for (const { timeMs, region } of events()) {
      const key = `${Math.floor(timeMs / 60_000) * 60_000} ${region}`;
      naive.set(key, (naive.get(key) ?? 0) + 1);
    }
    expect(told.toSorted()).toEqual([...naive].map(([key, count]) => `${key} ${count}`).toSorted());
    const hours = windows("by_region", 3_600_000).map(({ total }) => Number(total.events));
    expect(hours).toHaveLength(2);
    expect(hours.reduce((sum, count) => sum + count)).toBe(MINUTES * PER_MINUTE);
  });

  it("keep a ledger of every shard, the parent's and the children's", () => {
    const shards = windows(LEDGER).flatMap(({ groups }) => groups);
    expect(shards.map(({ by }) => by._shard)).toEqual([
      "shardId-000000000000",
      "shardId-000000000001",
      "shardId-000000000002",
    ]);
    expect(shards.reduce((sum, { values }) => sum + Number(values.records), 0)).toBe(MINUTES * PER_MINUTE);
  });

  it("name the hot key, and ring its alarm", () => {
    const [[key, count] = ["", 0]] = (windows("heat", 3_600_000)[0]?.total.keys ?? []) as [string, number][];
    expect(key).toBe("hot");
    expect(count / (MINUTES * PER_MINUTE)).toBeCloseTo(0.25, 1);
    const rang = runtime.alarms.history().filter(({ to }) => to === "ALARM");
    expect(rang.map(({ settings }) => settings.logicalId)).toContain("HotKeyAlarm");
  });

  it("fail nothing, and leave nothing to be tried again", () => {
    const { RollUpMetricsStream: mapping } = runtime.stats().mappings;
    expect(mapping).toMatchObject({
      records: MINUTES * PER_MINUTE,
      succeeded: MINUTES * PER_MINUTE,
      failedInvocations: 0,
    });
  });
});

beforeAll(async () => {
  const templatePath = join(projectDir, "template.yaml");
  runtime = await startRuntime({
    templatePath,
    templateText: readFileSync(templatePath, "utf8"),
    parameters: {
      StreamMode: "PROVISIONED",
      ShardCount: "1",
      MetricsWindowSeconds: "60",
      TransformBufferSeconds: "900",
    },
    outDir: out,
    definitionsDir: shopDir,
    clock: { kind: "virtual", startMs: START },
    seed: 1,
  });
  const stream = runtime.stream("EventStream");
  let n = 0;
  for (const { arrivalMs, partitionKey, data } of events()) {
    if (n++ === (MINUTES * PER_MINUTE) / 2) {
      const [shard] = stream.shards();
      if (shard !== undefined) stream.split(shard.id, (shard.hashRange.start + shard.hashRange.end) / 2n);
    }
    if (arrivalMs > runtime.clock.now()) await runtime.advanceTo(arrivalMs);
    stream.put({ partitionKey, data });
  }
  await runtime.drain();
  const table = runtime.physicalId("MetricsTable");
  const rows = await readMetricRows(metrics, {
    endpoint: runtime.url,
    table,
    fromMs: START,
    toMs: runtime.clock.now(),
  });
  windows = (metric, stepMs) =>
    readMetric(metrics, metric, rows.get(metric) ?? [], stepMs === undefined ? {} : { stepMs });
}, FIVE_MINUTES);

afterAll(async () => {
  await runtime?.stop();
  rmSync(out, { recursive: true, force: true });
});

/** Every fourth is of the hot user, every seventh happened 50 s before it arrived. */
function* events() {
  for (let i = 0; i < MINUTES * PER_MINUTE; i++) {
    const arrivalMs = START + Math.floor((i * 60_000) / PER_MINUTE);
    const timeMs = arrivalMs - (i % 7 === 0 ? 50_000 : i % 90);
    const region = REGIONS[i % 3] as string;
    const user_id = i % 4 === 0 ? "hot" : `user-${i}`;
    const event = { event_id: `e${i}`, event_type: "view_item", event_time: timeMs, user_id, item_id: "a", region };
    yield { arrivalMs, timeMs, region, partitionKey: user_id, data: Buffer.from(JSON.stringify(event)) };
  }
}
