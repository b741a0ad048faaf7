/** A chart that keeps its place: new values move its lines, and only other lines make it anew. */
import { type Chart, inUnit, type Unit } from "@millrace/charts";
import uPlot from "uplot";
import { element } from "./element.ts";

export interface DrawnChart {
  readonly figure: HTMLElement;
  update(chart: Chart): void;
  /** After a change of colours. */
  redraw(): void;
}

/** What axes go by where tenths of a unit would not be read: whole counts, and times as a clock has them. */
const STEPS: Partial<Record<Unit, number[]>> = {
  count: Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat(),
  milliseconds: [
    ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
    ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].map((seconds) => seconds * 1000),
    ...[1, 2, 3, 6, 12, 24, 48, 120, 240].map((hours) => hours * 3_600_000),
  ],
};
const COLOURS = 6;
const HEIGHT_PX = 170;

export function drawChart(first: Chart): DrawnChart {
  const place = element("div", { class: "plot" });
  const legend = element("ul", { class: "legend" });
  const empty = element("p", { class: "empty" }, first.empty);
  const figure = element("figure", { id: `chart-${first.id}` }, element("h3", {}, first.title), place, legend, empty);
  let plot: uPlot | null = null;
  let labels = "";
  let chart = first;
  const resized = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT_PX }));
  resized.observe(place);

  const update = (next: Chart): void => {
    chart = next;
    const isEmpty = next.lines.length === 0 || next.timesMs.length === 0;
    place.hidden = legend.hidden = isEmpty;
    empty.hidden = !isEmpty;
    if (isEmpty) return;
    const data = [
      next.timesMs.map((ms) => ms / 1000),
      ...next.lines.map(({ values }) => [...values]),
    ] as uPlot.AlignedData;
    const named = next.lines.map(({ label }) => label).join("\n");
    if (plot === null || named !== labels) {
      plot?.destroy();
      plot = new uPlot(optionsOf(next, place.clientWidth || 320), data, place);
      labels = named;
    } else plot.setData(data);
    tell(next, legend, place);
  };
  return {
    figure,
    update,
    redraw() {
      plot?.destroy();
      plot = null;
      update(chart);
    },
  };
}

function optionsOf({ lines, unit }: Chart, width: number): uPlot.Options {
  const axis = {
    stroke: colour("--faint"),
    grid: { stroke: colour("--edge"), width: 1 },
    ticks: { stroke: colour("--edge"), width: 1 },
  };
  return {
    width,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false },
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"),
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      { ...axis, space: 70, values: (_, ticks) => ticks.map(clock) },
      {
        ...axis,
        size: 64,
        space: 34,
        ...(STEPS[unit] && { incrs: STEPS[unit] }),
        values: (_, ticks) => ticks.map((tick) => inUnit(tick, unit)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label }, i) => ({ label, stroke: colour(`--line-${i % COLOURS}`), width: 1.75, spanGaps: true })),
    ],
  };
}

function clock(seconds: number): string {
  const time = new Date(seconds * 1000).toISOString();
  return seconds % 60 === 0 ? time.slice(11, 16) : time.slice(11, 19);
}

/** The latest values in words: the legend, and what a screen reader says of the picture. */
function tell({ title, lines, unit }: Chart, legend: HTMLElement, place: HTMLElement): void {
  const latest = lines.map(({ label, values }) => ({
    label,
    value: inUnit(
      values.findLast((value) => value !== null),
      unit,
    ),
  }));
  legend.replaceChildren(
    ...latest.map(({ label, value }, i) =>
      element(
        "li",
        {},
        element("i", { style: `background: var(--line-${i % COLOURS})` }),
        label,
        element("b", {}, value),
      ),
    ),
  );
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${title}: ${latest.map(({ label, value }) => `${label} ${value}`).join(", ")}`);
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
