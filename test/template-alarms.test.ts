import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { FirehoseClient, PutRecordCommand } from "@aws-sdk/client-firehose";
import { toRawLine } from "@millrace/aws";
import type { StreamRecord } from "@millrace/engine";
import { afterAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { toItemKey } from "../layers/aws/item-key.ts";
import { metricKey } from "../local/cloudwatch/metric.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { features } from "./shop/features.ts";
import { shopDir } from "./shop.ts";

const startMs = DAY_START_MS;
const minute = 60_000;
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe("the alarms of the template", { timeout: 240_000 }, () => {
  it("watch metrics that a pipeline in trouble has, by name and dimensions", async () => {
    let readersDie = true;
    const runtime = await start(
      { MaximumRetryAttempts: "0", StreamMode: "PROVISIONED", ShardCount: "1" },
      {
        faults: { "table-throttle": 0.4 },
        kill: ({ phase, functionId }) => readersDie && phase === "answer" && readers.has(functionId),
        shardLimits: true,
      },
    );
    const readers = new Set(Object.keys(runtime.stats().mappings).map((id) => id.replace(/Stream$/, "")));
    const stream = runtime.stream("EventStream");
    const [first, second, ...events] = sampleDay({ eventCount: 40, seed: 1, ...features });
    // A batch is given up, at first without a place to keep it: the failed bucket's folder is a file.
    const failed = runtime.physicalId("FailedBucket");
    await runtime.objects.put(failed, "aws", Buffer.from(""));
    stream.put(first as NonNullable<typeof first>);
    await runtime.drain();
    await runtime.objects.delete(failed, "aws");
    stream.put(second as NonNullable<typeof second>);
    await runtime.drain();
    readersDie = false;
    for (const event of events) {
      await runtime.advanceTo(Math.max(event.arrivalMs, runtime.clock.now()));
      stream.put(event);
    }
    await runtime.drain();
    // One key that is hot, and all the shard's reads used up.
    for (let at = 0; at < 600; at++) stream.put(events.at(-1) as NonNullable<typeof first>);
    await runtime.drain();
    for (let read = 0; read < 6; read++) stream.shards()[0]?.poll(null);
    const large = { partitionKey: "k", data: Buffer.alloc(700_000, "x") };
    expect(() => [1, 2, 3].map(() => stream.put(large))).toThrow("Rate exceeded");
    await runtime.drain();
    await runtime.invoke("Serve", sampleOf("serve.json"));
    await runtime.invoke("DrawPanel", sampleOf("draw-panel.json"));
    await repair(runtime, events.at(-1) as NonNullable<typeof first>);
    for (const [id, name] of [
      ["PlanReplay", "plan-replay"],
      ["ReplayRecords", "replay-records"],
      ["ReportReplay", "report-replay"],
      ["Recompute", "recompute"],
      ["PlanReconcile", "plan-reconcile"],
      ["ListItems", "list-items"],
      ["GatherTail", "gather-tail"],
      ["TallyStream", "tally-stream"],
      ["FinalizeMetrics", "finalize-metrics"],
    ]) {
      await runtime.invoke(String(id), sampleOf(`${name}.json`));
    }
    await reconcile(runtime);
    for (const machine of runtime.machines.all()) runtime.machines.start(machine, {});
    await runtime.advanceTo(runtime.clock.now() + minute);
    await runtime.invoke("Notify", sampleOf("notify.json"));
    // One answer of serve fails, and an alert is given up.
    await damage(runtime, "user_activity", "damaged");
    const asked = {
      ...(sampleOf("serve.json") as object),
      pathParameters: { view: "user_activity", entity: "damaged" },
    };
    expect(await runtime.invoke("Serve", asked)).toMatchObject({ payload: { statusCode: 500 } });
    runtime.queues.find(runtime.physicalId("AlertDeadLetters"))?.send({ body: "{}" });
    await runtime.advanceTo(runtime.clock.now() + 2 * minute);
    const known = new Set(runtime.metrics.list().map(metricKey));
    const missing = runtime.alarms
      .all()
      .flatMap(({ settings }) =>
        settings.queries.flatMap((query) =>
          query.kind === "metric" && !known.has(metricKey(query.metric))
            ? [`${settings.logicalId}: ${metricKey(query.metric)}`]
            : [],
        ),
      );
    expect(runtime.alarms.all().length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
    await runtime.stop();
  });

  it("are quiet while events are good, and ring when many are none, by the functions' own metrics", async () => {
    const runtime = await start({ BatchingWindowSeconds: "0" });
    await runtime.advanceTo(startMs + minute);
    expect(new Set(runtime.alarms.all().map(({ state }) => state))).toEqual(new Set(["OK"]));
    for (let at = 1; at <= 4; at++) {
      for (let n = 0; n < 10; n++)
        runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from("no event") });
      await runtime.advanceTo(startMs + (at + 1) * minute);
    }
    expect(rang(runtime)).toEqual(["QuarantineAlarm"]);
    const [change] = runtime.alarms.history().filter(({ to }) => to === "ALARM");
    expect(change?.reason).toMatch(/^Threshold Crossed: 3 out of the last 5 datapoints \[100\.0 /);
    expect(change?.actions).toEqual(["arn:aws:sns:us-east-1:000000000000:alarm-topic"]);
    await runtime.stop();
  });

  it("ring at once when a batch was given up", async () => {
    const dies = {
      kill: ({ phase, functionId }) => phase === "answer" && functionId === "UpdateFeatures",
    } as const satisfies Partial<Parameters<typeof startRuntime>[0]>;
    const runtime = await start({ MaximumRetryAttempts: "0" }, dies);
    runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from("no event") });
    await runtime.advanceTo(startMs + 5 * minute);
    expect(rang(runtime)).toEqual(["BatchFailedAlarm"]);
    await runtime.stop();
  });
});

/** Each of its checks has something to look at: one that has not tells no drift. */
async function reconcile(runtime: Runtime): Promise<void> {
  const sample = sampleOf("reconcile.json") as { readonly from: string; readonly sinksFolder: string };
  const at = { hourMs: Date.parse(sample.from), shard: "shardId-000000000000" };
  const one = { archive_lines: 1, archived: 1, conflicting: 0, archived_digits: 2, checksum: "1", lake_lines: 1 };
  const sink = { hour: at.hourMs, shard: at.shard, ...one, lake_versions: 1, in_lake: 1, in_errors: 0, missing: 0 };
  const files = {
    "work/reconcile/stream": { ...at, records: 1, bytes: 1, checksum: "1" },
    "work/reconcile/metric": { metric: "revenue", hourMs: at.hourMs, events: 1, late: 0, lost: 0, again: 0 },
    [`${sample.sinksFolder}0`]: { ...sink, refused: 0, unknown: 0 },
  };
  const lake = runtime.physicalId("LakeBucket");
  for (const [key, line] of Object.entries(files))
    await runtime.objects.put(lake, key, Buffer.from(`${JSON.stringify(line)}\n`));
  const answer = await runtime.invoke("Reconcile", {
    ...sample,
    streamKeys: ["work/reconcile/stream"],
    metricsKeys: ["work/reconcile/metric"],
  });
  expect(answer).toMatchObject({ payload: { subject: expect.stringContaining("2026-11-20") } });
}

async function repair(runtime: Runtime, event: Omit<StreamRecord, "position">): Promise<void> {
  const position = { shard: "shardId-000000000000", sequence: "1", subSequence: 0 };
  const client = new FirehoseClient({ region: "us-east-1", endpoint: runtime.url, credentials });
  const Record = { Data: Buffer.from(toRawLine({ ...event, position })) };
  await client.send(new PutRecordCommand({ DeliveryStreamName: runtime.physicalId("RepairDelivery"), Record }));
  client.destroy();
  await runtime.drain();
}

const credentials = { accessKeyId: "x", secretAccessKey: "x" };

function sampleOf(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, "..", "events", name), "utf8"));
}

/** Leaves an item that nobody can read. */
async function damage(runtime: Runtime, view: string, entity: string): Promise<void> {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const Item = { ...toItemKey({ view, entity, lane: "" }), state: { B: Buffer.from("damaged") } };
  await client.send(new PutItemCommand({ TableName: runtime.physicalId("FeaturesTable"), Item }));
  client.destroy();
}

function rang({ alarms }: Runtime): readonly string[] {
  return alarms
    .history()
    .filter(({ to }) => to === "ALARM")
    .map(({ settings }) => settings.logicalId);
}

async function start(
  parameters: Readonly<Record<string, string>>,
  options: Partial<Parameters<typeof startRuntime>[0]> = {},
): Promise<Runtime> {
  const outDir = mkdtempSync(join(tmpdir(), "millrace-alarms-"));
  folders.push(outDir);
  const project = await readProject({ definitionsDir: shopDir, parameters, out: { name: outDir, path: outDir } });
  return startRuntime({ ...project, outDir, clock: { kind: "virtual", startMs }, ...options });
}
