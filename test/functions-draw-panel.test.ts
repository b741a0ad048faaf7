import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inUnit, metricPanels } from "@millrace/charts";
import { compile, compileMetrics, type MetricRow } from "@millrace/engine";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { timeMarks, valueAxis } from "../functions/draw-panel/axes.ts";
import { drawPanel } from "../functions/draw-panel/draw-panel.ts";
import { palettes } from "../functions/draw-panel/frame.ts";
import { markup } from "../functions/draw-panel/markup.ts";
import { readRequest } from "../functions/draw-panel/widget-request.ts";
import { memoryTelemetry } from "./functions/fakes.ts";
import { rollUpAll } from "./roll-up-all.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as definitions } from "./shop/metrics.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 2, 2, 9);
const metrics = compileMetrics(definitions, compile(features, eventSchema));
const HOSTILE = `<img src=x onerror="alert(1)">&'`;

let rows: readonly MetricRow[];
beforeAll(async () => {
  rows = await rollUpAll(metrics, arrivals(), { shards: 1, batchSize: 100, tumblingMs: MINUTE });
});

describe("draw-panel", () => {
  it("draws every panel that the metrics have, with nothing in it that a browser would run or could not read", async () => {
    for (const { id } of metricPanels(definitions)) {
      const html = await drawn({ panel: id });
      expect(elementsOf(html)).not.toEqual([]);
      expect(html).not.toMatch(/<(script|iframe|use|img)|\son\w+="|NaN|undefined|Infinity/);
    }
  });

  it("draws a line for each group, and says its newest value in the legend and for who cannot see", async () => {
    const html = await drawn({ panel: "by_region-revenue", from: START, to: START + 2 * MINUTE });
    expect(html.match(/<polyline/g)).toHaveLength(2);
    expect(textOf(html)).toContain("us 7.5");
    expect(textOf(html)).toContain("eu 0");
    expect(html).toContain('aria-label="Revenue by region: eu 0, us 7.5"');
    expect(html).toContain("<title>2026-03-02 09:00 UTC\neu  12.5\nus  0</title>");
  });

  it("marks the axes with the unit and the dashboard's own clock", async () => {
    const html = await drawn({ panel: "by_region-conversion", to: START + HOUR, offsetISO: "+05:30" });
    expect(html).toContain(">50 %</text>");
    expect(html).toContain(">14:30</text>");
    expect(html).toContain("<title>2026-03-02 14:30 UTC+05:30");
  });

  it("tells what is ranked as a table, the keys of events as nothing but text", async () => {
    const html = await drawn({ panel: "top_items-viewed" });
    expect(html).toContain("<table");
    expect(textOf(html)).toContain("&lt;img src=x onerror=");
    const cells = [...html.matchAll(/<td[^>]*>([^<]*)</g)].map(([, text]) => text);
    expect(cells.slice(0, 3)).toEqual(["i1", "2", inUnit(2 / 3, "share")]);
  });

  it("tells the figures over all of the time", async () => {
    const html = await drawn({ panel: "figures" });
    expect(textOf(html)).toMatch(/Conversion\s*100 %/);
    expect(textOf(html)).toMatch(/Revenue\s*20/);
    expect(await drawn({ panel: "figures", from: START - 9 * HOUR, to: START - 8 * HOUR })).toContain(
      "No window has ended",
    );
  });

  it("writes the title where the dashboard writes none", async () => {
    expect(await drawn({ panel: "heat-keys", title: "Heat keys" })).not.toContain("<h3");
    expect(await drawn({ panel: "heat-keys" })).toMatch(/<h3[^>]*>Heat keys<\/h3>/);
  });

  it("has the page's colours, dark where the dashboard is dark", async () => {
    const [light, dark] = readFileSync(join(import.meta.dirname, "../cli/dashboard/page/style.css"), "utf8").split(
      "@media",
    );
    for (const [css, palette] of [
      [light, palettes.light],
      [dark, palettes.dark],
    ] as const) {
      const colour = (name: string) => new RegExp(`--${name}: (#[0-9a-f]+);`).exec(css ?? "")?.[1];
      const { lines, ...others } = palette;
      expect(lines.map((_, i) => colour(`line-${i}`))).toEqual(lines);
      for (const [name, value] of Object.entries(others)) expect(colour(name), name).toBe(value);
    }
    expect(await drawn({ panel: "by_region-revenue", theme: "dark" })).toContain(palettes.dark.lines[0]);
  });

  it("shows the time that somebody has zoomed into", () => {
    const zoom = { start: 5, end: 6 };
    expect(readRequest({ widgetContext: { timeRange: { start: 1, end: 9, zoom } } })).toMatchObject({
      fromMs: 5,
      toMs: 6,
    });
    expect(readRequest({ widgetContext: { timeRange: { start: 1, end: 9, zoom: null } } })).toMatchObject({
      fromMs: 1,
    });
  });

  it("goes by the dashboard's clock and size, as far as a panel can be drawn in it", () => {
    const frameOf = (offsetISO: unknown, width: unknown, height: unknown) =>
      readRequest({ widgetContext: { timezone: { offsetISO }, width, height } }).frame;
    expect(frameOf("-03:30", 588.4, 269)).toMatchObject({
      ...{ offsetMs: -3.5 * HOUR, zone: "UTC-03:30", widthPx: 588, heightPx: 269 },
    });
    expect(frameOf("Z", 1, 1)).toMatchObject({ offsetMs: 0, zone: "UTC", widthPx: 240, heightPx: 120 });
    expect(frameOf("+00:00", 1e9, "269")).toMatchObject({ zone: "UTC", widthPx: 2400, heightPx: 240 });
  });

  it("has a tooltip wherever one points in a chart, and one only", async () => {
    const html = await drawn({ panel: "by_region-revenue" });
    const strips = [...html.matchAll(/<rect x="([\d.]+)" y="8" width="([\d.]+)"/g)].map(([, x, width]) => [
      Number(x),
      Number(width),
    ]);
    expect(strips).toHaveLength(60);
    for (const [i, [x = 0]] of strips.entries()) {
      const [before = 0, width = 0] = strips[i - 1] ?? [58];
      expect(Math.abs(x - before - width)).toBeLessThan(0.2);
    }
  });

  it("says how it is used when it is asked to", async () => {
    const { handler } = functionWith();
    const text = await handler({ describe: true }, { awsRequestId: "r" });
    for (const { id } of metricPanels(definitions)) expect(text).toContain(`\`${id}\``);
  });

  it("answers its sample", async () => {
    const event = JSON.parse(readFileSync(join(import.meta.dirname, "../events/draw-panel.json"), "utf8"));
    const { handler, reports } = functionWith({ nowMs: event.widgetContext.timeRange.end });
    expect(await handler(event, { awsRequestId: "r" })).toContain("No window has ended yet");
    expect(reports).toMatchObject([{ counts: { Requests: 1, Refused: 0, Failed: 0 } }]);
  });

  it.each([
    [
      "a panel that there is not",
      { panel: "no_such<b>" },
      "There is no panel &quot;no_such&lt;b&gt;&quot;. There are figures,",
    ],
    ["no panel", { panel: undefined }, "There is no panel &quot;&quot;."],
    ["a year", { from: START - 365 * 24 * HOUR }, "This time cannot be shown. A range has at most 31 days"],
    ["a time that ends before it begins", { from: START + 2 * HOUR }, "The range is empty"],
    ["no time", { from: undefined }, "The range is empty"],
    ["a time of which nothing is kept", { from: 0, to: HOUR }, "This metric is kept for 30 days"],
    ["a time before 1970", { from: -2 * HOUR, to: -HOUR }, "A range lies between the years 1970 and 9999."],
    ["a time with no event in it", { from: START - 9 * HOUR, to: START - 8 * HOUR }, "No window has ended yet"],
  ])("says in the panel why it shows nothing: %s", async (_, request, words) => {
    const html = await drawn({ panel: "by_region-revenue", ...request });
    expect(html).toContain(words);
    expect(html).not.toContain("<svg");
  });

  it("tells nobody what went wrong inside, and logs it", async () => {
    const { handler, reports } = functionWith({ rows: () => Promise.reject(new Error("secret at line 1")) });
    const html = await handler(asked({ panel: "heat-keys" }), { awsRequestId: "id-7" });
    expect(html).toContain("at request id-7");
    expect(html).not.toContain("secret");
    expect(reports).toMatchObject([
      { counts: { Failed: 1 }, context: { cause: "Error: secret at line 1", requestId: "id-7" }, level: "warn" },
    ]);
  });

  it("answers whatever it is sent with a panel", async () => {
    const anything = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom(undefined, {}, "9", -1, 8.64e15));
    const context = fc.record(
      {
        timeRange: fc.oneof(anything, fc.record({ start: anything, end: anything, zoom: anything })),
        theme: anything,
        width: anything,
        height: anything,
        title: anything,
        timezone: anything,
      },
      { requiredKeys: [] },
    );
    const panel = fc.oneof(fc.constantFrom(...metricPanels(definitions).map(({ id }) => id)), anything);
    const { handler, reports } = functionWith();
    await fc.assert(
      fc.asyncProperty(fc.oneof(anything, fc.record({ panel, widgetContext: context })), async (event) => {
        elementsOf(await handler(event, { awsRequestId: "r" }));
      }),
    );
    expect(reports.filter(({ counts }) => counts.Failed !== 0)).toEqual([]);
  });
});

describe("an axis", () => {
  it("begins at 0 or below, ends above all values, and has few round marks within", () => {
    const values = fc.array(fc.double({ min: -1e9, max: 1e12, noNaN: true }), { size: "max", maxLength: 50 });
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 20 }), fc.constantFrom("count", "share"), (all, most, unit) => {
        const { low, high, marks } = valueAxis(all, most, unit);
        if (unit === "count") expect(marks.filter((mark) => !Number.isInteger(mark))).toEqual([]);
        expect(low).toBeLessThanOrEqual(Math.min(0, ...all));
        expect(high).toBeGreaterThanOrEqual(Math.max(0, ...all));
        expect(marks.length).toBeLessThanOrEqual(most + 1);
        for (const mark of marks) {
          expect(mark).toBeGreaterThanOrEqual(low);
          expect(mark).toBeLessThanOrEqual(high);
        }
      }),
    );
  });

  it.each([
    [[0.3], [0, 0.1, 0.2, 0.3]],
    [[7], [0, 2, 4, 6]],
    [[], [0, 0.5, 1]],
    [
      [-10, 10],
      [-10, 0, 10],
    ],
  ])("of %j has the marks %j", (values, marks) => {
    expect(valueAxis(values, 4, "amount").marks).toEqual(marks);
  });

  it("of time has round times of its clock within, evenly apart and no more than there is room for", () => {
    const range = fc.record({
      from: fc.integer({ min: 0, max: 4e12 }),
      lastsMs: fc.integer({ min: 0, max: 31 * 24 * HOUR }),
    });
    fc.assert(
      fc.property(
        range,
        fc.constantFrom(0, 5.5 * HOUR, -8 * HOUR),
        fc.integer({ min: 4, max: 20 }),
        ({ from, lastsMs }, offset, most) => {
          const marks = timeMarks(from, from + lastsMs, offset, most);
          expect(marks.length).toBeLessThanOrEqual(most + 1);
          for (const mark of marks) {
            expect(mark).toBeGreaterThanOrEqual(from);
            expect(mark).toBeLessThanOrEqual(from + lastsMs);
            expect(Math.abs((mark + offset) % MINUTE)).toBe(0);
          }
          for (const [i, mark] of marks.entries())
            if (i > 0) expect(mark - (marks[i - 1] as number)).toBe((marks[1] as number) - (marks[0] as number));
        },
      ),
    );
  });
});

it("text comes out of markup as it was put in, and ends no element", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (text, attribute) => {
      const { html } = markup("p", { title: attribute }, text);
      expect(elementsOf(html)).toEqual(["p"]);
      const [, quoted = "", inner = ""] = /^<p title="([^"]*)">([^<]*)<\/p>$/.exec(html) ?? [];
      expect([plain(quoted), plain(inner)]).toEqual([attribute, text]);
    }),
  );
});

interface Asked {
  readonly panel: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number;
  readonly theme?: string;
  readonly title?: string;
  readonly offsetISO?: string;
}

function asked({
  panel,
  to = START + HOUR,
  theme = "light",
  title = "",
  offsetISO = "+00:00",
  ...rest
}: Asked): object {
  const from = "from" in rest ? rest.from : START;
  const context = {
    theme,
    title,
    timezone: { offsetISO },
    timeRange: { start: from, end: to },
    width: 588,
    height: 269,
  };
  return { panel, widgetContext: context };
}

async function drawn(request: Asked): Promise<string> {
  return functionWith().handler(asked(request), { awsRequestId: "r" });
}

function functionWith({
  nowMs = START + HOUR,
  rows: read,
}: {
  readonly nowMs?: number;
  readonly rows?: () => Promise<never>;
} = {}) {
  const telemetry = memoryTelemetry();
  const inRange = async (metric: string, fromMs: number, toMs: number) =>
    rows.filter((row) => row.metric === metric && row.startMs >= fromMs && row.startMs < toMs);
  const handler = drawPanel({ definitions, metrics, store: { rows: read ?? inRange }, telemetry, now: () => nowMs });
  return { handler, reports: telemetry.reports };
}

/** The names of all elements; throws where one is not closed, or closed by another. */
function elementsOf(html: string): readonly string[] {
  const open: string[] = [];
  const all: string[] = [];
  for (const [, end, name = ""] of html.matchAll(/<(\/?)(\w+)[^>]*>/g)) {
    if (end === "") all.push(name);
    if (end === "") open.push(name);
    else if (open.pop() !== name) throw new Error(`</${name}> closes nothing in ${html}`);
  }
  if (open.length > 0) throw new Error(`<${open.join("><")}> is not closed in ${html}`);
  return all;
}

function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, " ").replaceAll(/ +/g, " ");
}

function plain(escaped: string): string {
  return escaped.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

function* arrivals() {
  const events = [
    { at: 0, event_type: "view_item", user_id: "u1", item_id: "i1", region: "eu" },
    { at: 1, event_type: "view_item", user_id: "u2", item_id: "i1", region: "us" },
    { at: 2, event_type: "purchase", user_id: "u1", item_id: "i1", region: "eu", amount: 12.5 },
    { at: 61_000, event_type: "view_item", user_id: "u1", item_id: HOSTILE, region: "us" },
    { at: 62_000, event_type: "purchase", user_id: "u2", item_id: "i1", region: "us", amount: 7.5 },
  ];
  for (const [i, { at, ...event }] of events.entries()) {
    const full = { event_id: `e${i}`, event_time: new Date(START + at).toISOString(), session_id: "s", ...event };
    yield { partitionKey: event.user_id, arrivalMs: START + at + 5, data: Buffer.from(JSON.stringify(full)) };
  }
}
