/** A day of real orders is deleted from the lake, where the data is present: the commands find it, name it, bring it back, and are content. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadDefinitions } from "../cli/definitions.ts";
import { readProject } from "../cli/dev/project.ts";
import { parametersFor } from "../cli/start/run.ts";
import { openSource } from "../cli/start/source.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import type { Execution } from "../local/states/execution.ts";
import { curatedRows } from "./lake-rows.ts";
import { shopDir } from "./shop.ts";

const project = resolve(import.meta.dirname, "..");
const data = resolve(process.env.MILLRACE_DATA ?? join(project, "..", "shared", "data"));
const LOST = "2010-12-22";
const DAYS = [LOST, "2010-12-23"];
/** When the shop took orders on that day. */
const OPEN = [10, 11, 12, 13, 14, 15, 16].map((hour) => `${LOST} ${hour}`);
const FIVE_MINUTES = 300_000;
/** Of every entity, at any loss. */
const CHECKED = ["--from", LOST, "--to", "2010-12-24", "--active-from", LOST, "--sample", "1000", "--threshold", "0"];
let folder: string;
let runtime: Runtime;

describe.runIf(existsSync(data))("two days of online-retail", { timeout: FIVE_MINUTES }, () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "millrace-data-reconcile-"));
    const name = (path: string) => ({ name: path, path: join(project, path) });
    const inputs = DAYS.map((day) => ({ name: `${day}.csv`, path: join(data, "online-retail", `${day}.csv`) }));
    const options = {
      inputs,
      map: name("examples/maps/online-retail.yaml"),
      order: "file",
      events: 0,
      seed: 1,
    } as const;
    const { arrivals, startMs } = await openSource(options, await loadDefinitions(shopDir));
    const parameters = { ...parametersFor({ shards: 2 }), LakeSince: "2010-12-01" };
    const opened = await readProject({ definitionsDir: shopDir, parameters });
    runtime = await startRuntime({ ...opened, outDir: folder, clock: { kind: "virtual", startMs } });
    for await (const { arrivalMs, partitionKey, data } of arrivals) {
      if (arrivalMs > runtime.clock.now()) await runtime.advanceTo(arrivalMs);
      runtime.stream("EventStream").put({ partitionKey, data });
    }
    await runtime.drain();
  }, FIVE_MINUTES);

  it("lacks a day when one is deleted, and adds up when the command that is named has been typed", async () => {
    const whole = await curatedRows(lakeDir());
    expect(whole.rows.length).toBeGreaterThan(1000);
    for (const key of await runtime.objects.keys("lake", `curated/dt=${LOST}/`))
      await runtime.objects.delete("lake", key);
    const lost = whole.rows.length - (await curatedRows(lakeDir())).rows.length;
    expect(lost).toBeGreaterThan(200);

    const found = await command("reconcile", ...CHECKED);
    expect(found.code).toBe(1);
    // By its hours, all of them and no others, in their order.
    const hours = new Set(
      found.said.match(/^\d{4}-\d\d-\d\d \d\d:00 shardId-\d+: the lake lacks/gm)?.map((one) => one.slice(0, 13)),
    );
    expect([...hours]).toEqual(OPEN);
    const [, line = ""] = /npm run replay -- (.*)/.exec(found.said) ?? [];
    expect(line).toContain(`--source archive --target curated --from ${LOST}T`);

    // As it is printed, and as the report has it.
    const repair = await typed("replay", ...line.split(" "));
    expect([repair.code, repair.said]).toEqual([0, expect.stringContaining("records put again")]);
    await runtime.drain();
    expect(await curatedRows(lakeDir())).toEqual(whole);

    const after = await command("reconcile", ...CHECKED);
    expect([after.said, after.code]).toEqual([expect.stringContaining("adds up"), 0]);
  });

  afterAll(async () => {
    await runtime?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
});

function lakeDir(): string {
  return join(folder, runtime.physicalId("LakeBucket"));
}

function command(name: string, ...args: readonly string[]) {
  return typed(name, "--endpoint", runtime.url, ...args);
}

/** As a person types it; the clock goes on as long as one of its machines has something to do. */
async function typed(name: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(project, "cli", `${name}.ts`), ...args]);
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  let code: number | null | undefined;
  void ended.then((ends) => (code = ends));
  while (code === undefined) {
    if (runtime.machines.executions().some(isAtWork)) await runtime.advanceTo(runtime.clock.now() + 60_000);
    else await sleep(20);
  }
  // Nobody answers: whoever types repairs by hand.
  for (const execution of runtime.machines.executions())
    if (execution.status === "RUNNING") runtime.machines.stop(execution, "", "");
  return { code, said };
}

function isAtWork({ status, history }: Execution): boolean {
  return status === "RUNNING" && !JSON.stringify(history).includes("--approve ");
}
