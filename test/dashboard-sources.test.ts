import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { eventBridgeAlerts } from "@millrace/aws";
import { inUnit } from "@millrace/charts";
import type { Raised } from "@millrace/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import type { Widget } from "../cli/dashboard/cloudwatch-dashboard.ts";
import { connectTo } from "../cli/dashboard/connection.ts";
import { createFaultSwitch } from "../cli/dashboard/fault-rates.ts";
import type { Snapshot } from "../cli/dashboard/snapshot.ts";
import { alertsOf, localSource, type Source, stackSource } from "../cli/dashboard/source.ts";
import { readProject } from "../cli/dev/project.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { shownByWidgets, shownOnPage } from "./dashboard-widgets.ts";
import { shopDir } from "./shop.ts";

const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const out = mkdtempSync(join(tmpdir(), "millrace-sources-"));
const sources: Source[] = [];
let runtime: Runtime;
let templateText: string;

beforeAll(async () => {
  const { definitions, ...project } = await readProject({
    definitionsDir: shopDir,
    out: { name: out, path: out },
    parameters: { BatchingWindowSeconds: "0", ShardLevelMetrics: "true" },
  });
  templateText = project.templateText;
  const faults = createFaultSwitch(["crash", "throttle"], () => runtime.stats().faults);
  runtime = await startRuntime({ ...project, outDir: out, clock: { kind: "real" }, faults: faults.rates });
  const pathOf = (bucket: string, key: string): string => join(out, bucket, key);
  sources.push(localSource({ runtime, definitions, faults, pathOf }));
  sources.push(stackSource("millrace", definitions, connectTo(runtime)));
  for (const [i, type] of ["view_item", "view_item", "purchase"].entries()) {
    const now = new Date().toISOString();
    const event = { event_id: `e${i}`, event_type: type, event_time: now, user_id: "u1", item_id: "i1", amount: 5 };
    runtime.stream("EventStream").put({ partitionKey: "u1", data: Buffer.from(JSON.stringify(event)) });
  }
  await runtime.drain();
});
afterAll(async () => {
  for (const source of sources) source.stop();
  await runtime.stop();
  rmSync(out, { recursive: true, force: true });
});

describe.each([
  ["a pipeline on this machine", 0],
  ["a stack, by the APIs that AWS has", 1],
])("the page of %s", (_, at) => {
  const source = (): Source => sources[at] as Source;

  it("reads its figures, metrics and files, and has no problem to tell", async () => {
    const snapshot = await source().snapshot();
    expect(snapshot.problems).toEqual([]);
    expect(snapshot.machines.map(({ name }) => name)).toEqual(runtime.machines.all().map(({ logicalId }) => logicalId));
    const ages = snapshot.charts.filter(({ title }) => title === "Iterator age by shard");
    expect(ages.map(({ lines }) => lines[0]?.label)).toEqual(["shard 0"]);
    expect(snapshot.views.find(({ name }) => name === "user_activity")?.examples).toEqual(["u1"]);
    expect(figuresOf(snapshot)).toMatchObject({ put: 3, duplicates: 0, quarantined: 0, revenue: 5 });
    expect(snapshot.files.newest.find(({ key }) => key.startsWith("curated/"))).toMatchObject({
      rows: at === 0 ? 3 : null,
    });
  });

  it("looks up features where the API has them", async () => {
    const found = await source().lookUp("user_activity", "u1");
    expect(found).toMatchObject({ entity: "u1", seen: true });
    expect(Object.fromEntries(found?.features ?? [])).toMatchObject({ views_24h: "2", purchases_24h: "1" });
    expect(await source().lookUp("user_activity", "nobody")).toMatchObject({ seen: false, lastArrivalMs: null });
    expect(await source().lookUp("no_such_view", "u1")).toBeNull();
  });
});

describe("the CloudWatch dashboard of the same stack", () => {
  it("has the page's panels, and draw-panel draws what the page shows there", async () => {
    const page = await (sources[1] as Source).snapshot();
    const widgets = widgetsIn(templateText);
    const drawn = new Map<string, string>();
    for (const { properties } of widgets.filter(({ type }) => type === "custom")) {
      const { panel } = properties.params as { panel: string };
      drawn.set(panel, await draw(panel, page));
    }
    expect(shownByWidgets(widgets, (panel) => drawn.get(panel) ?? "")).toEqual(shownOnPage(page));

    const told = (panel: string) => (drawn.get(panel) ?? "").replaceAll(/<[^>]*>/g, " ").replaceAll(/ +/g, " ");
    for (const { id, lines, unit } of page.charts.filter(({ id }) => drawn.has(id))) {
      expect(lines.length, id).toBeGreaterThan(0);
      for (const { label, values } of lines)
        expect(told(id)).toContain(`${label} ${inUnit(values.findLast((value) => value !== null) ?? null, unit)}`);
    }
    for (const { id, bars } of page.rankings) {
      expect(bars.length, id).toBeGreaterThan(0);
      for (const { label, count, share } of bars)
        expect(told(id)).toContain(`${label} ${inUnit(count, "count")} ${inUnit(share, "share")}`);
    }
    expect(told("figures")).toMatch(/Revenue 5 /);
  });
});

it("alerts are shown where they can be read back, the newest first, and what is no alert is not", async () => {
  const client = new EventBridgeClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const bus = eventBridgeAlerts({ client, bus: "default", once: (_, work) => work() });
  const raised = { id: "1", alert: "card_testing", version: 1, view: "user_activity", startMs: 0, endMs: 30_000 };
  const features = { purchases_30s: 6 };
  for (const entity of ["u1", "u2"]) await bus.publish([{ ...raised, entity, features } as unknown as Raised]);
  const Entries = [{ Source: "another", DetailType: "alert", Detail: "{}" }];
  await client.send(new PutEventsCommand({ Entries }));
  client.destroy();
  expect(alertsOf(runtime)).toEqual(
    ["u2", "u1"].map((entity) => ({ name: "card_testing", entity, view: "user_activity", atMs: expect.any(Number) })),
  );
  expect((await sources[1]?.snapshot())?.alerts).toBeNull();
});

it("buttons are only where there is something to break", async () => {
  const [local, stack] = await Promise.all(sources.map((source) => source.snapshot()));
  expect(local?.faults.map(({ name }) => name)).toEqual(["events", "crash", "throttle", "reshard", "poison"]);
  expect(stack?.faults).toEqual([]);
  expect(sources[1]?.press("crash")).toBeNull();
});

/** As the console asks for it, over the time that the page shows. */
async function draw(panel: string, { charts }: Snapshot): Promise<string> {
  const timesMs = charts.find(({ id }) => id === "records")?.timesMs ?? [];
  const timeRange = { start: timesMs[0], end: (timesMs.at(-1) ?? 0) + 1 };
  const Payload = JSON.stringify({ panel, widgetContext: { theme: "dark", title: panel, timeRange } });
  const client = new LambdaClient({ endpoint: runtime.url, region: "us-east-1", credentials });
  const answer = await client.send(new InvokeCommand({ FunctionName: runtime.physicalId("DrawPanel"), Payload }));
  client.destroy();
  expect(answer.FunctionError).toBeUndefined();
  return JSON.parse(Buffer.from(answer.Payload ?? []).toString());
}

function widgetsIn(template: string): readonly Widget[] {
  const body = parseDocument(template, { logLevel: "silent" }).toJS().Resources.Dashboard.Properties.DashboardBody;
  return JSON.parse(body).widgets;
}

function figuresOf({ figures }: Snapshot): Readonly<Record<string, number | null>> {
  return Object.fromEntries(figures.map(({ id, value }) => [id, value]));
}
