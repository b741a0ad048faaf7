import { duration, number, plural } from "../start/words.ts";
import type { Explained, Part } from "./explain.ts";

/** A table per view, for people. */
export function printExplanation(views: readonly Explained[]): string {
  return `${views.map(printView).join("\n\n")}\n\n${LEGEND}`;
}

const LEGEND = `Bytes are at the most: every tile and every accumulator full at once, which few entities come near (npm start says what 99 % of the
items stay within). A write of an item costs its kilobytes, whatever the number of events in it: so an event costs at most the
write units above, divided by the entity's events in the batch.
`;

function printView(view: Explained): string {
  const { parts, bytes, limitBytes, writeUnits, readUnits, keptMs } = view;
  const kept = keptMs === null ? "never expires" : `expires ${duration(keptMs)} after its last write at the earliest`;
  const over =
    bytes > limitBytes ? `; from ${number(limitBytes)} on further events are quarantined entity_over_limit` : "";
  const standby = view.served ? "" : " (stands by, and is not served)";
  return [
    `${view.view}${standby}: ${plural(view.features, "feature")} of each ${view.entity}, ${view.items.replace("one", "one item")}, which ${kept}`,
    ...printParts(parts),
    `  item: ${number(bytes)} bytes at the most${over}`,
    `  a write costs ${range(writeUnits)} write units, a read ${range(readUnits)} read units`,
  ].join("\n");
}

function printParts(parts: readonly Part[]): readonly string[] {
  const rows = parts.map(
    ({ what, live, bytes, keeps }) => [what, number(live), number(bytes), keeps.join(" · ")] as const,
  );
  const head = ["", "live", "bytes", "of each"] as const;
  const width = (i: 0 | 1 | 2) => Math.max(...[head, ...rows].map((row) => row[i].length));
  return [head, ...rows].map(
    ([what, live, bytes, keeps]) =>
      `  ${what.padEnd(width(0))}  ${live.padStart(width(1))}  ${bytes.padStart(width(2))}  ${keeps}`,
  );
}

function range({ least, most }: { readonly least: number; readonly most: number }): string {
  return least === most ? number(least) : `${number(least)} to ${number(most)}`;
}
