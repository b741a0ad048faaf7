import { type Figure, inUnit, NOTHING_YET } from "@millrace/charts";
import { type Frame, framed, palettes } from "./frame.ts";
import { markup } from "./markup.ts";
import { paragraph } from "./paint-note.ts";

/** Values over all of the time, each under its name. */
export function paintFigures(title: string, figures: readonly Figure[], frame: Frame): string {
  if (figures.every(({ value }) => value === null)) return framed(title, frame, paragraph(NOTHING_YET, frame));
  const { faint } = palettes[frame.theme];
  const told = figures.map(({ label, value, unit }) =>
    markup(
      "div",
      { style: "flex:1 1 120px;min-width:0" },
      markup("dt", { style: `font-size:13px;color:${faint}` }, label),
      markup("dd", { style: "margin:0;font-size:28px;line-height:36px;font-weight:600" }, inUnit(value, unit)),
    ),
  );
  return framed(
    title,
    frame,
    markup("dl", { style: "display:flex;flex-wrap:wrap;gap:8px 24px;margin:8px 0" }, ...told),
  );
}
