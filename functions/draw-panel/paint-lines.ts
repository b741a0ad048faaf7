import { type Chart, inUnit } from "@millrace/charts";
import { DAY_MS, timeMarks, valueAxis } from "./axes.ts";
import { type Frame, framed, palettes, TITLE_PX } from "./frame.ts";
import { type Markup, markup } from "./markup.ts";
import { paragraph } from "./paint-note.ts";

/** Around the plot, in pixels: room for the marks of its axes. */
const MARGIN = { top: 8, right: 14, bottom: 20, left: 58 };
const LEAST_HEIGHT = 90;
const LEGEND_LINE = 18;
/** Of a letter of the legend, about. */
const LETTER = 7;

/** Lines over time with their axes, below them what is what and its newest value; each time's values are its tooltip. */
export function paintLines(chart: Chart, frame: Frame): string {
  const { title, lines, timesMs, empty } = chart;
  if (lines.length === 0 || timesMs.length === 0) return framed(title, frame, paragraph(empty, frame));
  const above = frame.titled ? 0 : TITLE_PX;
  const below = LEGEND_LINE * legendLines(chart, frame.widthPx);
  const height = Math.max(LEAST_HEIGHT, frame.heightPx - above - below - 8);
  return framed(title, frame, plot(chart, frame, height), legend(chart, frame));
}

function plot({ title, lines, timesMs, unit }: Chart, frame: Frame, height: number): Markup {
  const { text, faint, edge, lines: colours } = palettes[frame.theme];
  const width = frame.widthPx;
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  const [fromMs, toMs] = [timesMs[0] as number, timesMs.at(-1) as number];
  const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  const { low, high, marks } = valueAxis(known, Math.max(2, Math.floor((bottom - MARGIN.top) / 34)), unit);
  const x = (ms: number): number =>
    round(
      fromMs === toMs
        ? (MARGIN.left + right) / 2
        : MARGIN.left + ((ms - fromMs) / (toMs - fromMs)) * (right - MARGIN.left),
    );
  const y = (value: number): number => round(bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top));
  const label = { "font-size": 11, fill: faint };
  const values = marks.flatMap((mark) => [
    markup("line", { x1: MARGIN.left, x2: right, y1: y(mark), y2: y(mark), stroke: edge }),
    markup("text", { ...label, x: MARGIN.left - 6, y: y(mark) + 4, "text-anchor": "end" }, inUnit(mark, unit)),
  ]);
  const times = timeMarks(fromMs, toMs, frame.offsetMs, Math.max(1, Math.floor((right - MARGIN.left) / 70)));
  const clock = times.flatMap((ms) => [
    markup("line", { x1: x(ms), x2: x(ms), y1: bottom, y2: bottom + 4, stroke: faint }),
    markup("text", { ...label, x: x(ms), y: height - 4, "text-anchor": "middle" }, inClock(ms, frame)),
  ]);
  const drawn = lines.map(({ values: all }, i) => {
    const points = all.flatMap((value, at) => (value === null ? [] : [[x(timesMs[at] as number), y(value)] as const]));
    const stroke = colours[i % colours.length] as string;
    const [only] = points;
    if (points.length === 1 && only !== undefined)
      return markup("circle", { cx: only[0], cy: only[1], r: 3, fill: stroke });
    const path = points.map((point) => point.join(",")).join(" ");
    return markup("polyline", { points: path, fill: "none", stroke, "stroke-width": 1.75, "stroke-linejoin": "round" });
  });
  const said = lines.map(({ label: name, values: all }) => `${name} ${inUnit(newest(all), unit)}`).join(", ");
  return markup(
    "svg",
    {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `${title}: ${said}`,
      style: `display:block;max-width:100%;color:${text}`,
    },
    ...values,
    ...clock,
    ...drawn,
    ...tooltips(lines, timesMs, (ms) => x(ms), { top: MARGIN.top, bottom, unit, frame }),
  );
}

interface Tips {
  readonly top: number;
  readonly bottom: number;
  readonly unit: Chart["unit"];
  readonly frame: Frame;
}

/** A strip for each time, without colour: the browser shows its title to whoever points at it. */
function tooltips(
  lines: Chart["lines"],
  timesMs: Chart["timesMs"],
  x: (ms: number) => number,
  { top, bottom, unit, frame }: Tips,
): readonly Markup[] {
  return timesMs.map((ms, at) => {
    const [before, here, after] = [timesMs[at - 1], ms, timesMs[at + 1]].map((one) => x(one ?? ms)) as [
      number,
      number,
      number,
    ];
    const [left, right] = [(before + here) / 2, (here + after) / 2];
    const told = lines.map(({ label, values }) => `${label}  ${inUnit(values[at], unit)}`);
    const title = [`${inDate(ms, frame)} ${frame.zone}`, ...told].join("\n");
    const place = { x: round(left), y: top, width: round(Math.max(1, right - left)), height: bottom - top };
    return markup("rect", { ...place, "fill-opacity": 0 }, markup("title", {}, title));
  });
}

function legend({ lines, unit }: Chart, { theme }: Frame): Markup {
  const { lines: colours } = palettes[theme];
  const entries = lines.map(({ label, values }, i) => {
    const dash = `display:inline-block;width:12px;height:3px;margin:0 6px 3px 0;border-radius:2px;background:${colours[i % colours.length]}`;
    return markup(
      "span",
      { style: "white-space:nowrap" },
      markup("i", { style: dash }),
      `${label} `,
      markup("b", { style: "font-weight:600;font-variant-numeric:tabular-nums" }, inUnit(newest(values), unit)),
    );
  });
  return markup("div", { style: `display:flex;flex-wrap:wrap;gap:0 14px;line-height:${LEGEND_LINE}px` }, ...entries);
}

function legendLines({ lines, unit }: Chart, widthPx: number): number {
  let [count, used] = [1, 0];
  for (const { label, values } of lines) {
    const width = 32 + LETTER * (label.length + inUnit(newest(values), unit).length + 1);
    if (used > 0 && used + width > widthPx) [count, used] = [count + 1, 0];
    used += width;
  }
  return count;
}

function newest(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** The time of day; where a day begins, its date. */
function inClock(ms: number, { offsetMs }: Frame): string {
  const local = ms + offsetMs;
  const text = new Date(local).toISOString();
  return local % DAY_MS === 0 ? `${text.slice(5, 7)}/${text.slice(8, 10)}` : text.slice(11, 16);
}

function inDate(ms: number, { offsetMs }: Frame): string {
  return new Date(ms + offsetMs).toISOString().slice(0, 16).replace("T", " ");
}

function round(px: number): number {
  return Math.round(px * 10) / 10;
}
