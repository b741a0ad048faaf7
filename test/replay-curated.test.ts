/** The archive into the lake again, on the local runtime, after a loss. Onto what is whole, with live traffic: replay-under-faults.test.ts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { controlKey, RECORDS_PER_SECOND } from "@millrace/aws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { openMachine } from "../cli/replay/machine.ts";
import { parseOptions } from "../cli/replay/options.ts";
import { printEnd } from "../cli/replay/print.ts";
import { replay } from "../cli/replay.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { curatedRows } from "./lake-rows.ts";
import { aggregate } from "./local-firehose.ts";
import { archivedLines, type Replays, recordsOf, replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { shopDir } from "./shop.ts";

const EVENTS = 600;
const beginning = new Date(DAY_START_MS).toISOString();
const out = mkdtempSync(join(tmpdir(), "millrace-replay-curated-"));
let runtime: Runtime;
let replays: Replays;
let whole: Awaited<ReturnType<typeof rows>>;

describe("the archive into the lake", () => {
  it("counts and estimates in a dry run, and changes nothing", async () => {
    const { status, output, cause } = await replays.run({ dryRun: true });
    expect(cause).toBeUndefined();
    expect(status).toBe("SUCCEEDED");
    expect(output).toMatchObject({ kind: "dry run", counts: { sent: 0 } });
    expect(output.counts.wanted).toBe(runtime.stats().deliveries.RawDelivery?.received);
    expect(output.estimate.atLeastSeconds).toBe(Math.ceil(output.counts.wanted / RECORDS_PER_SECOND));
    expect(output.estimate.dollars).toBeGreaterThan(0);
    const types = ["purchase", "add_to_cart"];
    const some = await replays.run({ dryRun: true, types });
    const ofTypes = whole.rows.filter(({ event_type }) => types.includes(String(event_type)));
    expect(ofTypes.length).toBeGreaterThan(0);
    expect(some.output.counts.wanted).toBe(ofTypes.length);
    await runtime.drain();
    expect((await rows()).stored).toBe(whole.stored);
  });

  it("brings back every row of a day that was deleted, equal in every column; for objects that lie in Glacier it waits", async () => {
    expect(whole.rows.length).toBeGreaterThan(EVENTS);
    expect(whole.rows.some((row) => Number(row._subsequence) > 0)).toBe(true);
    for (const key of await objects("curated/")) await runtime.objects.delete(lake(), key);
    expect((await rows()).rows).toEqual([]);
    const keys = (await runtime.objects.keys(raw(), "raw/")).filter((_, at) => at % 3 === 0);
    const thaw = await freeze(keys);
    const arn = await replays.start({ name: "lost" });
    await runtime.advanceTo(runtime.clock.now() + 4 * 3_600_000);
    expect(await replays.status(arn)).toBe("RUNNING");
    for (const key of keys)
      expect(await runtime.objects.head(raw(), key)).toMatchObject({ restore: { isOngoing: true } });
    await runtime.advanceTo(runtime.clock.now() + 2 * 3_600_000);
    const { output } = await replays.end(arn);
    await thaw();
    await runtime.drain();
    expect(await rows()).toEqual(whole);
    const accepted = whole.rows.filter(({ _verdict }) => _verdict === "accepted");
    expect(output.counts.verdicts.accepted).toBe(accepted.length);
    const report = await runtime.objects.get(lake(), output.reportKey);
    expect(JSON.parse(String(report))).toEqual(output);
  });

  it("brings them back from the stream as well, out of shards that were split meanwhile", async () => {
    for (const key of await objects("curated/")) await runtime.objects.delete(lake(), key);
    const { output, cause } = await replays.run({ source: "stream", from: beginning, name: "streamed" });
    expect(cause).toBeUndefined();
    const shards = runtime.stream("EventStream").shards().length;
    expect(shards).toBe(4);
    expect(output.chunks % shards).toBe(0);
    await runtime.drain();
    expect(await rows()).toEqual(whole);
  });

  it("says from when on the stream has records to somebody who wants older ones", async () => {
    const { status, cause } = await replays.run({ source: "stream", name: "too-old" });
    expect(status).toBe("FAILED");
    expect(cause).toContain("from: the stream keeps records for 96 h; it has them from 2026-");
  });

  it("does nothing the second time that the same is started, and says who did it", async () => {
    const request = { name: "same", entities: [String(whole.rows[0]?.user_id)] };
    const [from, to] = ["2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"];
    const first = await replays.run({ ...request, from, to });
    expect(first.output.counts.sent).toBeGreaterThan(0);
    const received = runtime.stats().deliveries.RepairDelivery?.received;
    const again = await replays.run({ to: "2026-03-03T00:00:00.000Z", from, ...request });
    expect(again).toMatchObject({
      status: "SUCCEEDED",
      output: { kind: "already", execution: first.output.execution },
    });
    expect(runtime.stats().deliveries.RepairDelivery?.received).toBe(received);
  });

  it("pauses between two pieces of work and goes on where it stood", async () => {
    const received = () => runtime.stats().deliveries.RepairDelivery?.received ?? 0;
    const before = received();
    const arn = await replays.start({ name: "paused", recordsPerSecond: 5 }, "paused");
    for (let second = 0; received() === before && second < 600; second++)
      await runtime.advanceTo(runtime.clock.now() + 1000);
    await replays.say("paused", { paused: true });
    await runtime.advanceTo(runtime.clock.now() + 60_000);
    const paused = received();
    await runtime.advanceTo(runtime.clock.now() + 3_600_000);
    expect(received()).toBe(paused);
    expect(await replays.status(arn)).toBe("RUNNING");
    let said = "";
    const write = (text: string) => {
      said += text;
    };
    const around = { folder: ".", write, terminal: { write }, pause: async () => {} };
    await replay(["--status", "paused", "--endpoint", runtime.url], around);
    expect(said).toMatch(
      /^paused is running: \d+ of \d+ pieces are done\. It is paused: --resume paused lets it go on\.\n$/,
    );
    await replays.say("paused", { paused: false });
    const { output } = await replays.end(arn);
    expect(received() - before).toBe(output.counts.wanted);
    expect(output.counts.wanted).toBeGreaterThan(paused - before);
  });

  it("fails with a sentence for a request that cannot be meant, and is not tried again", async () => {
    const { status, cause } = await replays.run({ from: "yesterday" });
    expect(status).toBe("FAILED");
    expect(cause).toContain("from: expected a time such as 2026-03-01T00:00:00Z, got");
  });

  it("goes on with what is missing when it is redriven, and reports all of it", async () => {
    const key = (await runtime.objects.keys(raw(), "raw/")).at(-1) as string;
    const body = (await runtime.objects.get(raw(), key)) as Buffer;
    await runtime.objects.put(raw(), key, body.subarray(0, body.length - 9));
    const request = { name: "redriven", to: new Date(runtime.clock.now() + 1).toISOString() };
    const arn = await replays.start(request);
    expect((await replays.end(arn)).status).toBe("FAILED");
    const again = await replays.run(request);
    const owner = arn.split(":").at(-1);
    expect(again.status).toBe("FAILED");
    expect(again.cause).toMatch(
      new RegExp(
        `asked for before, of ${owner}, which ended as FAILED: .+npm run replay -- --redrive ${owner} goes on`,
        "s",
      ),
    );
    await runtime.objects.put(raw(), key, body);
    await replays.redrive(arn);
    const { status, output } = await replays.end(arn);
    expect(status).toBe("SUCCEEDED");
    expect(output.counts.wanted).toBe(runtime.stats().deliveries.RawDelivery?.received);
    await runtime.drain();
  });

  it("puts them onto a stream of its own, as they were archived, and none of our readers counts them", async () => {
    const before = runtime.stats();
    const { output, cause } = await replays.run({ target: "replay-stream", name: "others" });
    expect(cause).toBeUndefined();
    const put = await recordsOf(runtime, "ReplayEventStream");
    expect(output.counts.sent).toBe(put.length);
    expect(put.map(({ text }) => text).toSorted()).toEqual((await archivedLines(runtime)).toSorted());
    for (const { key, text } of put) expect(JSON.parse(text).key).toBe(key);
    const again = { source: "stream", target: "replay-stream", from: beginning, name: "streamed-to-others" } as const;
    expect((await replays.run(again)).output.counts.sent).toBe(put.length);
    const twice = [...put, ...put].map(({ text }) => text).toSorted();
    expect((await recordsOf(runtime, "ReplayEventStream")).map(({ text }) => text).toSorted()).toEqual(twice);
    await runtime.drain();
    for (const [id, mapping] of Object.entries(runtime.stats().mappings)) {
      expect(mapping.records).toBe(before.mappings[id]?.records);
    }
  });

  it("is started, followed and told about by npm run replay", async () => {
    const options = parseOptions([
      "--endpoint",
      runtime.url,
      ..."--source archive --target curated --name cli".split(" "),
      ..."--from 2026-03-01 --to 2026-03-03 --entity nobody".split(" "),
    ]);
    if (options?.act.kind !== "start") throw new Error("expected a start");
    const machine = await openMachine(options.place);
    expect(await machine.start("cli", options.act.request)).toBe(true);
    await runtime.advanceTo(runtime.clock.now() + 1000);
    await machine.say("cli", { recordsPerSecond: 7 });
    await machine.say("cli", { paused: false });
    const said = await runtime.objects.get(lake(), controlKey("cli"));
    expect(JSON.parse(String(said))).toEqual({ paused: false, recordsPerSecond: 7 });
    await expect(machine.say("nobody", { paused: true })).rejects.toThrow("nobody has nothing yet to pause");
    while ((await machine.state("cli")).status === "RUNNING") await runtime.advanceTo(runtime.clock.now() + 60_000);
    const state = await machine.state("cli");
    expect(state).toMatchObject({ status: "SUCCEEDED", done: state.total, output: { counts: { wanted: 0 } } });
    expect(state.total).toBeGreaterThan(0);
    expect(printEnd("cli", state)).toMatch(/^cli: done\n {2}pieces read +\d+\n {2}records wanted +0 /);
    expect(await machine.start("cli", { ...options.act.request, name: "other" })).toBe(false);
    await expect(machine.redrive("cli")).rejects.toThrow("cli cannot go on");
    await expect(machine.state("nobody")).rejects.toThrow("There is no replay nobody.");
    machine.close();
  });

  it("leaves what can be no row in an error output of its own, and no other", async () => {
    const errors = await objects("repair-errors/");
    expect(errors.length).toBeGreaterThan(0);
    expect(runtime.stats().deliveries.RepairDelivery?.failedByCode).toEqual({
      "Lambda.ProcessingFailedStatus": expect.any(Number),
    });
  });
});

/** Returns what brings them back for good. */
async function freeze(keys: readonly string[]): Promise<() => Promise<void>> {
  const bodies = await Promise.all(keys.map((key) => runtime.objects.get(raw(), key)));
  const put = async (storageClass: "GLACIER" | "STANDARD") => {
    for (const [at, key] of keys.entries())
      await runtime.objects.put(raw(), key, bodies[at] as Buffer, { storageClass });
  };
  await put("GLACIER");
  return () => put("STANDARD");
}

const raw = () => runtime.physicalId("RawBucket");
const lake = () => runtime.physicalId("LakeBucket");
const objects = (prefix: string) => runtime.objects.keys(lake(), prefix);
const rows = () => curatedRows(join(out, lake()));

beforeAll(async () => {
  const parameters = {
    StreamMode: "PROVISIONED",
    ShardCount: "2",
    TransformBufferSeconds: "900",
    ReplayStream: "true",
    RetentionHours: "96",
  };
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
    if (count === EVENTS / 2) stream.split("shardId-000000000000", 2n ** 126n);
  }
  await runtime.drain();
  whole = await rows();
  replays = replaysOf(runtime);
}, 120_000);

afterAll(async () => {
  replays?.close();
  await runtime?.stop();
  rmSync(out, { recursive: true, force: true });
});
