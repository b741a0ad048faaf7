/**
 * The dashboard in a real browser, before a pipeline that runs. Needs Chromium, which `.ci/run` installs and names; without the name this
 * file is left out (vitest.config.ts). Screenshots go to MILLRACE_SCREENSHOTS where that names a folder.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DescribeStreamSummaryCommand, KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage } from "../../cli/dashboard/build-page.ts";
import { createFaultSwitch } from "../../cli/dashboard/fault-rates.ts";
import { type DashboardServer, serveDashboard } from "../../cli/dashboard/server.ts";
import { localSource } from "../../cli/dashboard/source.ts";
import { readProject } from "../../cli/dev/project.ts";
import { parseOptions } from "../../cli/start/options.ts";
import { run } from "../../cli/start/run.ts";
import { type Runtime, startRuntime } from "../../local/runtime.ts";
import { shopDir } from "../shop.ts";
import { complaintsOf, openBrowser, overflow, picture, violationsOf } from "./browser.ts";

const out = mkdtempSync(join(tmpdir(), "millrace-dashboard-"));
const report = mkdtempSync(join(tmpdir(), "millrace-report-"));
let runtime: Runtime;
let server: DashboardServer;
let kinesis: KinesisClient;
let browser: Awaited<ReturnType<typeof openBrowser>>;

beforeAll(async () => {
  const { definitions, ...project } = await readProject({
    definitionsDir: shopDir,
    out: { name: out, path: out },
    parameters: { MetricsWindowSeconds: "2", MetricsBatchingWindowSeconds: "0", BatchingWindowSeconds: "0" },
  });
  const faults = createFaultSwitch(["crash", "throttle"], () => runtime.stats().faults);
  runtime = await startRuntime({ ...project, outDir: out, clock: { kind: "real" }, faults: faults.rates });
  const pathOf = (bucket: string, key: string): string => join(out, bucket, key);
  const source = localSource({ runtime, definitions, faults, pathOf });
  server = await serveDashboard({ port: 0, html: await buildPage(null), source });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  kinesis = new KinesisClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.stop();
  await server.stop();
  kinesis.destroy();
  await runtime.stop();
  for (const folder of [out, report]) rmSync(folder, { recursive: true, force: true });
});

describe("the dashboard of a pipeline that runs", () => {
  it("shows events as they come, looks up their features, stays right when a function crashes, and says nothing wrong", async () => {
    const page = await browser.context.newPage();
    const complaints = complaintsOf(page);
    await page.goto(server.url);
    await page.getByRole("button", { name: "Send events" }).click();
    await page.locator("#done", { hasText: "events are on their way" }).waitFor();

    // The first lines of the chart, and then others: it moves, and what it says of its newest points does.
    const chart = page.getByRole("img", { name: /^Events per second, by shard: .* [1-9][\d.]*\/s/ });
    await chart.waitFor();
    const before = { pixels: await pixelsOf(page), told: await toldOf(page), put: await figure(page, "put") };
    await expect.poll(() => pixelsOf(page), { timeout: 20_000 }).not.toBe(before.pixels);
    await expect.poll(() => toldOf(page), { timeout: 20_000 }).not.toBe(before.told);
    await expect.poll(() => figure(page, "put"), { timeout: 20_000 }).toBeGreaterThan(before.put);
    await expect.poll(() => figure(page, "applied"), { timeout: 30_000 }).toBeGreaterThan(100);

    await page.locator("#entities option").first().waitFor({ state: "attached", timeout: 20_000 });
    const someone = (await page.locator("#entities option").first().getAttribute("value")) as string;
    await page.getByLabel("user id").fill(someone);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: `${someone} in user activity` }).waitFor();
    expect(await page.locator(".features dt", { hasText: "views_30s" }).count()).toBe(1);

    const shards = await openShards();
    await pressByKeyboard(page, [
      ["crash", "Enter", "The next function that is invoked will crash."],
      ["throttle", "Space", "The next three invocations will be throttled."],
      ["reshard", "Enter", `The stream has ${shards + 1} open shards now.`],
      ["poison", "Space", "A record of broken JSON is on the stream."],
    ]);
    expect(await openShards()).toBe(shards + 1);
    for (const [fault, times] of [
      ["crash", 1],
      ["throttle", 3],
    ] as const) {
      await expect.poll(() => runtime.stats().faults[fault], { timeout: 30_000 }).toBe(times);
      await page.locator(`[data-name="${fault}"]`, { hasText: `× ${times}` }).waitFor();
    }
    await expect.poll(() => figure(page, "quarantined"), { timeout: 30_000 }).toBeGreaterThan(0);

    // After all that, what a client of AWS puts is what one looks up.
    for (const [i, type] of ["view_item", "view_item", "purchase"].entries()) await put(`ann-${i}`, type);
    await expect.poll(() => featureOf(page, "ann", "views_24h"), { timeout: 30_000 }).toBe("2");
    await expect.poll(() => featureOf(page, "ann", "purchases_24h"), { timeout: 30_000 }).toBe("1");

    // Metrics come a minute's window later, here of two seconds.
    await page.getByRole("img", { name: /^Revenue by region/ }).waitFor({ timeout: 40_000 });

    for (const look of looks) {
      await page.setViewportSize(look.size);
      await page.emulateMedia({ colorScheme: look.colours });
      expect(await violationsOf(page), look.name).toEqual([]);
      expect(await overflow(page), `${look.name}: nothing is wider than the screen`).toBeLessThanOrEqual(0);
      await picture(page, `live-${look.name}`);
    }
    expect(complaints).toEqual([]);
    await page.close();
  }, 180_000);
});

describe("report.html of npm start", () => {
  it("has the run's charts and the features of its entities in it, and needs no server", async () => {
    const options = parseOptions(["--events", "3000", "--out", report], "/", "/");
    if (options === null) throw new Error("no options");
    const progress = { update() {}, done() {}, note() {} } as unknown as Parameters<typeof run>[0]["progress"];
    const { ok } = await run({ ...options, progress, say() {}, now: () => performance.now() });
    expect(ok).toBe(true);
    const page = await browser.context.newPage();
    const complaints = complaintsOf(page);
    await page.goto(pathToFileURL(join(report, "report.html")).href);
    await page.getByRole("img", { name: /^Records put on the stream/ }).waitFor();
    expect(await figure(page, "put")).toBeGreaterThanOrEqual(3000);
    expect(await figure(page, "revenue")).toBeGreaterThan(0);
    await page.getByRole("img", { name: /^Events per second: put/ }).waitFor();
    await page.getByRole("img", { name: /^Iterator age by shard: shard 0 \d/ }).waitFor();
    const someone = (await page.locator("#entities option").first().getAttribute("value")) as string;
    await page.locator("#entity").fill(someone);
    await page.getByRole("button", { name: "Look up" }).click();
    await page.locator("#found h3", { hasText: someone }).waitFor();
    for (const look of looks) {
      await page.setViewportSize(look.size);
      await page.emulateMedia({ colorScheme: look.colours });
      expect(await violationsOf(page), look.name).toEqual([]);
      expect(await overflow(page), `${look.name}: nothing is wider than the screen`).toBeLessThanOrEqual(0);
      await picture(page, `report-${look.name}`);
    }
    expect(complaints).toEqual([]);
    await page.close();
  }, 180_000);
});

const looks = [
  { name: "desktop-light", size: { width: 1280, height: 900 }, colours: "light" },
  { name: "desktop-dark", size: { width: 1280, height: 900 }, colours: "dark" },
  { name: "phone-light", size: { width: 390, height: 844 }, colours: "light" },
  { name: "phone-dark", size: { width: 390, height: 844 }, colours: "dark" },
] as const;

function figure(page: Page, id: string): Promise<number> {
  return page
    .locator(`#figure-${id}`)
    .evaluate((told) => Number((told.firstChild?.textContent ?? "").replace(/[^\d.]/g, "")));
}

/** From one button to the next by Tab alone. Each says what it did. */
async function pressByKeyboard(page: Page, presses: readonly (readonly [name: string, key: string, says: string])[]) {
  await page.locator('[data-name="events"]').focus();
  for (const [name, key, says] of presses) {
    await page.keyboard.press("Tab");
    expect(await page.locator(":focus").getAttribute("data-name")).toBe(name);
    await page.keyboard.press(key);
    await page.locator("#done", { hasText: says }).waitFor();
  }
}

async function openShards(): Promise<number> {
  const StreamName = runtime.physicalId("EventStream");
  const { StreamDescriptionSummary } = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName }));
  return StreamDescriptionSummary?.OpenShardCount ?? 0;
}

async function put(event_id: string, event_type: string): Promise<void> {
  const event_time = new Date().toISOString();
  const event = { event_id, event_type, event_time, user_id: "ann", item_id: "item-1", amount: 5 };
  const StreamName = runtime.physicalId("EventStream");
  await kinesis.send(
    new PutRecordCommand({ StreamName, PartitionKey: "ann", Data: Buffer.from(JSON.stringify(event)) }),
  );
}

/** As the form shows it when it has been asked. */
async function featureOf(page: Page, entity: string, name: string): Promise<string | null> {
  const answered = page.waitForResponse((response) => response.url().includes("/features?"));
  await page.getByLabel("user id").fill(entity);
  await page.keyboard.press("Enter");
  await answered;
  const card = page.locator("#found .card", { has: page.getByRole("heading", { name: `${entity} in user activity` }) });
  return card
    .locator(".features div", { has: page.getByText(name, { exact: true }) })
    .locator("dd")
    .textContent();
}

function toldOf(page: Page): Promise<string | null> {
  return page.locator("#chart-per-second .plot").getAttribute("aria-label");
}

function pixelsOf(page: Page): Promise<string> {
  return page
    .locator("#chart-per-second canvas")
    .evaluate((canvas) => (canvas as { toDataURL?(): string }).toDataURL?.() ?? "");
}
