import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { followed } from "../cli/reconcile/follow.ts";
import { openMachine } from "../cli/reconcile/machine.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { parametersFor } from "../cli/start/run.ts";
import type { ReconcileAnswer, ReconcileReport } from "../functions/reconcile/reconcile.ts";
import type { SourceEdit } from "../local/lambda/source-edits.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import type { Execution } from "../local/states/execution.ts";
import type { JsonMap } from "../local/states/json.ts";
import { type Replays, replaysOf } from "./replay-runs.ts";
import { features } from "./shop/features.ts";
import { shopDir } from "./shop.ts";

/** The machine of the template, on the local runtime, over a day of shoppers: healthy, and with something gone. */

const HOUR = 3_600_000;
const day = new Date(DAY_START_MS).toISOString().slice(0, 10);
const outDir = mkdtempSync(join(tmpdir(), "millrace-reconcile-"));
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
let runtime: Runtime;
let replays: Replays;
let runs = 0;
let fed = 0;

beforeAll(async () => {
  const parameters = { ...parametersFor({ shards: 2 }), MaximumRetryAttempts: "0", ReconcileApprovalHours: "2" };
  const project = await readProject({ definitionsDir: shopDir, parameters, out: { name: outDir, path: outDir } });
  const clock = { kind: "virtual", startMs: DAY_START_MS } as const;
  runtime = await startRuntime({ ...project, outDir, clock, edits: [GIVES_UP] });
  for (const event of sampleDay({ eventCount: 400, seed: 1, ...features })) {
    await runtime.advanceTo(Math.max(event.arrivalMs, runtime.clock.now()));
    runtime.stream("EventStream").put(event);
    if (++fed === 100) for (const record of unreadable()) runtime.stream("EventStream").put(record);
  }
  await runtime.drain();
  replays = replaysOf(runtime);
}, 240_000);
afterAll(async () => {
  replays?.close();
  await runtime.stop();
  rmSync(outDir, { recursive: true });
});

/** A bug: a batch with this text is given up, its halves too, until the record is alone. */
const GIVEN_UP = "no event that update-features can live with";
const GIVES_UP: SourceEdit = {
  file: "functions/update-features/update-features.ts",
  from: "const records = fromKinesis(batch);",
  to: `const records = fromKinesis(batch); if (records.some(({ data }) => String.fromCharCode(...data).includes("${GIVEN_UP}"))) throw new Error("bug");`,
};

/** No event, and one whose time leaves it no partition. */
function unreadable() {
  const time = new Date(runtime.clock.now() - 400 * 24 * HOUR).toISOString();
  const old = { event_id: GIVEN_UP, event_type: "view_item", event_time: time, user_id: "ann" };
  return [GIVEN_UP, JSON.stringify(old)].map((text) => ({ partitionKey: "ann", data: Buffer.from(text) }));
}

describe("the daily reconciliation", { timeout: 240_000 }, () => {
  it("names what was in batches that were given up unread, and is in order when a replay of these has said what it is", async () => {
    const { execution, report } = await reconcile({}, (one) => tokenOf(one) !== null);
    expect(report.findings.filter(({ repair }) => repair !== null)).toMatchObject([
      { check: "lake", count: 2, repair: "errors" },
    ]);
    expect(report.checks.find(({ check }) => check === "metrics")?.holds).toBe(false);
    expect(report.repairs).toMatchObject([{ input: { source: "errors", target: "curated" } }]);

    const before = await quarantined();
    const counted = await replays.run({ source: "failed", target: "features", dryRun: true });
    expect(counted.output.counts).toMatchObject({ judged: 2, verdicts: { malformed_json: 1, too_late: 1 } });
    expect(await quarantined()).toEqual(before);
    for (const name of ["once", "twice"]) {
      const { cause, output } = await replays.run({ source: "failed", target: "features", name });
      expect(cause).toBeUndefined();
      expect(output.counts).toMatchObject({ judged: 2, sent: 0 });
      expect(output.recomputed).toMatchObject({ written: 0 });
    }
    const said = (await quarantined()).filter((place) => !before.includes(place));
    expect(said.map((place) => place.split(" ")[0]).toSorted()).toEqual(["malformed_json", "too_late"]);

    // Nobody has answered the question that the reconciliation asks.
    await untilEnd(execution);
    expect(causeOf(execution)).toMatch(/does not add up.*\n\nNobody approved the repair within 2 hours, so nothing/s);
    const machine = await openMachine({ kind: "endpoint", url: runtime.url });
    await expect(machine.answer(tokenOf(execution) ?? "", true)).rejects.toThrow("its time is over");
    machine.close();
  });

  it("finds a healthy day in order, by the stream read once more as by the ledger, and makes its metrics final", async () => {
    const { execution, report } = await reconcile({ readStream: true });
    expect(execution.failure).toBe(null);
    expect(report.findings.filter(({ weight }) => weight === "divergence")).toEqual([]);
    for (const { check, compared } of report.checks) expect([check, compared > 0]).toEqual([check, true]);
    for (const { view, conserved } of report.conservation) {
      const { matching, applied, duplicates, quarantined, failed, unaccounted } = conserved;
      const refused = Object.values(quarantined).reduce((sum, count) => sum + count, 0);
      expect([view, applied + duplicates + refused + failed, unaccounted]).toEqual([view, matching, 0]);
      expect(applied).toBeGreaterThan(100);
    }
    expect(await finalRows()).toBeGreaterThan(0);
    // Each shard is read once, for all buckets of all views.
    const streamed = [...JSON.stringify(execution.history).matchAll(/streamed\\*":(\d+)/g)].map(([, count]) => count);
    expect(new Set(streamed)).toEqual(new Set(["0"]));
  });

  it("names the hours and shards of a part of the lake that is gone, asks a person, and is green when the replay has brought it back", async () => {
    const lake = runtime.physicalId("LakeBucket");
    for (const key of await runtime.objects.keys(lake, `curated/dt=${day}/hour=1`))
      await runtime.objects.delete(lake, key);
    const lost = await reconcile({}, (execution) => tokenOf(execution) !== null);
    const lake_ = lost.report.findings.filter(({ check }) => check === "lake");
    expect(new Set(lake_.map(({ shard }) => shard)).size).toBe(2);
    expect(new Set(lake_.map(({ hourMs }) => Math.floor(((hourMs ?? 0) - DAY_START_MS) / HOUR / 10)))).toEqual(
      new Set([1]),
    );
    // Then the items, which are made of these rows: they are right, and stay so.
    const [first, ...then] = lost.report.repairs;
    expect(new Set(then.map(({ input }) => input.target))).toEqual(new Set(["features"]));
    expect([first?.command]).toEqual([
      expect.stringMatching(
        /^npm run replay -- --endpoint http:\/\/127.0.0.1:\d+ --source archive --target curated --from .*T10:00:00.000Z --to .*T20:00:00.000Z/,
      ),
    ]);

    const machine = await openMachine({ kind: "endpoint", url: runtime.url });
    const { token, answer, entered } = followed(await machine.history(lost.execution.arn));
    expect(entered).toEqual(expect.arrayContaining(["Plan", "Look", "Judge", "Ask a person"]));
    expect(answer).toMatchObject({ holds: false });
    expect(await machine.report(answer?.reportJson ?? "")).toEqual(lost.report);
    await machine.answer(token ?? "", true);
    await expect(machine.answer(token ?? "", true)).rejects.toThrow("Nobody waits for this token any more");
    machine.close();
    await untilEnd(lost.execution);
    expect(causeOf(lost.execution)).toMatch(/--source archive --target curated.*\n\nThe repair is done\. /s);
    await runtime.drain();

    // As it is deployed. This table is small, so all of it is looked at; no counters, which takes the whole history.
    const healed = await reconcile({ samplePerMille: 10, wholeHistory: false });
    expect(healed.execution.failure).toBe(null);
    expect(healed.report.findings.filter(({ weight }) => weight === "divergence")).toEqual([]);
    const unseen = healed.report.checks.flatMap(({ check, holds }) => (holds === null ? [check] : []));
    expect(unseen).toEqual(["stream", "counters"]);
    expect(healed.report.notes).toEqual([
      expect.stringMatching(/^Since then \d+ batches were given up/),
      "Nothing was looked at by: stream, counters.",
    ]);
  });

  it("repairs by itself where that is wanted: the execution says what was lost, and the next one is green", async () => {
    const lake = runtime.physicalId("LakeBucket");
    const keys = await runtime.objects.keys(lake, `curated/dt=${day}/hour=12`);
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) await runtime.objects.delete(lake, key);
    const { execution, report } = await reconcile({ selfRepair: true });
    expect([execution.failure?.error, tokenOf(execution)]).toEqual(["Reconcile.Divergence", null]);
    expect(JSON.stringify(execution.history)).toContain("The repair starts by itself.");
    const [{ input } = { input: {} }] = report.repairs;
    const repair = runtime.machines
      .executions()
      .find(({ input: asked }) => JSON.stringify(asked) === JSON.stringify(input));
    expect(repair?.status).toBe("SUCCEEDED");
    await runtime.drain();
    expect((await reconcile({})).execution.failure).toBe(null);
  });

  it("names a lost object of the archive by its hour and shard, and fails when nobody approves anything", async () => {
    const raw = runtime.physicalId("RawBucket");
    const [key = ""] = await runtime.objects.keys(raw, `raw/dt=${day}/hour=07`);
    const body = (await runtime.objects.get(raw, key)) as Buffer;
    await runtime.objects.delete(raw, key);
    const { execution, report } = await reconcile({});
    expect(execution.failure?.error).toBe("Reconcile.Divergence");
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check: "archive", hourMs: DAY_START_MS + 7 * HOUR }),
    );
    await runtime.objects.put(raw, key, body);
  });

  it("asks Athena again where a query failed, and goes on with the comparison that failed when it is redriven", async () => {
    // Athena fails where something lies already.
    for (const folder of ["sinks", "views/user_activity/rows"])
      await runtime.objects.put(
        runtime.physicalId("LakeBucket"),
        `work/reconcile/run-${runs}/${folder}/0-0/left`,
        Buffer.from("x"),
      );
    const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
    const table = runtime.physicalId("FeaturesTable");
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    const whole = Items.find(({ pk }) => pk?.S?.startsWith("user_activity#"));
    await client.send(new PutItemCommand({ TableName: table, Item: { ...whole, state: { B: Buffer.from("torn") } } }));
    const failed = begin({});
    await untilEnd(failed);
    expect(failed.failure?.error).toBe("States.ExceedToleratedFailureThreshold");
    await client.send(new PutItemCommand({ TableName: table, Item: whole as never }));
    client.destroy();
    runtime.machines.redrive(failed);
    await untilEnd(failed);
    expect([failed.status, failed.failure]).toEqual(["SUCCEEDED", null]);
    const refused = failed.history.filter((event) => JSON.stringify(event).includes("PATH_ALREADY_EXISTS"));
    expect(refused.map(({ type }) => type)).toEqual(["TaskFailed", "TaskFailed"]);
  });

  it("names an item that was tampered with, by its entity, and one that no row accounts for; where a person refuses the repair nothing is done", async () => {
    const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
    const table = runtime.physicalId("FeaturesTable");
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    const users = Items.filter(({ pk }) => pk?.S?.startsWith("user_activity#"));
    const [victim, other] = [users[0], users[1]];
    await client.send(new PutItemCommand({ TableName: table, Item: { ...victim, state: other?.state } as never }));
    const ghost = { ...other, pk: { S: "user_activity#ghost" } };
    await client.send(new PutItemCommand({ TableName: table, Item: ghost as never }));
    const { execution, report } = await reconcile({}, (one) => tokenOf(one) !== null);
    const machine = await openMachine({ kind: "endpoint", url: runtime.url });
    await machine.answer(tokenOf(execution) ?? "", false);
    await untilEnd(execution);
    expect(causeOf(execution)).toMatch(/does not add up.*\n\nA person refused the repair, so nothing was repaired\./s);
    machine.close();
    const items = await client.send(new ScanCommand({ TableName: table }));
    expect(items.Items).toContainEqual(ghost);
    const entity = victim?.pk?.S?.slice("user_activity#".length);
    expect(report.checks.find(({ check }) => check === "features")?.holds).toBe(false);
    expect(report.differences.flatMap(({ differences }) => differences.map((one) => one.entity))).toContain(entity);
    expect(report.findings.map(({ says }) => says)).toContain(
      "user_activity: 1 entity has an item and not one row in the lake: ghost",
    );
    await client.send(new DeleteItemCommand({ TableName: table, Key: { pk: ghost.pk, lane: other?.lane } as never }));

    // Now it is gone, and the lake lacks rows, too, of hours that nobody asked about: they are put there first, then it is made anew.
    await client.send(
      new DeleteItemCommand({ TableName: table, Key: { pk: victim?.pk, lane: victim?.lane } as never }),
    );
    const lake = runtime.physicalId("LakeBucket");
    for (const key of await runtime.objects.keys(lake, `curated/dt=${day}/hour=22`))
      await runtime.objects.delete(lake, key);
    const part = await reconcile({ to: `${day}T20:00:00Z`, selfRepair: true });
    expect(part.report.further.length).toBeGreaterThan(0);
    expect(part.report.repairs.map(({ input }) => input.target)).toEqual(["curated", "features", "features"]);
    expect(causeOf(part.execution)).toMatch(/The repair is done/);
    await runtime.drain();
    const healed = await reconcile({});
    expect(healed.report.findings.filter(({ weight }) => weight === "divergence")).toEqual([]);
    client.destroy();
  });
});

/** The reason and position of each row, different ones. */
async function quarantined(): Promise<readonly string[]> {
  const lake = runtime.physicalId("LakeBucket");
  const bodies = await Promise.all(
    (await runtime.objects.keys(lake, "quarantine/")).map((key) => runtime.objects.get(lake, key)),
  );
  const rows = bodies
    .flatMap((body) =>
      gunzipSync(body as Buffer)
        .toString()
        .split("\n"),
    )
    .filter(Boolean);
  const named = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
  return [...new Set(named.map(({ reason, shard, sequence }) => `${reason} ${shard} ${sequence}`))];
}

function begin(input: JsonMap): Execution {
  const machine = runtime.machines.all().find(({ logicalId }) => logicalId === "ReconcileMachine");
  if (machine === undefined) throw new Error("no machine");
  const whole = { from: day, activeFrom: day, samplePerMille: 1000, wholeHistory: true, thresholdPercent: 0 };
  return runtime.machines.start(machine, { ...whole, ...input }, `run-${runs++}`);
}

async function reconcile(input: JsonMap, until: (execution: Execution) => boolean = () => false) {
  const execution = begin(input);
  await untilEnd(execution, until);
  const judged = execution.history.findLast(
    (event) => (event.stateExitedEventDetails as JsonMap | undefined)?.name === "Judge",
  );
  if (judged === undefined) throw new Error(JSON.stringify(execution.failure));
  const { reportJson } = JSON.parse(String((judged.stateExitedEventDetails as JsonMap).output)) as ReconcileAnswer;
  const text = (await runtime.objects.get(runtime.physicalId("LakeBucket"), reportJson)) as Buffer;
  return { execution, report: JSON.parse(text.toString()) as ReconcileReport };
}

async function untilEnd(execution: Execution, until: (execution: Execution) => boolean = () => false): Promise<void> {
  while (execution.status === "RUNNING" && !until(execution)) await runtime.advanceTo(runtime.clock.now() + 600_000);
}

/** Why it failed, as it must where the day did not add up. */
function causeOf({ status, failure }: Execution): string | undefined {
  expect([status, failure?.error]).toEqual(["FAILED", "Reconcile.Divergence"]);
  return failure?.cause;
}

/** What the message to a person says. */
function tokenOf({ history }: Execution): string | null {
  return /--approve ([^\s"\\]+)/.exec(JSON.stringify(history))?.[1] ?? null;
}

async function finalRows(): Promise<number> {
  const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const { Items = [] } = await client.send(new ScanCommand({ TableName: runtime.physicalId("MetricsTable") }));
  client.destroy();
  return Items.filter(({ sk }) => sk?.S?.includes("#final#")).length;
}
