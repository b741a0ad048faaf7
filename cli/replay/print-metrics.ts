import { columns, number } from "../start/words.ts";

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
  readonly notOfTheLake: readonly string[];
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
    `  not of the lake    ${metrics.notOfTheLake.join(", ")}: as they were counted`,
  ];
}
