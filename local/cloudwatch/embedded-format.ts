/**
 * CloudWatch's embedded metric format: a line of JSON on a function's output, whose `_aws` says which of its members are metrics and which are
 * their dimensions. A line that breaks the format gives no metric, as on AWS, where it stays a line of the log.
 */
import { units } from "./metric.ts";
import type { Datum } from "./metrics.ts";

const maxDimensions = 30;
const maxMetrics = 100;
const maxValues = 100;
const maxDimensionChars = 1024;
const dayMs = 86_400_000;
const maxAgeMs = 14 * dayMs;
const maxAheadMs = 2 * 3_600_000;

type JsonMap = { readonly [name: string]: unknown };

/** All values of a line; none for a line in another format. */
export function readEmbedded(line: string, nowMs: number): readonly Datum[] {
  if (!line.includes('"_aws"')) return [];
  const root = parsed(line);
  const header = isMap(root) && isMap(root._aws) ? root._aws : null;
  if (root === null || header === null || !Array.isArray(header.CloudWatchMetrics)) return [];
  const atMs = header.Timestamp;
  if (typeof atMs !== "number" || atMs < nowMs - maxAgeMs || atMs > nowMs + maxAheadMs) return [];
  return header.CloudWatchMetrics.filter(isMap).flatMap((directive) => readDirective(directive, root, atMs));
}

function readDirective(directive: JsonMap, root: JsonMap, atMs: number): readonly Datum[] {
  const { Namespace: namespace, Dimensions: sets, Metrics: metrics } = directive;
  if (typeof namespace !== "string" || !Array.isArray(sets) || !Array.isArray(metrics)) return [];
  if (metrics.length > maxMetrics) return [];
  const dimensionSets = sets.map((names: unknown) => readDimensions(names, root));
  return metrics.filter(isMap).flatMap(({ Name: name, Unit: unit = "None" }) => {
    const values = typeof name === "string" ? readValues(root[name]) : null;
    if (typeof name !== "string" || values === null || !units.has(String(unit))) return [];
    return dimensionSets.flatMap((dimensions) =>
      dimensions === null
        ? []
        : values.map((value) => ({ metric: { namespace, name, dimensions }, unit: String(unit), atMs, value })),
    );
  });
}

/** Null for a set that names too many, or a member that is no text. */
function readDimensions(names: unknown, root: JsonMap): Record<string, string> | null {
  if (!Array.isArray(names) || names.length > maxDimensions) return null;
  const dimensions: Record<string, string> = {};
  for (const name of names) {
    const value = typeof name === "string" ? root[name] : null;
    if (typeof value !== "string" || value === "" || value.length > maxDimensionChars) return null;
    dimensions[name as string] = value;
  }
  return dimensions;
}

function readValues(value: unknown): readonly number[] | null {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isSound = values.length <= maxValues && values.every((one) => typeof one === "number" && Number.isFinite(one));
  return isSound ? (values as readonly number[]) : null;
}

function parsed(line: string): JsonMap | null {
  try {
    const value: unknown = JSON.parse(line);
    return isMap(value) ? value : null;
  } catch {
    return null;
  }
}

function isMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
