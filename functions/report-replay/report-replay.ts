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
  /** At the rate that was asked for: before it, in a dry run; of a replay that is done, what was expected. */
  readonly estimate: Estimate;
  /** In the lake's bucket, where it stays. */
  readonly reportKey: string;
}

/** Adds up what the chunks did, and leaves it where it stays. */
export function reportReplay({ files, telemetry, now }: Deps) {
  return async ({ request: given, execution, startedAt, chunks, manifestKey }: Done): Promise<ReplayReport> => {
    const request = readReplayRequest(given);
    const counts = manifestKey === null ? NO_COUNTS : await sumOf(files, manifestKey);
    const report: ReplayReport = {
      kind: request.dryRun ? "dry run" : "done",
      execution,
      request,
      startedAt,
      endedAt: new Date(now()).toISOString(),
      chunks,
      counts,
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

/** Each line of a result file is the counts of one chunk; after a redrive the manifest names the files of all runs. */
async function sumOf(files: WorkFiles, manifestKey: string): Promise<ReplayCounts> {
  const manifest = JSON.parse(await files.get(manifestKey)) as {
    readonly ResultFiles: { readonly SUCCEEDED?: readonly { readonly Key: string }[] };
  };
  let sum = NO_COUNTS;
  for (const { Key } of manifest.ResultFiles.SUCCEEDED ?? []) {
    for (const line of (await files.get(Key)).split("\n")) {
      if (line !== "") sum = addCounts(sum, JSON.parse(line) as ReplayCounts);
    }
  }
  return sum;
}
