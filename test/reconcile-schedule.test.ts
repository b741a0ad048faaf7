import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readProject } from "../cli/dev/project.ts";
import { DAY_START_MS } from "../cli/sample-day/day.ts";
import { NO_DAILY_RECONCILIATION } from "../cli/start/reconcile-day.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { shopDir } from "./shop.ts";

/** Whether the template itself has its days reconciled, and tells where it does not. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe("the schedule of the reconcile machine", { timeout: 240_000 }, () => {
  it("starts it every day, and no alarm rings on a new stack before its first night", async () => {
    const runtime = await daysOf({}, 2);
    const runs = runtime.machines
      .executions()
      .filter(({ machine, mapRun }) => machine.logicalId === "ReconcileMachine" && mapRun === null);
    expect(runs.map(({ startMs }) => startMs - DAY_START_MS)).toEqual([3.5 * HOUR, DAY + 3.5 * HOUR]);
    expect(runs.map(({ input }) => input)).toEqual([{}, {}]);
    // The first day has nothing before it; the second is looked at.
    expect(runs.map(({ status }) => status)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    expect(rang(runtime)).toEqual([]);
    await runtime.stop();
  });

  it("rings when it starts nothing for two days, unless that is wanted", async () => {
    const broken = await daysOf({ ReconcileSchedule: "cron(0 0 1 1 ? 2198)" }, 3);
    expect(rang(broken)).toEqual(["ReconcileNotStartedAlarm"]);
    await broken.stop();
    const never = await daysOf(NO_DAILY_RECONCILIATION, 3);
    expect(rang(never)).toEqual([]);
    await never.stop();
  });
});

/** So many days, with a record at noon of each. */
async function daysOf(parameters: Readonly<Record<string, string>>, days: number): Promise<Runtime> {
  const outDir = mkdtempSync(join(tmpdir(), "millrace-schedule-"));
  folders.push(outDir);
  const project = await readProject({ definitionsDir: shopDir, parameters, out: { name: outDir, path: outDir } });
  const clock = { kind: "virtual", startMs: DAY_START_MS } as const;
  const runtime = await startRuntime({ ...project, outDir, clock });
  for (let day = 0; day < days; day++) {
    await runtime.advanceTo(DAY_START_MS + day * DAY + 12 * HOUR);
    runtime.stream("EventStream").put({ partitionKey: "k", data: Buffer.from("no event") });
    await runtime.advanceTo(DAY_START_MS + (day + 1) * DAY + HOUR);
  }
  return runtime;
}

function rang({ alarms }: Runtime): readonly string[] {
  const rings = alarms.history().filter(({ to }) => to === "ALARM");
  return rings.map(({ settings }) => settings.logicalId).filter((id) => id.startsWith("Reconcile"));
}
