/** Metrics as CloudWatch's requests write them. What CloudWatch would refuse is an AwsError with its code. */
import { AwsError } from "../aws-error.ts";
import { optionalString, requiredString } from "../aws-input.ts";
import type { JsonObject } from "../aws-json.ts";
import { type MetricId, units } from "./metric.ts";
import { minuteMs } from "./metrics.ts";
import { parseStatistic, type Statistic } from "./samples.ts";

export const maxDimensions = 30;

export function readMetricId(input: JsonObject, namespace = requiredString(input, "Namespace")): MetricId {
  return { namespace, name: requiredString(input, "MetricName"), dimensions: readDimensions(input) };
}

export function readDimensions(input: JsonObject): Readonly<Record<string, string>> {
  const listed = optionalObjects(input, "Dimensions");
  if (listed.length > maxDimensions)
    throw invalid(`Dimensions: expected at most ${maxDimensions}, got ${listed.length}.`);
  return Object.fromEntries(listed.map((one) => [requiredString(one, "Name"), requiredString(one, "Value")]));
}

export function optionalObjects(input: JsonObject, field: string): readonly JsonObject[] {
  const value = input[field] ?? [];
  if (Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null && !Array.isArray(one)))
    return value;
  throw new AwsError("SerializationException", `Expected a list of objects for ${field}.`);
}

export function readStatistic(text: string): Statistic {
  const statistic = parseStatistic(text);
  if (statistic !== null) return statistic;
  throw invalid(
    `The local runtime knows SampleCount, Average, Sum, Minimum, Maximum and percentiles such as p99, not ${text}.`,
  );
}

export function readUnit(input: JsonObject): string | undefined {
  const unit = optionalString(input, "Unit");
  if (unit === undefined || units.has(unit)) return unit;
  throw invalid(`The parameter Unit must be a unit that CloudWatch knows, got ${unit}.`);
}

/** In milliseconds. Values are kept by the minute, so finer periods show nothing more. */
export function readPeriodMs(input: JsonObject): number {
  const seconds = Number(input.Period ?? Number.NaN);
  if (Number.isInteger(seconds) && seconds > 0 && (seconds * 1000) % minuteMs === 0) return seconds * 1000;
  throw invalid(`The parameter Period must be a whole number of minutes in seconds here, got ${String(input.Period)}.`);
}

export function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterValue", message);
}
