/** PutMetricData: single values, values with counts, or statistics of values. */
import { optionalObject, optionalTimeMs, requiredObjects, requiredString } from "../aws-input.ts";
import type { JsonObject, Operation } from "../aws-json.ts";
import type { Clock } from "../clock.ts";
import { invalid, readMetricId, readUnit } from "./metric-input.ts";
import type { Datum, Metrics, StatisticsDatum } from "./metrics.ts";

const maxData = 1000;
const maxValues = 150;

export function putMetricData(metrics: Metrics, clock: Pick<Clock, "now">): Operation {
  return (input) => {
    const namespace = requiredString(input, "Namespace");
    if (namespace.startsWith("AWS/")) throw invalid("The value AWS/ for parameter Namespace is invalid.");
    const data = requiredObjects(input, "MetricData", { min: 0, max: maxData });
    // All or nothing: the whole request is read before any of it counts.
    const read = data.flatMap((one) => readDatum(one, namespace, clock.now()));
    for (const datum of read) metrics.put(datum);
    return {};
  };
}

function readDatum(input: JsonObject, namespace: string, nowMs: number): readonly (Datum | StatisticsDatum)[] {
  const point = {
    metric: readMetricId(input, namespace),
    unit: readUnit(input) ?? "None",
    atMs: optionalTimeMs(input, "Timestamp") ?? nowMs,
  };
  const set = optionalObject(input, "StatisticValues");
  if (set !== undefined) {
    const [count, sum, min, max] = ["SampleCount", "Sum", "Minimum", "Maximum"].map((name) => number(set[name], name));
    return [{ ...point, statistics: { count, sum, min, max } as StatisticsDatum["statistics"] }];
  }
  if (!Array.isArray(input.Values)) return [{ ...point, value: number(input.Value, "Value") }];
  const counts: readonly unknown[] = Array.isArray(input.Counts) ? input.Counts : input.Values.map(() => 1);
  if (input.Values.length > maxValues || counts.length !== input.Values.length)
    throw invalid(`Values and Counts must be lists of the same length, of at most ${maxValues}.`);
  return input.Values.map((value, at) => ({
    ...point,
    value: number(value, "Values"),
    times: number(counts[at], "Counts"),
  }));
}

function number(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(`The parameter ${name} must be a number, got ${JSON.stringify(value)}.`);
}
