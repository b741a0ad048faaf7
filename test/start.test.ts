/** The main job end to end: the sample day through the real template and handlers, held against what the generator made. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Widget, widgetsOf } from "../cli/dashboard/cloudwatch-dashboard.ts";
import type { Inlined } from "../cli/dashboard/snapshot.ts";
import { sampleDay } from "../cli/sample-day/day.ts";
import type { Fate } from "../cli/sample-day/fate.ts";
import type { Report } from "../cli/start/report.ts";
import { type RunOptions, run } from "../cli/start/run.ts";
import { shownOnPage } from "./dashboard-widgets.ts";
import { features } from "./shop/features.ts";
import { metrics } from "./shop/metrics.ts";
import { shopDir } from "./shop.ts";

const EVENTS = 1_500;
/** On a machine that is busy with much else. */
const FIVE_MINUTES = 300_000;

describe("a sample day through the whole pipeline", { timeout: FIVE_MINUTES }, () => {
  let report: Report;
  beforeAll(async () => {
    report = await start("run-one", {});
  }, FIVE_MINUTES);

  it("adds up, everywhere", () => {
    expect(report.checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(report.views.map(({ addsUp }) => addsUp)).toEqual([true, true]);
    expect(report.ok).toBe(true);
  });

  it("gives every record the verdict that the generator meant for it", () => {
    const made = countFates();
    const [users] = report.views;
    expect(report.stream.records).toBe(Object.values(made).reduce((sum, count) => sum + count, 0));
    expect(users?.quarantined).toEqual({
      malformed_json: made.malformed,
      schema_violation: made.violation,
      future_event: made.future,
      too_late: made.too_late,
      wrong_key: made.wrong_key,
    });
    expect(users?.duplicates).toBe(made.repeated / 2);
    expect(users?.applied).toBe(made.on_time + made.late + made.out_of_order + made.repeated / 2);
  });

  it("has metrics of all events, and a ledger of all records", () => {
    const records = report.stream.records;
    const [users] = report.views;
    const of = (name: string) => report.metrics.find(({ metric }) => metric === name);
    expect(of("by_event_type")?.different).toBe(users?.applied);
    expect(report.checks.filter(({ promise }) => /by_event_type counts|the ledger tells/.test(promise))).toHaveLength(
      2,
    );
    expect(records).toBeGreaterThan(EVENTS);
  });

  it("has seen batches again, and counted them once", () => {
    expect(report.redeliveries.batches).toBeGreaterThan(0);
    expect(report.redeliveries.records).toBeGreaterThan(0);
  });

  it("writes every feature of every entity, each of them with its name and view", () => {
    const lines = readLines("run-one");
    expect(lines).toHaveLength(report.views.reduce((sum, { entities }) => sum + entities, 0));
    expect(new Set(lines.map(({ view }) => view))).toEqual(new Set(features.views.map(({ name }) => name)));
    expect(lines.find(({ view }) => view === "user_activity")?.features).toHaveProperty("views_24h");
  });

  it("counts in a day's window what the generator made, user by user", () => {
    const views = viewsByUser();
    const counted = readLines("run-one").filter(
      ({ view, features: { views_24h } }) => view === "user_activity" && views_24h !== 0,
    );
    expect(Object.fromEntries(counted.map(({ entity, features: { views_24h } }) => [entity, views_24h]))).toEqual(
      views,
    );
  });

  it("leaves a page with the panels of the stack's CloudWatch dashboard, each with something in it", () => {
    const html = readFileSync(join(folder, "run-one", "report.html"), "utf8");
    const [, json = ""] = /id="inlined">(.*?)<\/script>/s.exec(html) ?? [];
    const { snapshot } = JSON.parse(json) as Inlined;
    const { charts, rankings } = shownOnPage(snapshot);
    const isChart = ({ type, properties: { view, params } }: Widget) =>
      view === "timeSeries" || (type === "custom" && (params as { panel: string }).panel !== "figures");
    const widgets = widgetsOf(metrics, []).filter(isChart);
    expect([...charts, ...rankings]).toEqual(widgets.map(({ properties }) => properties.title));
    expect(snapshot.charts.filter(({ lines }) => lines.length === 0)).toEqual([]);
    expect(snapshot.rankings.filter(({ bars }) => bars.length === 0)).toEqual([]);
  });

  it("gives the same report and the same features for the same seed", async () => {
    const again = await start("run-two", {});
    expect(comparable(again, "run-two")).toEqual(comparable(report, "run-one"));
    expect(readFeatures("run-two")).toBe(readFeatures("run-one"));
  });

  it("ends with the same features when functions die between their writes and their answers, or between two writes", async () => {
    let kills = 0;
    const kill: RunOptions["kill"] = ({ functionId, invocation, phase, write }) => {
      if (functionId !== "UpdateFeatures") return false;
      const dies =
        (phase === "answer" && invocation % 11 === 0) || (phase === "write" && invocation % 13 === 0 && write === 3);
      if (dies) kills++;
      return dies;
    };
    const killed = await start("killed", { kill });
    expect(kills).toBeGreaterThan(20);
    expect(killed.ok).toBe(true);
    expect(readFeatures("killed")).toBe(readFeatures("run-one"));
  });

  it("ends with the same features on one shard as on two", async () => {
    const one = await start("one-shard", { shards: 1 });
    expect(one.ok).toBe(true);
    expect(readFeatures("one-shard")).toBe(readFeatures("run-one"));
  });
});

const folder = mkdtempSync(join(tmpdir(), "millrace-run-"));
afterAll(() => rmSync(folder, { recursive: true }));

function start(name: string, options: Partial<RunOptions>): Promise<Report> {
  const quiet = { progress: { update() {}, done() {} }, say() {}, now: () => performance.now() };
  const out = { name, path: join(folder, name) };
  const defaults = {
    inputs: [],
    map: null,
    order: "file",
    definitions: { name: "test/shop", path: shopDir },
    events: EVENTS,
    seed: 7,
    shards: 2,
    unlimited: false,
    faults: null,
    json: false,
  } as const;
  return run({ ...defaults, ...quiet, out, ...options });
}

const day = () => sampleDay({ eventCount: EVENTS, seed: 7, ...features });

function countFates(): Record<Fate, number> {
  const counts = {
    on_time: 0,
    out_of_order: 0,
    late: 0,
    too_late: 0,
    repeated: 0,
    malformed: 0,
    violation: 0,
    future: 0,
    wrong_key: 0,
  };
  for (const { fate } of day()) counts[fate]++;
  return counts;
}

/** The slow and obvious count of `views_24h`: good events, each once, in [asOf - 24 h, asOf) with asOf the next full hour. */
function viewsByUser(): Record<string, number> {
  const deliveries = [...day()];
  const asOf = Math.ceil((deliveries.at(-1)?.arrivalMs ?? 0) / 3_600_000) * 3_600_000;
  const seen = new Set<string>();
  const counts: Record<string, number> = {};
  for (const { fate, data } of deliveries) {
    if (!["on_time", "late", "out_of_order", "repeated"].includes(fate)) continue;
    const event = JSON.parse(Buffer.from(data).toString()) as Record<string, string>;
    const timeMs = Date.parse(event.event_time ?? "");
    if (
      event.event_type !== "view_item" ||
      timeMs < asOf - 24 * 3_600_000 ||
      timeMs >= asOf ||
      seen.has(event.event_id ?? "")
    )
      continue;
    seen.add(event.event_id ?? "");
    const user = event.user_id ?? "";
    counts[user] = (counts[user] ?? 0) + 1;
  }
  return counts;
}

function readFeatures(name: string): string {
  return readFileSync(join(folder, name, "features.ndjson"), "utf8");
}

function readLines(name: string) {
  const lines = readFeatures(name).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as { view: string; entity: string; features: Record<string, unknown> });
}

/** Without what is about the machine, and with the folder's name taken out. */
function comparable({ speed: _, ...report }: Report, name: string): unknown {
  return JSON.parse(JSON.stringify(report).replaceAll(name, "OUT"));
}
