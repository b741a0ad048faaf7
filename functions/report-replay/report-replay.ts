import {
  addCounts,
  NO_COUNTS,
  type ReplayCounts,
  type ReplayRequest,
  readReplayRequest,
  type Telemetry,
  type WorkFiles,
} from "@millrace/aws";
import { type Estimate, estimateOf } from "./estimate.ts";

export interface Deps {
  readonly files: WorkFiles;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

export interface Done {
  readonly request: unknown;
  readonly execution: string;
  /** ISO. */
  readonly startedAt: string;
  readonly chunks: number;
  /** What the chunks did: put records again, or made items anew. */
  readonly what: "records" | "rows";
  /** The manifest that the Map's ResultWriter left; null when there was nothing to do. */
  readonly manifestKey: string | null;
}

export interface ReplayReport {
  readonly kind: "done" | "dry run";
  readonly execution: string;
  readonly request: ReplayRequest;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly chunks: number;
  readonly counts: ReplayCounts;
  /** Of items made anew, what recompute counts, of all views and buckets; null where no item was. */
  readonly recomputed: Readonly<Record<string, number>> | null;
  /** At the rate that was asked for: before it, in a dry run; of a replay that is done, what was expected. */
  readonly estimate: Estimate;
  /** In the lake's bucket, where it stays. */
  readonly reportKey: string;
}

/** Adds up what the chunks did, and leaves it where it stays. */
export function reportReplay({ files, telemetry, now }: Deps) {
  return async ({ request: given, execution, startedAt, chunks, what, manifestKey }: Done): Promise<ReplayReport> => {
    const request = readReplayRequest(given);
    const results = manifestKey === null ? [] : await resultsIn(files, manifestKey);
    const counts = what === "records" ? (results as ReplayCounts[]).reduce(addCounts, NO_COUNTS) : NO_COUNTS;
    const report: ReplayReport = {
      kind: request.dryRun ? "dry run" : "done",
      execution,
      request,
      startedAt,
      endedAt: new Date(now()).toISOString(),
      chunks,
      counts,
      recomputed: what === "rows" ? sumOf(results as Record<string, number>[]) : null,
      estimate: estimateOf(counts, { chunks, recordsPerSecond: request.recordsPerSecond }),
      reportKey: `reports/replay/${execution}.json`,
    };
    await files.put(report.reportKey, `${JSON.stringify(report, null, 2)}\n`);
    const { wanted, sent, oversize, unreadable } = counts;
    telemetry.batch({
      counts: { Wanted: wanted, Sent: sent, Oversize: oversize, Unreadable: unreadable },
      context: { execution },
    });
    return report;
  };
}

/** Each line of a result file is what one chunk counted; after a redrive the manifest names the files of all runs. */
async function resultsIn(files: WorkFiles, manifestKey: string): Promise<readonly unknown[]> {
  const manifest = JSON.parse(await files.get(manifestKey)) as {
    readonly ResultFiles: { readonly SUCCEEDED?: readonly { readonly Key: string }[] };
  };
  const results: unknown[] = [];
  for (const { Key } of manifest.ResultFiles.SUCCEEDED ?? []) {
    for (const line of (await files.get(Key)).split("\n")) if (line !== "") results.push(JSON.parse(line));
  }
  return results;
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
