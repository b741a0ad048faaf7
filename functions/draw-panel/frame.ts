/** What is around a panel: its size, the dashboard's colours, and whether the dashboard writes the title above it. */
import { type Markup, markup } from "./markup.ts";

export interface Frame {
  readonly theme: keyof typeof palettes;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly titled: boolean;
  /** What the dashboard's clock is ahead of UTC. */
  readonly offsetMs: number;
  readonly zone: string;
}

/** The page's colours (cli/dashboard/page/style.css); the ground is the dashboard's. */
export const palettes = {
  light: {
    text: "#16202c",
    faint: "#52606d",
    edge: "#d8dee6",
    lines: ["#0b5fbd", "#b8500b", "#0a7d55", "#8a3fbf", "#b3261e", "#5d6b00"],
  },
  dark: {
    text: "#e8edf3",
    faint: "#a3b1c0",
    edge: "#2c3846",
    lines: ["#7ab8ff", "#ffab66", "#5fdba7", "#d3a4ff", "#ff9c93", "#d5dd6a"],
  },
} as const;

export const TITLE_PX = 24;
const FONT = "12px/1.4 'Amazon Ember','Helvetica Neue',Roboto,Arial,sans-serif";

/** A whole panel. The class keeps the console's own styles of tables and text away. */
export function framed(title: string, { theme, titled }: Frame, ...body: readonly Markup[]): string {
  const { text } = palettes[theme];
  const heading = { style: `margin:0 0 6px;font:600 14px/18px ${FONT.slice(FONT.indexOf(" ") + 1)};color:${text}` };
  return markup(
    "div",
    { class: "cwdb-no-default-styles", style: `font:${FONT};color:${text}` },
    ...(titled ? [] : [markup("h3", heading, title)]),
    ...body,
  ).html;
}
