import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { Pipeline } from "@millrace/engine";
import { isTelling } from "./print-examples.ts";
import type { Example } from "./report.ts";
import { type Entity, featuresOf } from "./table.ts";

/** How many entities of each view the report shows. */
const EXAMPLES_PER_VIEW = 2;

/** Writes every feature of every entity as of `asOfMs`, one line per entity in a stable order; returns the most telling of each view. */
export async function writeFeatures(
  path: string,
  pipeline: Pipeline,
  entities: readonly Entity[],
  asOfMs: number,
): Promise<readonly Example[]> {
  const file = createWriteStream(path);
  const asOf = new Date(asOfMs).toISOString();
  const best = new Map<string, { readonly score: number; readonly example: Example }[]>();
  for (const entity of entities) {
    const { view, entity: name, features } = featuresOf(pipeline, entity, asOfMs);
    if (!file.write(`${JSON.stringify({ view, entity: name, asOf, features })}\n`)) await once(file, "drain");
    const candidates = [
      ...(best.get(view) ?? []),
      { score: scoreOf(features), example: { view, entity: name, features } },
    ];
    // Sorting is stable, so among equals the first by name stays.
    best.set(view, candidates.sort((a, b) => b.score - a.score).slice(0, EXAMPLES_PER_VIEW));
  }
  file.end();
  await finished(file);
  return [...best.values()].flat().map(({ example }) => example);
}

/** How much there is to see: first how many features say something, then how much they add up to. */
function scoreOf(features: Example["features"]): number {
  const telling = Object.values(features).filter(isTelling);
  const weight = telling.reduce<number>((sum, value) => sum + (typeof value === "number" ? Math.abs(value) : 1), 0);
  return telling.length + weight / (weight + 1);
}
