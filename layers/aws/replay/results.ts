import type { WorkFiles } from "../work-files.ts";
import { addCounts, NO_COUNTS, type ReplayCounts } from "./progress.ts";

/** What the children of a Map left, by its ResultWriter's manifest; after a redrive that names the files of all runs. */
export async function mapResults(files: WorkFiles, manifestKey: string): Promise<readonly unknown[]> {
  const manifest = JSON.parse(await files.get(manifestKey)) as {
    readonly ResultFiles: { readonly SUCCEEDED?: readonly { readonly Key: string }[] };
  };
  const results: unknown[] = [];
  for (const { Key } of manifest.ResultFiles.SUCCEEDED ?? []) {
    for (const line of (await files.get(Key)).split("\n")) if (line !== "") results.push(JSON.parse(line));
  }
  return results;
}

/** Of all chunks together. */
export async function replayCounts(files: WorkFiles, manifestKey: string): Promise<ReplayCounts> {
  return ((await mapResults(files, manifestKey)) as readonly ReplayCounts[]).reduce(addCounts, NO_COUNTS);
}
