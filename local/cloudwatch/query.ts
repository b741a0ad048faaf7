/** Metrics and expressions over them, asked for a run of periods; what an alarm watches and what GetMetricData answers. */
import { type Expression, ExpressionError } from "./expression.ts";
import { evaluateSeries, type Series } from "./math.ts";
import type { MetricId } from "./metric.ts";
import type { Metrics } from "./metrics.ts";
import { type Statistic, statisticOf } from "./samples.ts";

export type Query =
  | {
      readonly kind: "metric";
      readonly id: string;
      readonly metric: MetricId;
      readonly statistic: Statistic;
      readonly unit: string | undefined;
    }
  | { readonly kind: "expression"; readonly id: string; readonly expression: Expression };

export interface Periods {
  readonly startMs: number;
  readonly periodMs: number;
  readonly count: number;
}

/** One value per period of the query with that id. Throws an ExpressionError. */
export function ask(metrics: Metrics, queries: readonly Query[], id: string, periods: Periods): Series {
  const byId = new Map(queries.map((query) => [query.id, query]));
  const answers = new Map<string, Series | "asked">();

  const seriesOf = (name: string): Series => {
    const known = answers.get(name);
    if (known === "asked") throw new ExpressionError(`The expression ${name} refers to itself.`);
    if (known !== undefined) return known;
    const query = byId.get(name);
    if (query === undefined) throw new ExpressionError(`There is no metric with the id ${name}.`);
    answers.set(name, "asked");
    const series = query.kind === "metric" ? valuesOf(metrics, query, periods) : evaluated(query.expression);
    answers.set(name, series);
    return series;
  };
  const evaluated = (expression: Expression): Series =>
    evaluateSeries(expression, {
      length: periods.count,
      periodSeconds: periods.periodMs / 1000,
      series: seriesOf,
      all: () => queries.filter(({ kind }) => kind === "metric").map((query) => seriesOf(query.id)),
    });
  return seriesOf(id);
}

function valuesOf(
  metrics: Metrics,
  { metric, statistic, unit }: Extract<Query, { kind: "metric" }>,
  { startMs, periodMs, count }: Periods,
): Series {
  return Array.from({ length: count }, (_, at) => {
    const from = startMs + at * periodMs;
    return statisticOf(metrics.samples(metric, from, from + periodMs, unit), statistic);
  });
}
