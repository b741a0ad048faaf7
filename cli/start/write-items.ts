/** The features table's items as a run left them, for whoever looks back at it: one line each. */
import { existsSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entity } from "./table.ts";

const FILE = "items.ndjson";

export interface LeftItem {
  readonly view: string;
  readonly entity: string;
  readonly lane: string;
  readonly state: Uint8Array;
}

export function writeItems(folder: string, entities: readonly Entity[]): void {
  const lines = entities.flatMap(({ view, entity, lanes, states }) =>
    states.map((state, i) => {
      const base64 = Buffer.from(state).toString("base64");
      return `${JSON.stringify({ view, entity, lane: lanes[i], state: base64 })}\n`;
    }),
  );
  writeFileSync(join(folder, FILE), lines.join(""));
}

/** None where the run is of a version that left none. */
export async function readItems(folder: string): Promise<readonly LeftItem[]> {
  const path = join(folder, FILE);
  if (!existsSync(path)) return [];
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const item = JSON.parse(line) as Omit<LeftItem, "state"> & { readonly state: string };
    return { ...item, state: Buffer.from(item.state, "base64") };
  });
}
