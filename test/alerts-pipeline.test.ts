import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rangeOver } from "@millrace/charts";
import { afterAll, describe, expect, it } from "vitest";
import { readPanels } from "../cli/dashboard/cloudwatch-charts.ts";
import { connectTo } from "../cli/dashboard/connection.ts";
import { panelsOf } from "../cli/dashboard/panels.ts";
import type { KillPoint } from "../local/lambda/host.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";

const startMs = Date.UTC(2026, 0, 2);
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "millrace-alerts-"));
const definitionsDir = join(folder, "definitions");
cpSync(join(root, "test", "shop"), definitionsDir, { recursive: true });
writeFileSync(
  join(definitionsDir, "alerts.ts"),
  `import { above, defineAlert, defineAlerts } from "@millrace/engine";
export const alerts = defineAlerts({ alerts: [defineAlert("card_testing", { view: "user_activity", anyOf: [above("purchases_30s", 3)] })] });
`,
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two users try cards, one buys like a person. */
const expected = ["thief-1", "thief-2"].map((user) => `card_testing@1#2026-01-02T00:00:05.000Z#${user}`);

describe("alerts through the whole pipeline", () => {
  it("reach the bus and are acted on once each when nothing fails", async () => {
    const { published, acted, onDashboard } = await run("clean", () => false);
    expect(published).toEqual(expected);
    expect(acted).toEqual(expected);
    expect(onDashboard).toBe(expected.length);
  });

  it("are acted on once each when update-features is killed at any of its writes and after its answers", async () => {
    // Writes of the first invocations: items, then what Powertools notes before and after each alert.
    for (const write of [1, 2, 3, 4]) {
      const { published, acted, kills } = await run(
        `write-${write}`,
        (point) =>
          point.functionId === "UpdateFeatures" &&
          point.phase === "write" &&
          point.write === write &&
          point.invocation <= 3,
      );
      expect(kills).toBeGreaterThan(0);
      expect([...new Set(published)].sort()).toEqual(expected);
      expect(acted).toEqual(expected);
    }
    const { published, acted } = await run(
      "answer",
      ({ functionId, phase, invocation }) => functionId === "UpdateFeatures" && phase === "answer" && invocation <= 3,
    );
    expect(published).toEqual(expected);
    expect(acted).toEqual(expected);
  });

  it("are acted on once each when SQS delivers them again, because notify died after it had answered", async () => {
    const { acted, kills } = await run(
      "notify",
      ({ functionId, phase, invocation }) => functionId === "Notify" && phase === "answer" && invocation <= 2,
    );
    expect(kills).toBeGreaterThan(0);
    expect(acted).toEqual(expected);
  });

  it("are acted on by all means when notify is killed inside its act, and again only where the act could not be noted", async () => {
    // Of each invocation: what Powertools notes before the act, and after it.
    for (const [write, again] of [
      [1, 0],
      [2, 2],
    ] as const) {
      const { published, acted, kills } = await run(
        `notify-write-${write}`,
        (point) =>
          point.functionId === "Notify" && point.phase === "write" && point.write === write && point.invocation === 1,
      );
      expect(kills).toBe(1);
      expect(published).toEqual(expected);
      expect([...new Set(acted)]).toEqual(expected);
      expect(acted.length).toBeLessThanOrEqual(expected.length + again);
    }
  });
});

async function run(name: string, kill: (point: KillPoint) => boolean) {
  const outDir = join(folder, name);
  const runtime = await startRuntime({
    templatePath: join(root, "template.yaml"),
    definitionsDir,
    outDir,
    clock: { kind: "virtual", startMs },
    kill,
  });
  let count = 0;
  const buy = (user: string) => {
    const event = {
      event_id: `e${++count}`,
      event_type: "purchase",
      event_time: new Date(startMs + count * 10).toISOString(),
      user_id: user,
      item_id: "i1",
      amount: 3,
    };
    runtime.stream("EventStream").put({ partitionKey: user, data: Buffer.from(JSON.stringify(event)) });
  };
  await runtime.advanceTo(startMs + 1000);
  for (const user of ["thief-1", "person", "thief-2"]) for (let i = 0; i < (user === "person" ? 3 : 5); i++) buy(user);
  await runtime.advanceTo(startMs + 600_000);
  await runtime.drain();
  const published = runtime.events
    .recent()
    .map(({ detail }) => String(detail.id))
    .sort();
  const { UpdateFeatures: update, Notify: notify } = runtime.stats().functions;
  const denied = runtime.access
    .usage()
    .flatMap(({ role, refused }) => refused.map(({ action }) => `${role} ${action}`));
  expect(denied).toEqual([]);
  const onDashboard = await alertsOnDashboard(runtime);
  await runtime.stop();
  const kills = (update?.kills ?? 0) + (notify?.kills ?? 0);
  return { published, acted: actedOn(outDir), onDashboard, kills };
}

/** All values of the panel added up. */
async function alertsOnDashboard(runtime: Runtime): Promise<number> {
  const connection = connectTo(runtime);
  const nowMs = runtime.clock.now();
  const panels = panelsOf(connection).filter(({ id }) => id === "alerts");
  const charts = await readPanels(connection.cloudWatch, panels, rangeOver(startMs, nowMs), nowMs);
  connection.close();
  return charts.flatMap(({ lines }) => lines.flatMap(({ values }) => values)).reduce<number>((a, b) => a + (b ?? 0), 0);
}

function actedOn(outDir: string): readonly string[] {
  const lines = readFileSync(join(outDir, "logs", "Notify.ndjson"), "utf8")
    .split("\n")
    .filter((line) => line.includes('"message":"alert"'));
  return lines.map((line) => String((JSON.parse(line) as { id: string }).id)).sort();
}
