import { type ReplayRequest, ReplayRequestError, type WorkFiles } from "@millrace/aws";
import type { MetricTally, Restored } from "@millrace/lake";

/** As finalize-metrics answers. */
export interface FinalizedHour {
  readonly missing: number;
  readonly lacking: number;
  readonly unarchived: number;
  readonly events: number;
  /** Of the archive. */
  readonly records: number;
  readonly rows: number;
  readonly writeUnits: number;
  readonly restored: readonly Restored[];
  /** Where its tallies lie, as JSON lines. */
  readonly resultKey: string;
}

/** Windows of metrics that a replay made, or would make. */
export interface FinalMetrics extends Omit<FinalizedHour, "missing" | "lacking" | "resultKey"> {
  /** Of each metric, what its windows say from now on and did not before. */
  readonly changes: readonly MetricChange[];
}

/** Of all hours together. */
export type MetricChange = Omit<MetricTally, "hourMs">;

interface Hours {
  readonly finalized: readonly FinalizedHour[];
  readonly request: ReplayRequest;
}

/** Throws a ReplayRequestError where nothing was made because the lake lacks records: trying again does not help. */
export async function sumOfHours(
  files: Pick<WorkFiles, "get">,
  { finalized, request: { from, to } }: Hours,
): Promise<FinalMetrics> {
  const missing = Math.max(0, ...finalized.map((hour) => hour.missing));
  if (missing > 0) {
    throw new ReplayRequestError(
      `the lake lacks ${missing} records of the archive that arrived from ${from} to ${to} or little later, so it cannot say what metrics should be: put them there first (npm run replay -- --source archive --target curated; --source errors for what Firehose kept as errors), then ask for this under another --name`,
    );
  }
  const lacking = Math.max(0, ...finalized.map((hour) => hour.lacking));
  if (lacking > 0) {
    throw new ReplayRequestError(
      `neither the archive nor the lake has ${lacking} records that the ledger counted from ${from} to ${to}, so that windows made of the lake would lack them: what was counted stays. npm run reconcile for this time names the hours; ask for the others`,
    );
  }
  const changes = new Map<string, MetricChange>();
  for (const { resultKey } of finalized) {
    for (const line of (await files.get(resultKey)).split("\n")) {
      if (line === "") continue;
      const { metric, events, late, lost, again } = JSON.parse(line) as MetricTally;
      const sum = changes.get(metric) ?? { metric, events: 0, late: 0, lost: 0, again: 0 };
      changes.set(metric, {
        metric,
        events: sum.events + events,
        late: sum.late + late,
        lost: lost === null || sum.lost === null ? null : sum.lost + lost,
        again: again === null || sum.again === null ? null : sum.again + again,
      });
    }
  }
  const total = (name: "events" | "records" | "rows" | "writeUnits") =>
    finalized.reduce((sum, hour) => sum + hour[name], 0);
  return {
    events: total("events"),
    records: total("records"),
    rows: total("rows"),
    writeUnits: total("writeUnits"),
    changes: [...changes.values()].toSorted((a, b) => (a.metric < b.metric ? -1 : 1)),
    // Each hour of the day was told of all records of the time.
    unarchived: Math.max(0, ...finalized.map((hour) => hour.unarchived)),
    restored: restoredIn(finalized),
  };
}

function restoredIn(finalized: readonly FinalizedHour[]): readonly Restored[] {
  const sums = new Map<string, Restored>();
  for (const { metric, windows, without, ofArchive } of finalized.flatMap(({ restored }) => restored)) {
    const sum = sums.get(metric) ?? { windows: 0, ofArchive: 0 };
    sums.set(metric, { metric, windows: sum.windows + windows, without, ofArchive: sum.ofArchive + ofArchive });
  }
  return [...sums.values()].toSorted((a, b) => (a.metric < b.metric ? -1 : 1));
}
