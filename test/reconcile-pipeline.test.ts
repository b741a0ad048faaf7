import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { followed } from "../cli/reconcile/follow.ts";
import { openMachine } from "../cli/reconcile/machine.ts";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { parametersFor } from "../cli/start/run.ts";
import type { ReconcileAnswer, ReconcileReport } from "../functions/reconcile/reconcile.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import type { Execution } from "../local/states/execution.ts";
import type { JsonMap } from "../local/states/json.ts";
import { features } from "./shop/features.ts";
import { shopDir } from "./shop.ts";

/** The machine of the template, on the local runtime, over a day of shoppers: healthy, and with something gone. */

const HOUR = 3_600_000;
const day = new Date(DAY_START_MS).toISOString().slice(0, 10);
const outDir = mkdtempSync(join(tmpdir(), "millrace-reconcile-"));
const credentials = { accessKeyId: "local", secretAccessKey: "local" };
let runtime: Runtime;
let runs = 0;

beforeAll(async () => {
  const parameters = parametersFor({ shards: 2 });
  const project = await readProject({ definitionsDir: shopDir, parameters, out: { name: outDir, path: outDir } });
  runtime = await startRuntime({ ...project, outDir, clock: { kind: "virtual", startMs: DAY_START_MS } });
  for (const event of sampleDay({ eventCount: 400, seed: 1, ...features })) {
    await runtime.advanceTo(Math.max(event.arrivalMs, runtime.clock.now()));
    runtime.stream("EventStream").put(event);
  }
  await runtime.drain();
}, 240_000);
afterAll(async () => {
  await runtime.stop();
  rmSync(outDir, { recursive: true });
});

describe("the daily reconciliation", { timeout: 240_000 }, () => {
  it("finds a healthy day in order, by the stream read once more as by the ledger, and makes its metrics final", async () => {
    const { execution, report } = await reconcile({ readStream: true });
    expect(execution.failure).toBe(null);
    expect(report.findings.filter(({ weight }) => weight === "divergence")).toEqual([]);
    for (const { check, compared } of report.checks) expect([check, compared > 0]).toEqual([check, true]);
    expect(await finalRows()).toBeGreaterThan(0);
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
    expect(lost.report.repairs.map(({ command }) => command)).toEqual([
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
    expect(lost.execution.failure?.error).toBe("Reconcile.Divergence");
    await runtime.drain();

    const healed = await reconcile({});
    expect(healed.execution.failure).toBe(null);
    expect(healed.report.findings.filter(({ weight }) => weight === "divergence")).toEqual([]);
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

  it("names an item that was tampered with, by its entity, and one that no row accounts for", async () => {
    const client = new DynamoDBClient({ endpoint: runtime.url, region: "us-east-1", credentials });
    const table = runtime.physicalId("FeaturesTable");
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    const users = Items.filter(({ pk }) => pk?.S?.startsWith("user_activity#"));
    const [victim, other] = [users[0], users[1]];
    await client.send(new PutItemCommand({ TableName: table, Item: { ...victim, state: other?.state } as never }));
    const ghost = { ...other, pk: { S: "user_activity#ghost" } };
    await client.send(new PutItemCommand({ TableName: table, Item: ghost as never }));
    const { execution, report } = await reconcile({}, (one) => tokenOf(one) !== null);
    runtime.machines.stop(execution, "", "");
    const entity = victim?.pk?.S?.slice("user_activity#".length);
    expect(report.checks.find(({ check }) => check === "features")?.holds).toBe(false);
    expect(report.differences.flatMap(({ differences }) => differences.map((one) => one.entity))).toContain(entity);
    expect(report.findings.map(({ says }) => says)).toContain(
      "user_activity: 1 entity has an item and not one row in the lake: ghost",
    );
    await client.send(new PutItemCommand({ TableName: table, Item: victim as never }));
    await client.send(new DeleteItemCommand({ TableName: table, Key: { pk: ghost.pk, lane: other?.lane } as never }));
    client.destroy();
  });
});

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
