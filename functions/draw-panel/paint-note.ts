import { type Frame, framed, palettes } from "./frame.ts";
import { type Markup, markup } from "./markup.ts";

/** A panel that says in words why it shows nothing else. */
export function paintNote(title: string, note: string, frame: Frame): string {
  return framed(title, frame, paragraph(note, frame));
}

export function paragraph(note: string, { theme }: Frame): Markup {
  return markup("p", { style: `margin:0;padding:12px 0;font-size:13px;color:${palettes[theme].faint}` }, note);
}
