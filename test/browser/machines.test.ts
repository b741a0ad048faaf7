/** State machines on the dashboard in a real browser: a machine that goes on while one looks. Needs Chromium, as dashboard.test.ts does. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildPage } from "../../cli/dashboard/build-page.ts";
import { readMachines } from "../../cli/dashboard/machines.ts";
import { type DashboardServer, serveDashboard } from "../../cli/dashboard/server.ts";
import type { Snapshot } from "../../cli/dashboard/snapshot.ts";
import { functionArn, machineArn, openBench, startMs } from "../local-states/bench.ts";
import { complaintsOf, openBrowser, overflow, picture, violationsOf } from "./browser.ts";

let browser: Awaited<ReturnType<typeof openBrowser>>;
let server: DashboardServer;

beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.stop();
  await server.stop();
});

it("shows a machine's states, where its execution stands, how far its map is and how it failed, as it happens", async () => {
  const work = (payload: unknown) => {
    if (payload === 7) throw Object.assign(new Error("no"), { name: "Broken" });
    return payload;
  };
  const bench = await openBench(reconcileLike, { work, durationMs: 1000 });
  const machines = [{ logicalId: "Reconcile", arn: machineArn, nextMs: startMs + 86_400_000 }];
  const source = {
    snapshot: async () => ({
      ...nothing,
      atMs: bench.clock.now(),
      machines: await readMachines(bench.client, machines),
    }),
    lookUp: async () => null,
    press: () => null,
    stop() {},
  };
  server = await serveDashboard({ port: 0, html: await buildPage(null), source });
  const page = await browser.context.newPage();
  const complaints = complaintsOf(page);
  await page.goto(server.url);
  const graph = (words: RegExp) => page.getByRole("img", { name: words }).waitFor();
  await graph(/^Reconcile: 11 states, not started yet$/);
  await page.getByText("Starts by itself at 2026-01-03 00:00:00 UTC.").waitFor();

  await bench.start({}, "yesterday");
  await bench.clock.advanceTo(startMs + 63_500);
  await graph(/^Reconcile: running, at Compare; \d of 11 states done$/);
  await page.getByRole("cell", { name: "Compare 4 of 12 (2 running)" }).waitFor();
  await looks(page, "running");
  const states = page.getByRole("region", { name: "States of Reconcile" });
  await states.focus();

  await bench.clock.advanceTo(startMs + 80_000);
  await page.getByRole("cell", { name: /^States\.ExceedToleratedFailureThreshold/ }).waitFor();
  await graph(/^Reconcile: failed, at Compare/);
  expect(await page.locator(".state.failed text").allTextContents()).toEqual(["Compare"]);
  expect(await page.locator(":focus").getAttribute("aria-label"), "the keyboard keeps its place").toBe(
    "States of Reconcile",
  );
  await looks(page, "failed");
  expect(complaints).toEqual([]);
  await page.close();
}, 120_000);

async function looks(page: Page, name: string): Promise<void> {
  for (const [width, height] of [
    [1280, 900],
    [390, 844],
  ] as const)
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      expect(await violationsOf(page), `${name} ${width} ${colorScheme}`).toEqual([]);
      expect(await overflow(page), `${name} ${width}: nothing is wider than the screen`).toBeLessThanOrEqual(0);
      await picture(page, `machines-${name}-${width}-${colorScheme}`);
    }
}

const task = { Type: "Task", Resource: functionArn };
const one = (name: string) => ({ StartAt: name, States: { [name]: { Type: "Pass", End: true } } });
const reconcileLike = {
  States: {
    Plan: { ...task, Next: "Count" },
    Count: { Type: "Parallel", Branches: [one("Stream"), one("Raw"), one("Curated")], Next: "Settled" },
    Settled: {
      Type: "Choice",
      Choices: [
        { Condition: "{% $millis() > $toMillis($states.context.Execution.StartTime) + 60000 %}", Next: "Compare" },
      ],
      Default: "Wait",
    },
    Wait: { Type: "Wait", Seconds: 60, Next: "Count" },
    Compare: {
      Type: "Map",
      Label: "Compare",
      Items: "{% [1..12] %}",
      MaxConcurrency: 2,
      ItemProcessor: {
        ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "EXPRESS" },
        StartAt: "CompareOne",
        States: { CompareOne: { ...task, End: true } },
      },
      Catch: [{ ErrorEquals: ["States.Timeout"], Next: "Tell" }],
      Next: "Report",
    },
    Report: { ...task, End: true },
    Tell: { Type: "Fail", Error: "Drift" },
  },
};

const nothing: Omit<Snapshot, "machines" | "atMs"> = {
  ...{
    title: "Machines",
    about: "a test",
    figures: [],
    charts: [],
    rankings: [],
    views: [],
    alerts: null,
    reconciliation: null,
    alarms: [],
  },
  ...{ faults: [], problems: [], files: { newest: [], totalFiles: 0, totalBytes: 0 } },
};
