import { inUnit, type Ranking } from "@millrace/charts";
import { type Frame, framed, palettes } from "./frame.ts";
import { type Markup, markup } from "./markup.ts";
import { paragraph } from "./paint-note.ts";

/** A table, since its rows are names: each value with its share as a bar, and how often it came. */
export function paintBars({ title, bars, empty }: Ranking, frame: Frame): string {
  if (bars.length === 0) return framed(title, frame, paragraph(empty, frame));
  const { faint, edge } = palettes[frame.theme];
  const cell = `padding:2px 8px 2px 0;font-weight:400;color:${faint};border-bottom:1px solid ${edge}`;
  const head = markup(
    "tr",
    {},
    markup("th", { scope: "col", style: `${cell};text-align:left` }, "Value"),
    markup("th", { scope: "col", style: `${cell};text-align:right` }, "Count"),
    markup("th", { scope: "col", style: `${cell};text-align:right` }, "Share"),
    markup("th", { style: `${cell};width:35%`, "aria-hidden": "true" }),
  );
  const table = markup(
    "table",
    { style: "width:100%;border-collapse:collapse;table-layout:auto;font-size:12px", "aria-label": title },
    markup("thead", {}, head),
    markup("tbody", {}, ...bars.map((bar) => row(bar, frame))),
  );
  return framed(title, frame, table);
}

/** Characters of a name; the rest is told by its tooltip. */
const LONGEST = 40;

function row({ label, count, share }: Ranking["bars"][number], { theme }: Frame): Markup {
  const number = {
    style: "padding:2px 8px 2px 0;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums",
  };
  const width = Math.min(100, Math.max(0, share * 100)).toFixed(1);
  const short = label.length > LONGEST ? `${label.slice(0, LONGEST - 1)}…` : label;
  const bar = { style: `width:${width}%;height:10px;border-radius:2px;background:${palettes[theme].lines[0]}` };
  return markup(
    "tr",
    {},
    markup("td", { style: "padding:2px 8px 2px 0;white-space:nowrap", title: label }, short),
    markup("td", number, inUnit(count, "count")),
    markup("td", number, inUnit(share, "share")),
    markup("td", { "aria-hidden": "true" }, markup("div", bar)),
  );
}
