import {
  goneMeasures,
  type MetricsPipeline,
  type MetricWindow,
  metricOf,
  type ReadableRow,
  readMetric,
} from "@millrace/engine";

/** The windows of a metric without what only the moment of counting told: all that a repair can bring back. */
export function toldWindows(
  metrics: MetricsPipeline,
  name: string,
  rows: readonly ReadableRow[],
): readonly MetricWindow[] {
  const gone = goneMeasures(metricOf(metrics, name));
  const told = (values: MetricWindow["total"]) =>
    Object.fromEntries(Object.entries(values).filter(([measure]) => !gone.includes(measure)));
  return readMetric(metrics, name, rows).map(({ groups, other, total, ...window }) => ({
    ...window,
    groups: groups.map(({ by, values }) => ({ by, values: told(values) })),
    other: other === null ? null : told(other),
    total: told(total),
  }));
}
