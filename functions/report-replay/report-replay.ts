import {
  mapResults,
  NO_COUNTS,
  type RefusedRows,
  type ReplayCounts,
  type ReplayRequest,
  ReplayRequestError,
  readReplayRequest,
  replayCounts,
  type Telemetry,
  type WorkFiles,
} from "@millrace/aws";
import { type Estimate, estimateOf } from "./estimate.ts";
import { type FinalizedHour, type FinalMetrics, sumOfHours } from "./final-metrics.ts";

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
  /** Pieces at one time; not given where the machine has it fixed. */
  readonly workers?: number;
  /** Bytes that each query has read. */
  readonly scannedBytes: readonly number[];
  /** The manifests that the Maps' ResultWriters left: of records put again, and of items made anew; null where there was nothing to do. */
  readonly recordsManifestKey: string | null;
  readonly rowsManifestKey: string | null;
  /** What finalize-metrics said of each hour of the day; null with any other target. */
  readonly finalized: readonly FinalizedHour[] | null;
  /** Events that were put again and made no row; null where there was none. */
  readonly refusedRows?: RefusedRows | null;
  /** What was left out, in words. */
  readonly notes: readonly string[];
  /** How often the rows were read anew. */
  readonly again?: number;
}

/** Another replay has put rows into the lake after those were read that items were to be made of: they are to be read anew. */
export interface StaleRows {
  readonly kind: "stale";
}

/** How often rows are read anew. Each time it is waited until nobody puts any, and each replay puts its own once. */
export const MOST_AGAIN = 10;

export interface ReplayReport {
  readonly kind: "done" | "dry run";
  readonly execution: string;
  readonly request: ReplayRequest;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly chunks: number;
  readonly counts: ReplayCounts;
  readonly notes: readonly string[];
  /** How often the rows were read anew, since other replays had put some; what is said of items is of the last time. */
  readonly again: number;
  /** Of items made anew, what recompute counts, of all views and buckets; null where no item was. */
  readonly recomputed: Readonly<Record<string, number>> | null;
  /** Of windows made anew; null where none was. */
  readonly metrics: FinalMetrics | null;
  /** Events that items lack because Firehose refused their rows; null where there is none. */
  readonly refusedRows: RefusedRows | null;
  /** At the rate that was asked for: before it, in a dry run; of a replay that is done, what was expected. */
  readonly estimate: Estimate;
  /** In the lake's bucket, where it stays. */
  readonly reportKey: string;
}

/** Adds up what the chunks did, and leaves it where it stays. Throws a ReplayRequestError where the lake lacked records for metrics, or changed again and again. */
export function reportReplay({ files, telemetry, now }: Deps) {
  return async (done: Done): Promise<ReplayReport | StaleRows> => {
    const { execution, startedAt, chunks, recordsManifestKey, rowsManifestKey } = done;
    const request = readReplayRequest(done.request);
    const counts = recordsManifestKey === null ? NO_COUNTS : await replayCounts(files, recordsManifestKey);
    const items = rowsManifestKey === null ? null : await mapResults(files, rowsManifestKey);
    const metrics = done.finalized === null ? null : await sumOfHours(files, { finalized: done.finalized, request });
    const recomputed = items === null ? null : sumOf(items as Record<string, number>[]);
    const { workers = 1, scannedBytes, again = 0 } = done;
    if ((recomputed?.stale ?? 0) > 0) return stale(again);
    const report: ReplayReport = {
      kind: request.dryRun ? "dry run" : "done",
      execution,
      request,
      startedAt,
      endedAt: new Date(now()).toISOString(),
      chunks,
      counts,
      notes: done.notes,
      again,
      recomputed,
      metrics,
      refusedRows: done.refusedRows ?? null,
      estimate: estimateOf({ request, counts, recomputed, metrics, chunks, workers, scannedBytes }),
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

function stale(again: number): StaleRows {
  if (again < MOST_AGAIN) return { kind: "stale" };
  throw new ReplayRequestError(
    `rows were put into the lake after this replay had read it, and again each of the ${MOST_AGAIN} times that it read them anew: ask again under another --name when the other replays are done`,
  );
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
