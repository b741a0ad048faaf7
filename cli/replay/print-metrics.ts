import { columns, number, plural } from "../start/words.ts";

/** As report-replay says it. */
export interface FinalMetrics {
  readonly events: number;
  readonly rows: number;
  readonly changes: readonly {
    readonly metric: string;
    readonly events: number;
    readonly late: number;
    readonly lost: number | null;
    readonly again: number | null;
  }[];
  readonly unarchived: number;
  readonly restored: readonly {
    readonly metric: string;
    readonly windows: number;
    readonly without: readonly string[];
    readonly ofArchive: number;
  }[];
}

export function metricsLines(metrics: FinalMetrics): readonly string[] {
  const figures = metrics.changes.map(({ metric, events, late, lost, again }) => [
    `  ${metric}`,
    number(events),
    number(late),
    ...[lost, again].map((count) => (count === null ? "-" : number(count))),
  ]);
  return [
    `  events of the lake ${number(metrics.events)}`,
    `  final rows         ${number(metrics.rows)}`,
    ...columns([["  metric", "events", "of these too late", "had been lost", "had been counted again"], ...figures]),
    ...restoredLines(metrics),
  ];
}

/** What stands in no row of the lake, and had lost something. */
function restoredLines({ restored, unarchived }: FinalMetrics): readonly string[] {
  if (restored.length === 0 && unarchived === 0) return ["  by arrival         nothing was lost"];
  return [
    ...restored.map(({ metric, windows, without, ofArchive }) => {
      const made = `  made anew          ${metric}, ${plural(windows, "window")}`;
      const gone = without.length === 0 ? "" : `; of these nothing tells any more: ${without.join(", ")}`;
      const proof =
        ofArchive === 0
          ? ""
          : `; ${plural(ofArchive, "hour")} of a shard from the archive, about which they prove nothing`;
      return `${made}${gone}${proof}`;
    }),
    ...(unarchived === 0
      ? []
      : [`  not in the archive ${plural(unarchived, "record")} that the lake has: what is made of it lacks them`]),
  ];
}
