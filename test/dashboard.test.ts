import { get } from "node:http";
import type { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { chartOf, inUnit, metricPanels, rangeOver, timesOf } from "@millrace/charts";
import { compile, compileMetrics, rollUp } from "@millrace/engine";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildPage } from "../cli/dashboard/build-page.ts";
import { readPanels } from "../cli/dashboard/cloudwatch-charts.ts";
import { widgetsOf } from "../cli/dashboard/cloudwatch-dashboard.ts";
import type { Connection } from "../cli/dashboard/connection.ts";
import { createFaultSwitch } from "../cli/dashboard/fault-rates.ts";
import type { Panel } from "../cli/dashboard/panels.ts";
import { takePulse } from "../cli/dashboard/pulse.ts";
import { inWords, type MetricParts, readingsOf } from "../cli/dashboard/readings.ts";
import { type DashboardServer, serveDashboard } from "../cli/dashboard/server.ts";
import type { Snapshot } from "../cli/dashboard/snapshot.ts";
import type { Source } from "../cli/dashboard/source.ts";
import type { Definitions } from "../cli/definitions.ts";
import { createStreamMetrics } from "../local/kinesis/metrics.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";

describe("the dashboard's server", () => {
  let server: DashboardServer;
  const pressed: string[] = [];
  const open = async (): Promise<void> => {
    const source: Source = {
      snapshot: async () => nothing,
      lookUp: async (view, entity) =>
        view === "v" ? { view, entity, seen: false, asOfMs: 0, lastArrivalMs: null, features: [] } : null,
      press: (name) => (name === "crash" ? `${pressed.push(name)}` : null),
      stop() {},
    };
    server = await serveDashboard({ port: 0, html: "<p>page</p>", source });
  };
  afterEach(() => server.stop());

  it("answers the page, the snapshot and look-ups, and says what there is not", async () => {
    await open();
    expect(await (await fetch(server.url)).text()).toBe("<p>page</p>");
    expect(await (await fetch(`${server.url}/snapshot`)).json()).toEqual(nothing);
    expect(await (await fetch(`${server.url}/features?view=v&entity=a%2Fb`)).json()).toMatchObject({ entity: "a/b" });
    expect((await fetch(`${server.url}/features?view=w&entity=a`)).status).toBe(404);
    expect((await fetch(`${server.url}/else`)).status).toBe(404);
  });

  it("is not answered under a name that somebody else points at this machine", async () => {
    await open();
    const status = (host: string) =>
      new Promise((resolve) => get(server.url, { headers: { host } }, (answer) => resolve(answer.statusCode)));
    expect(await status("evil.example")).toBe(403);
    expect(await status("localhost:1234")).toBe(200);
  });

  it("presses a button for its own page only", async () => {
    await open();
    const press = (headers: Record<string, string>) => fetch(`${server.url}/press/crash`, { method: "POST", headers });
    expect((await press({})).status).toBe(404);
    expect(pressed).toEqual([]);
    expect((await press({ "x-millrace": "1" })).status).toBe(200);
    expect(pressed).toEqual(["crash"]);
  });
});

it("a report's data cannot end the element that holds them, and come back as they were", async () => {
  const snapshot: Snapshot = { ...nothing, about: "</script><script>alert(1)</script> $& <!--" };
  const html = await buildPage({ snapshot, lookedUp: [] });
  expect(html).not.toContain("alert(1)</script>");
  const [, json = ""] = /id="inlined">(.*?)<\/script>/s.exec(html) ?? [];
  expect(JSON.parse(json)).toEqual({ snapshot, lookedUp: [] });
  expect(html).not.toMatch(/(src|href)="(?!data:|#)/);
});

it.each([
  [1, 60_000],
  [149, 60_000],
  [24 * 60, 900_000],
  [30 * 24 * 60, 21_600_000],
  [3650 * 24 * 60, 2_160_000_000],
])("a range of %i minutes is whole steps, and few enough", (minutes, stepMs) => {
  const range = rangeOver(1_000_000_007, 1_000_000_007 + minutes * 60_000);
  expect(range.stepMs).toBe(stepMs);
  expect(range.fromMs).toBeLessThanOrEqual(1_000_000_007);
  expect(range.toMs).toBeGreaterThan(1_000_000_007 + minutes * 60_000);
  expect(timesOf(range).length).toBeLessThanOrEqual(152);
  expect(timesOf(range)[0]).toBe(range.fromMs);
});

it("a fault that was switched on happens as often as asked, and then no more", () => {
  let crashes = 5;
  const faults = createFaultSwitch(["crash"], () => ({ crash: crashes }));
  expect(faults.rates.crash).toBe(0);
  faults.add("crash", 2);
  expect(faults.rates.crash).toBe(1);
  crashes = 6;
  expect(faults.rates.crash).toBe(1);
  crashes = 7;
  expect(faults.rates.crash).toBe(0);
});

it("the pulse counts records by second and shard, and keeps the greatest age", () => {
  let nowMs = 100_000;
  const metrics = createStreamMetrics();
  const pulse = takePulse({ metrics }, () => nowMs);
  for (const count of [1, 2]) metrics.add("IncomingRecords", "shardId-000000000000", count);
  for (const age of [30, 70, 50]) metrics.add("IteratorAgeMilliseconds", "shardId-000000000001", age);
  nowMs = 101_500;
  expect(pulse.perSecond()).toBe(3);
  const [rate, age] = pulse.charts();
  expect(rate).toMatchObject({ timesMs: [100_000], lines: [{ label: "shard 0", values: [3] }] });
  expect(age?.lines).toEqual([{ label: "shard 1", values: [70] }]);
  nowMs = 102_500;
  expect(pulse.perSecond()).toBe(0);
  pulse.stop();
});

it("a rate is the step's sum by the second, and has no value while its step is not over", async () => {
  const range = { fromMs: 0, toMs: 180_000, stepMs: 60_000 };
  const sums = [0, 60_000, 120_000].map((at): [Date, number] => [new Date(at), 120]);
  const [Timestamps, Values] = [sums.map(([at]) => at), sums.map(([, sum]) => sum)];
  const MetricDataResults = ["p0l0", "p0l1"].map((Id) => ({ Id, Timestamps, Values }));
  const client = { send: async () => ({ MetricDataResults }) } as unknown as CloudWatchClient;
  const line = { label: "put", namespace: "AWS/Kinesis", metric: "IncomingRecords", dimensions: {}, stat: "Sum" };
  const panel: Panel = { id: "rate", title: "t", unit: "perSecond", lines: [{ ...line, rate: true }, line] };
  const [chart] = await readPanels(client, [panel], range, 179_999);
  expect(chart?.lines.map(({ values }) => values)).toEqual([
    [2, 2, null],
    [120, 120, 120],
  ]);
});

describe("the charts of metrics", () => {
  const compiled = compileMetrics(definitions, compile(features, eventSchema));
  const startMs = Date.UTC(2026, 2, 2, 10);
  const events = [
    { type: "view_item", user: "u1", amount: null },
    { type: "view_item", user: "u2", amount: null },
    { type: "purchase", user: "u1", amount: 12.5 },
  ];
  const rolled = rollUp(compiled, {
    ...{
      shard: "shardId-000000000000",
      windowStartMs: startMs,
      windowEndMs: startMs + 60_000,
      ends: "final",
      incoming: null,
      written: null,
      nowMs: startMs + 60_000,
    },
    records: events.map(({ type, user, amount }, i) => ({
      position: { shard: "shardId-000000000000", sequence: String(100 + i), subSequence: 0 },
      arrivalMs: startMs + 30_000 + i,
      partitionKey: user,
      data: Buffer.from(
        JSON.stringify({
          event_id: `e${i}`,
          event_type: type,
          event_time: new Date(startMs + 20_000 + i).toISOString(),
          user_id: user,
          session_id: "s1",
          item_id: "i1",
          amount,
          region: "eu",
        }),
      ),
    })),
  });
  const range = rangeOver(startMs, startMs + 10 * 60_000);
  const partsOf = (rows: typeof rolled.rows): Promise<MetricParts> => {
    const known = new Map(Map.groupBy(rows, ({ metric }) => metric));
    const nothing = { physicalId: () => "none" } as unknown as Connection;
    const shop = { features, metrics: definitions, eventSchema } as Definitions;
    return readingsOf(shop, nothing, known).metrics(range);
  };
  let parts: MetricParts;
  beforeAll(async () => {
    parts = await partsOf(rolled.rows);
  });

  it("have the values of the minute in which the events were, and zeros elsewhere", () => {
    const revenue = parts.charts.find(({ title }) => title.startsWith("Revenue"));
    expect(revenue?.lines[0]?.values.slice(0, 3)).toEqual([12.5, 0, 0]);
    expect(revenue?.timesMs[0]).toBe(startMs);
  });

  it("draw a measure that several metrics have once, and none of what has no value yet", async () => {
    const { charts } = parts;
    expect(new Set(charts.map(({ id }) => id)).size).toBe(charts.length);
    expect(charts.filter(({ title }) => title.startsWith("Revenue"))).toHaveLength(1);
    const empty = await partsOf([]);
    expect(empty.charts.map(({ title }) => title)).toEqual(charts.map(({ title }) => title));
    expect(empty.charts.flatMap(({ lines }) => lines)).toEqual([]);
    expect(empty.rankings.flatMap(({ bars }) => bars)).toEqual([]);
  });

  it("tell the ratio and the sums of the whole time, and rank keys by their share of all records", () => {
    const figures = Object.fromEntries(parts.figures.map(({ id, value }) => [id, value]));
    expect(figures).toMatchObject({ conversion: 0.5, revenue: 12.5 });
    const keys = parts.rankings.find(({ id }) => id === "heat-keys");
    expect(keys?.bars.map(({ label, count }) => [label, count])).toEqual([
      ["u1", 2],
      ["u2", 1],
    ]);
    expect(keys?.bars[0]?.share).toBeCloseTo(2 / 3);
  });

  it("have lines for the groups with the most, so that one can tell them apart", () => {
    const panel = metricPanels(definitions).find(({ id }) => id === "by_region-revenue");
    if (panel?.kind !== "lines") throw new Error("Expected a chart of revenue.");
    const groups = Array.from({ length: 9 }, (_, i) => ({ by: { region: `r${i}` }, values: { revenue: i } }));
    const window = { startMs, endMs: startMs + 60_000, groups, other: null, total: { revenue: 36 } };
    const chart = chartOf(panel, { windows: [window], whole: window, range });
    expect(chart.lines.map(({ label }) => label)).toEqual(["r8", "r7", "r6", "r5", "r4", "r3"]);
    expect(chart.lines[0]?.values[0]).toBe(8);
  });

  it("have names of their own, under which a panel is asked for", () => {
    const ids = metricPanels(definitions).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(["figures", "by_region-conversion", "top_items-viewed", "heat-keys"]));
  });
});

it.each([
  [0, "0/s"],
  [5 / 300, "0.017/s"],
  [12.34, "12.3/s"],
])("a rate of %d reads as %s, so that a quiet stream is not taken for one that stands still", (value, words) => {
  expect(inUnit(value, "perSecond")).toBe(words);
});

it.each([
  [null, "–"],
  [[], "none"],
  [["a", "b"], "a, b"],
  [[["a", 2]], "a (2)"],
  [1234.5, "1,234.5"],
  [{ estimate: 99.6, relativeError: 0.03 }, "about 100"],
  [{ overflow: true, atLeast: 50 } as const, "50 or more"],
])("the feature %j reads as %s", (value, words) => {
  expect(inWords(value as Parameters<typeof inWords>[0])).toBe(words);
});

const nothing: Snapshot = {
  ...{
    title: "t",
    about: "a",
    atMs: 0,
    figures: [],
    charts: [],
    rankings: [],
    views: [],
    alerts: null,
    reconciliation: null,
    alarms: [],
    machines: [],
    faults: [],
    problems: [],
  },
  files: { newest: [], totalFiles: 0, totalBytes: 0 },
};

it("the stack's CloudWatch dashboard has widgets that lie in its grid and on no other, and names of its own alarms", () => {
  const widgets = widgetsOf(definitions, ["A", "B"]);
  const cells = widgets.flatMap(({ x, y, width, height }) =>
    Array.from({ length: width * height }, (_, i) => `${x + (i % width)},${y + Math.floor(i / width)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(widgets.every(({ x, width }) => x >= 0 && x + width <= 24)).toBe(true);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's placeholders
  expect(widgets.find(({ type }) => type === "alarm")?.properties.alarms).toEqual(["${A.Arn}", "${B.Arn}"]);
  expect(widgetsOf({ metrics: [] }, []).filter(({ type }) => type === "custom")).toEqual([]);
});
