/** What the metrics hold, in a few lines. */
import type { Report } from "./report.ts";
import { bytes, columns, number, plural } from "./words.ts";

export function printMetrics({ metrics }: Pick<Report, "metrics">): string[] {
  const rows = metrics.map(({ metric, windows, groups, counted, rows: rowCount, bytes: size }) => [
    `  ${metric}`,
    number(windows),
    number(groups),
    counted === null ? "" : number(counted),
    number(rowCount),
    bytes(size),
  ]);
  const again = Math.max(0, ...metrics.map(({ counted, different }) => (counted ?? 0) - (different ?? 0)));
  return [
    "Metrics: windows as a reader merges them from the rows of all shards",
    ...columns([["  ", "windows", "groups, at most", "events", "rows", "size"], ...rows]),
    ...(again === 0
      ? []
      : [`  ${plural(again, "event")} came again in another tumbling window than before, and counted again there.`]),
  ];
}
