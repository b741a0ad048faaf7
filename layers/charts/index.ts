// The charts of metrics as data: what the dashboard's page, a run's report and the stack's CloudWatch dashboard have in common. Pure.
export type { Bar, Chart, Figure, Line, Ranking, Unit } from "./chart.ts";
export {
  chartOf,
  figuresOf,
  type MetricReading,
  NOTHING_YET,
  rangeFor,
  rankingOf,
  readingOf,
  stepFor,
} from "./metric-charts.ts";
export { type MetricPanel, metricPanels } from "./metric-panels.ts";
export { type Range, rangeOver, timesOf } from "./range.ts";
export { bytes, duration, inUnit, moment, shardInWords } from "./words.ts";
