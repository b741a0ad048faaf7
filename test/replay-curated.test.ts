/** The archive into the lake again, on the local runtime: after a loss, onto what is whole, and with live traffic. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPLAY_DEFAULTS, type ReplayRequest } from "@millrace/aws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import type { Progress } from "../functions/replay-records/progress.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { curatedRows } from "./lake-rows.ts";
import { aggregate } from "./local-firehose.ts";
import { features } from "./shop/features.ts";
import { shopDir } from "./shop.ts";

const EVENTS = 1500;
const out = mkdtempSync(join(tmpdir(), "millrace-replay-curated-"));
let runtime: Runtime;
let whole: Awaited<ReturnType<typeof rows>>;

describe("the archive into the lake", () => {
  it("brings back every row of a day that was deleted, equal in every column", async () => {
    expect(whole.rows.length).toBeGreaterThan(EVENTS);
    expect(whole.rows.some((row) => Number(row._subsequence) > 0)).toBe(true);
    for (const key of await objects("curated/")) await runtime.objects.delete(lake(), key);
    expect((await rows()).rows).toEqual([]);
    const progress = await replay({});
    await runtime.drain();
    expect(await rows()).toEqual(whole);
    expect(progress.verdicts.accepted).toBe(whole.rows.filter(({ _verdict }) => _verdict === "accepted").length);
  });

  it("changes nothing that is whole, done twice at a time, while events come in", async () => {
    const before = new Set(whole.rows.map((row) => JSON.stringify(row)));
    const stream = runtime.stream("EventStream");
    const feeding = async () => {
      for (let i = 0; i < 200; i++) {
        const event = { event_id: `live-${i}`, event_type: "view_item", event_time: runtime.clock.now(), user_id: "u" };
        stream.put({ partitionKey: "u", data: Buffer.from(JSON.stringify(event)) });
      }
      await runtime.advanceTo(runtime.clock.now() + 60_000);
    };
    await replay({});
    await feeding();
    await replay({});
    await runtime.drain();
    const after = await rows();
    const old = after.rows.map((row) => JSON.stringify(row)).filter((row) => before.has(row));
    expect(old).toHaveLength(before.size);
    expect(after.rows.length).toBeGreaterThan(before.size);
    // Every row was there three times; analysts see each event once all the same.
    expect(after.stored).toBeGreaterThan(3 * before.size);
    expect(new Set(after.events).size).toBe(after.events.length);
    expect(after.events.filter((name) => !name.includes(" live-"))).toEqual(whole.events);
    expect(after.events.filter((name) => name.includes(" live-"))).toHaveLength(200);
  });

  it("leaves what can be no row in an error output of its own, and no other", async () => {
    const errors = await objects("repair-errors/");
    expect(errors.length).toBeGreaterThan(0);
    expect(runtime.stats().deliveries.RepairDelivery?.failedByCode).toEqual({
      "Lambda.ProcessingFailedStatus": expect.any(Number),
    });
  });
});

async function replay(over: Partial<ReplayRequest>): Promise<Progress["counts"]> {
  const [from, to] = [new Date(0).toISOString(), new Date(runtime.clock.now() + 1).toISOString()];
  const request: ReplayRequest = { ...REPLAY_DEFAULTS, source: "archive", target: "curated", from, to, ...over };
  const bucket = runtime.physicalId("RawBucket");
  let verdicts: Record<string, number> = {};
  let counts: Progress["counts"] | null = null;
  for (const key of await runtime.objects.keys(bucket, "raw/")) {
    let progress: Progress | null = null;
    while (progress === null || !progress.done) {
      const work = { request, execution: "test", workers: 1, chunk: { bucket, key }, progress };
      const answer = await runtime.invoke("ReplayRecords", work);
      if (answer.kind === "error") throw new Error(answer.errorMessage);
      progress = answer.payload as Progress;
    }
    for (const [verdict, count] of Object.entries(progress.counts.verdicts)) {
      verdicts = { ...verdicts, [verdict]: (verdicts[verdict] ?? 0) + count };
    }
    counts = { ...progress.counts, verdicts };
  }
  return counts as Progress["counts"];
}

const lake = () => runtime.physicalId("LakeBucket");
const objects = (prefix: string) => runtime.objects.keys(lake(), prefix);
const rows = () => curatedRows(join(out, lake()));

beforeAll(async () => {
  const parameters = { StreamMode: "PROVISIONED", ShardCount: "2", TransformBufferSeconds: "900" };
  const project = await readProject({ definitionsDir: shopDir, parameters, out: { name: out, path: out } });
  runtime = await startRuntime({ ...project, outDir: out, clock: { kind: "virtual", startMs: DAY_START_MS } });
  const stream = runtime.stream("EventStream");
  let count = 0;
  for (const event of sampleDay({ eventCount: EVENTS, seed: 1, ...features })) {
    if (event.arrivalMs > runtime.clock.now()) await runtime.advanceTo(event.arrivalMs);
    stream.put(event);
    // Some come twice again, inside an aggregate.
    const inner: [string, string] = [event.partitionKey, Buffer.from(event.data).toString()];
    if (++count % 20 === 0) stream.put({ partitionKey: event.partitionKey, data: aggregate([inner, inner]) });
  }
  await runtime.drain();
  whole = await rows();
}, 120_000);

afterAll(async () => {
  await runtime?.stop();
  rmSync(out, { recursive: true, force: true });
});
