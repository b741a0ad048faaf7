import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Pipeline } from "@millrace/engine";
import { type Captured, type Made, madeOf } from "../cli/capture/captured.ts";

/** By file of a folder of captured records what is made of its record, where that is something else than it must be. */
export async function differencesIn(
  pipeline: Pipeline,
  folder: string,
  make = madeOf,
): Promise<Readonly<Record<string, Made>>> {
  const different: Record<string, Made> = {};
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const found = JSON.parse(readFileSync(join(folder, file), "utf8")) as Captured;
    const made = await make(pipeline, found);
    if (!isDeepStrictEqual(made, found.expected)) different[file] = made;
  }
  return different;
}
