/** An `AWS::CloudWatch::Alarm` of the template, checked by AWS's rules. What is not simulated is refused with its line. */
import type { ValueMap } from "../template/evaluate.ts";
import type { Resource, Template } from "../template/load.ts";
import { TemplateError } from "../template/template-error.ts";
import { ExpressionError, namesIn, parseExpression } from "./expression.ts";
import { mathFunctions } from "./math.ts";
import { type MetricId, units } from "./metric.ts";
import { createMetrics, minuteMs } from "./metrics.ts";
import { ask, type Query } from "./query.ts";
import { parseStatistic, type Statistic } from "./samples.ts";
import type { AlarmState, MissingData, Rule } from "./verdict.ts";

export interface AlarmSettings {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly description: string | null;
  /** With one metric there is one query. */
  readonly queries: readonly Query[];
  /** As written, by id. */
  readonly expressionTexts: Readonly<Record<string, string>>;
  /** The id of the query that is compared with the threshold. */
  readonly returns: string;
  readonly periodMs: number;
  readonly rule: Rule;
  readonly comparison: Comparison;
  readonly threshold: number;
  /** EvaluateLowSampleCountPercentile: ignore. */
  readonly ignoresFewSamples: boolean;
  readonly actionsEnabled: boolean;
  readonly actions: Readonly<Record<AlarmState, readonly string[]>>;
}

export const comparisons = {
  GreaterThanThreshold: { holds: (value: number, threshold: number) => value > threshold, words: "greater than" },
  GreaterThanOrEqualToThreshold: {
    holds: (value: number, threshold: number) => value >= threshold,
    words: "greater than or equal to",
  },
  LessThanThreshold: { holds: (value: number, threshold: number) => value < threshold, words: "less than" },
  LessThanOrEqualToThreshold: {
    holds: (value: number, threshold: number) => value <= threshold,
    words: "less than or equal to",
  },
} as const;
export type Comparison = keyof typeof comparisons;

export function readAlarms(template: Template): readonly AlarmSettings[] {
  return template.of("AWS::CloudWatch::Alarm").map((resource) => readAlarm(template, resource));
}

function readAlarm(template: Template, resource: Resource): AlarmSettings {
  const { logicalId, name, arn, properties } = resource;
  const reader = readerOf(template, resource);
  const { queries, returns, periodMs, expressionTexts } =
    properties.Metrics === undefined ? readMetric(reader, properties) : readQueries(reader, properties);
  const evaluationPeriods = reader.whole(properties, "EvaluationPeriods", 1);
  const datapointsToAlarm = reader.whole(properties, "DatapointsToAlarm", 1, evaluationPeriods);
  if (datapointsToAlarm > evaluationPeriods) {
    throw reader.fail(
      properties,
      "DatapointsToAlarm",
      `DatapointsToAlarm must be at most EvaluationPeriods (${evaluationPeriods}), got ${datapointsToAlarm}.`,
    );
  }
  return {
    logicalId,
    name,
    arn,
    description: properties.AlarmDescription === undefined ? null : String(properties.AlarmDescription),
    queries,
    returns,
    periodMs,
    expressionTexts,
    rule: { evaluationPeriods, datapointsToAlarm, missing: missingData(reader, properties, queries) },
    comparison: reader.oneOf(properties, "ComparisonOperator", Object.keys(comparisons) as Comparison[]),
    threshold: reader.number(properties, "Threshold"),
    ignoresFewSamples:
      reader.oneOf(properties, "EvaluateLowSampleCountPercentile", ["evaluate", "ignore"], "evaluate") === "ignore",
    actionsEnabled: String(properties.ActionsEnabled ?? true) === "true",
    actions: {
      ALARM: reader.texts(properties, "AlarmActions"),
      OK: reader.texts(properties, "OKActions"),
      INSUFFICIENT_DATA: reader.texts(properties, "InsufficientDataActions"),
    },
  };
}

/** Alarms on AWS/DynamoDB ignore missing data unless they say otherwise. */
function missingData(reader: Reader, properties: ValueMap, queries: readonly Query[]): MissingData {
  const isTable = queries.some((query) => query.kind === "metric" && query.metric.namespace === "AWS/DynamoDB");
  const fallback = isTable ? "ignore" : "missing";
  return reader.oneOf(properties, "TreatMissingData", ["missing", "ignore", "breaching", "notBreaching"], fallback);
}

type Watched = Pick<AlarmSettings, "queries" | "returns" | "periodMs" | "expressionTexts">;

function readMetric(reader: Reader, properties: ValueMap): Watched {
  const statistic = "ExtendedStatistic" in properties ? "ExtendedStatistic" : "Statistic";
  return {
    queries: [readStat(reader, "metric", properties, properties, statistic)],
    returns: "metric",
    expressionTexts: {},
    periodMs: readPeriod(reader, properties),
  };
}

/** Metric math: exactly one of them returns data, and all have one period. */
function readQueries(reader: Reader, properties: ValueMap): Watched {
  const listed = properties.Metrics as unknown as readonly ValueMap[];
  const periods = new Set<number>();
  const queries = listed.map((one): Query => {
    const id = String(one.Id);
    if (one.Expression !== undefined) return { kind: "expression", id, expression: readExpression(reader, one) };
    const stat = (one.MetricStat ?? {}) as ValueMap;
    periods.add(readPeriod(reader, stat));
    return readStat(reader, id, stat, (stat.Metric ?? {}) as ValueMap, "Stat");
  });
  const expressionTexts = Object.fromEntries(
    listed.map(({ Id, Expression }) => [String(Id), String(Expression ?? "")]),
  );
  const returning = listed.filter(({ ReturnData }) => String(ReturnData ?? true) === "true");
  const [periodMs] = periods;
  if (returning.length !== 1)
    throw reader.fail(properties, "Metrics", `Exactly one of Metrics must return data, got ${returning.length}.`);
  if (periodMs === undefined || periods.size > 1)
    throw reader.fail(properties, "Metrics", "The local runtime wants metrics of one period in an alarm.");
  return tryOut(reader, { queries, returns: String(returning[0]?.Id), periodMs, expressionTexts }, properties);
}

function readStat(reader: Reader, id: string, place: ValueMap, metric: ValueMap, property: string): Query {
  const text = String(place[property]);
  const statistic: Statistic | null = parseStatistic(text);
  const unit = place.Unit === undefined ? undefined : String(place.Unit);
  if (statistic === null)
    throw reader.fail(
      place,
      property,
      `${property}: expected SampleCount, Average, Sum, Minimum, Maximum or a percentile such as p99, got ${text}.`,
    );
  if (unit !== undefined && !units.has(unit)) throw reader.fail(place, "Unit", `CloudWatch has no unit ${unit}.`);
  return { kind: "metric", id, metric: readMetricId(reader, metric), statistic, unit };
}

function readMetricId(reader: Reader, metric: ValueMap): MetricId {
  const dimensions = (metric.Dimensions ?? []) as unknown as readonly ValueMap[];
  return {
    namespace: reader.text(metric, "Namespace"),
    name: reader.text(metric, "MetricName"),
    dimensions: Object.fromEntries(dimensions.map(({ Name, Value }) => [String(Name), String(Value)])),
  };
}

function readPeriod(reader: Reader, place: ValueMap): number {
  const seconds = reader.whole(place, "Period", 1);
  if ((seconds * 1000) % minuteMs === 0) return seconds * 1000;
  throw reader.fail(place, "Period", `Period: the local runtime knows whole minutes, got ${seconds} s.`);
}

function readExpression(reader: Reader, place: ValueMap) {
  try {
    const expression = parseExpression(String(place.Expression));
    const unknown = namesIn(expression).calls.find((name) => !mathFunctions.has(name));
    if (unknown === undefined) return expression;
    throw new ExpressionError(`The local runtime does not know the function ${unknown} of metric math.`);
  } catch (error) {
    if (error instanceof ExpressionError) throw reader.fail(place, "Expression", error.message);
    throw error;
  }
}

/** Asked once without any data, so that an unknown id, a circle or a list of series shows at load. */
function tryOut(reader: Reader, watched: Watched, properties: ValueMap): Watched {
  const { queries, returns, periodMs } = watched;
  const place = (properties.Metrics as unknown as readonly ValueMap[]).find(({ Id }) => String(Id) === returns);
  try {
    ask(createMetrics({ clock: { now: () => 0 } }), queries, returns, { startMs: 0, periodMs, count: 1 });
    return watched;
  } catch (error) {
    if (error instanceof ExpressionError) throw reader.fail(place ?? properties, "Expression", error.message);
    throw error;
  }
}

interface Reader {
  fail(place: ValueMap, property: string, message: string): TemplateError;
  text(place: ValueMap, property: string): string;
  texts(place: ValueMap, property: string): readonly string[];
  number(place: ValueMap, property: string): number;
  whole(place: ValueMap, property: string, least: number, fallback?: number): number;
  oneOf<Choice extends string>(
    place: ValueMap,
    property: string,
    choices: readonly Choice[],
    fallback?: Choice,
  ): Choice;
}

function readerOf({ file, lines }: Template, { logicalId, line }: Resource): Reader {
  const fail: Reader["fail"] = (place, property, message) =>
    new TemplateError(
      file,
      property in place ? lines.of(place, property) : (lines.find(place) ?? line),
      `${logicalId}: ${message}`,
    );
  const reader: Reader = {
    fail,
    text(place, property) {
      const value = place[property];
      if (typeof value === "string" && value !== "") return value;
      throw fail(place, property, `${property} is required.`);
    },
    texts: (place, property) => ((place[property] ?? []) as readonly unknown[]).map(String),
    number(place, property) {
      const value = Number(place[property] ?? Number.NaN);
      if (Number.isFinite(value)) return value;
      throw fail(place, property, `${property}: expected a number, got ${String(place[property])}.`);
    },
    whole(place, property, least, fallback) {
      const value = place[property] === undefined && fallback !== undefined ? fallback : reader.number(place, property);
      if (Number.isInteger(value) && value >= least) return value;
      throw fail(place, property, `${property}: expected a whole number of at least ${least}, got ${value}.`);
    },
    oneOf(place, property, choices, fallback) {
      const value = place[property] ?? fallback;
      const choice = choices.find((one) => one === value);
      if (choice !== undefined) return choice;
      throw fail(place, property, `${property}: expected one of ${choices.join(", ")}, got ${String(value)}.`);
    },
  };
  return reader;
}
