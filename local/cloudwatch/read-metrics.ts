/** GetMetricData, GetMetricStatistics and ListMetrics. */
import { optionalObject, optionalString, optionalTimeMs, requiredObjects, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import { ExpressionError, namesIn, parseExpression } from "./expression.ts";
import { mathFunctions } from "./math.ts";
import type { MetricId } from "./metric.ts";
import { invalid, optionalObjects, readMetricId, readPeriodMs, readStatistic, readUnit } from "./metric-input.ts";
import type { Metrics } from "./metrics.ts";
import { ask, type Periods, type Query } from "./query.ts";
import { statisticOf } from "./samples.ts";

const maxQueries = 500;
const listPage = 500;
/** CloudWatch's limit of one GetMetricData answer. */
const maxPoints = 100_800;

export function readOperations(metrics: Metrics): Readonly<Record<string, Operation>> {
  return {
    GetMetricData: (input) => getMetricData(metrics, input),
    GetMetricStatistics: (input) => getMetricStatistics(metrics, input),
    ListMetrics: (input) => listMetrics(metrics, input),
  };
}

interface Asked {
  readonly query: Query;
  readonly periodMs: number | null;
  readonly label: string;
  readonly returned: boolean;
}

function getMetricData(metrics: Metrics, input: JsonObject): JsonObject {
  const asked = requiredObjects(input, "MetricDataQueries", { min: 1, max: maxQueries }).map(readAsked);
  const descending = (optionalString(input, "ScanBy") ?? "TimestampDescending") === "TimestampDescending";
  const queries = asked.map(({ query }) => query);
  try {
    const results = asked
      .filter(({ returned }) => returned)
      .map(({ query, label, periodMs }) => {
        const periods = periodsOf(input, periodMs ?? periodFor(query, asked));
        const points = ask(metrics, queries, query.id, periods)
          .map((value, at) => ({ value, timestamp: (periods.startMs + at * periods.periodMs) / 1000 }))
          .filter(({ value }) => value !== null);
        if (descending) points.reverse();
        const [Timestamps, Values] = [points.map(({ timestamp }) => timestamp), points.map(({ value }) => value)];
        return { Id: query.id, Label: label, Timestamps, Values, StatusCode: "Complete" };
      });
    return { MetricDataResults: results, Messages: [] };
  } catch (error) {
    if (error instanceof ExpressionError) throw invalid(error.message);
    throw error;
  }
}

function readAsked(input: JsonObject): Asked {
  const id = requiredString(input, "Id");
  const returned = (input.ReturnData ?? true) === true;
  const label = optionalString(input, "Label");
  const stat = optionalObject(input, "MetricStat");
  if (stat === undefined) {
    const text = requiredString(input, "Expression");
    const periodMs = input.Period === undefined || input.Period === null ? null : readPeriodMs(input);
    return { query: { kind: "expression", id, expression: parsed(text) }, periodMs, label: label ?? id, returned };
  }
  const metric = readMetricId(optionalObject(stat, "Metric") ?? {});
  const statistic = readStatistic(requiredString(stat, "Stat"));
  const query = { kind: "metric", id, metric, statistic, unit: readUnit(stat) } as const;
  return { query, periodMs: readPeriodMs(stat), label: label ?? metric.name, returned };
}

function parsed(text: string) {
  try {
    const expression = parseExpression(text);
    const unknown = namesIn(expression).calls.find((name) => !mathFunctions.has(name));
    if (unknown === undefined) return expression;
    throw new ExpressionError(`The local runtime does not know the function ${unknown} of metric math.`);
  } catch (error) {
    throw error instanceof ExpressionError ? invalid(error.message) : error;
  }
}

/** An expression without a period of its own has the longest of those of its metrics. */
function periodFor(query: Query, asked: readonly Asked[]): number {
  const ids = query.kind === "expression" ? namesIn(query.expression).ids : [];
  const periods = asked
    .filter((one) => ids.includes(one.query.id) || ids.length === 0)
    .map(({ periodMs }) => periodMs ?? 0);
  const periodMs = Math.max(0, ...periods);
  if (periodMs > 0) return periodMs;
  throw invalid(`The expression ${query.id} needs a Period.`);
}

/** The start is rounded down to a whole period, the end up. */
function periodsOf(input: JsonObject, periodMs: number): Periods {
  const from = optionalTimeMs(input, "StartTime");
  const to = optionalTimeMs(input, "EndTime");
  if (from === undefined || to === undefined || from >= to)
    throw invalid("The parameter StartTime must be less than the parameter EndTime.");
  const startMs = Math.floor(from / periodMs) * periodMs;
  const count = Math.ceil((to - startMs) / periodMs);
  if (count > maxPoints)
    throw invalid(`Expected at most ${maxPoints} data points, got ${count}: ask for a longer Period.`);
  return { startMs, periodMs, count };
}

function getMetricStatistics(metrics: Metrics, input: JsonObject): JsonObject {
  const metric = readMetricId(input);
  const unit = readUnit(input);
  const periods = periodsOf(input, readPeriodMs(input));
  const named = [...texts(input, "Statistics"), ...texts(input, "ExtendedStatistics")];
  if (named.length === 0)
    throw invalid("At least one of the parameters Statistics and ExtendedStatistics must be specified.");
  const datapoints = Array.from({ length: periods.count }, (_, at) => {
    const startMs = periods.startMs + at * periods.periodMs;
    const samples = metrics.samples(metric, startMs, startMs + periods.periodMs, unit);
    if (samples.count === 0) return null;
    const values = named.map((name) => [name, statisticOf(samples, readStatistic(name))] as const);
    return {
      Timestamp: startMs / 1000,
      Unit: unit ?? "None",
      ...Object.fromEntries(values.filter(([name]) => !name.startsWith("p"))),
      ExtendedStatistics: Object.fromEntries(values.filter(([name]) => name.startsWith("p"))),
    };
  });
  return { Label: metric.name, Datapoints: datapoints.filter((one) => one !== null) };
}

function listMetrics(metrics: Metrics, input: JsonObject): JsonObject {
  const [namespace, name] = [optionalString(input, "Namespace"), optionalString(input, "MetricName")];
  const wanted = optionalObjects(input, "Dimensions");
  const found = metrics
    .list()
    .filter(
      (metric) =>
        metric.namespace === (namespace ?? metric.namespace) &&
        metric.name === (name ?? metric.name) &&
        wanted.every((dimension) => hasDimension(metric, dimension)),
    );
  const from = Number(optionalString(input, "NextToken") ?? 0);
  const more = from + listPage < found.length ? { NextToken: String(from + listPage) } : {};
  return { Metrics: found.slice(from, from + listPage).map(toMetric), ...more };
}

function hasDimension({ dimensions }: MetricId, { Name, Value }: JsonObject): boolean {
  const value = dimensions[String(Name)];
  return value !== undefined && (Value === undefined || Value === null || value === Value);
}

function toMetric({ namespace, name, dimensions }: MetricId): JsonObject {
  const Dimensions = Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
  return { Namespace: namespace, MetricName: name, Dimensions };
}

function texts(input: JsonObject, field: string): readonly string[] {
  return ((input[field] ?? []) as readonly unknown[]).map(String);
}
