import type { FeatureValue } from "../aggregate.ts";
import { DefinitionError } from "../define.ts";
import type { Scalar } from "../schema.ts";
import { unpackCell } from "./codec.ts";
import { type CompiledMetric, KEEP_MS, type MetricsPipeline } from "./compile.ts";
import { type Groups, inOrder, mergeGroups, noGroups, type Slots, totalOf } from "./groups.ts";
import { heaviestShare, type Sample } from "./heaviest.ts";
import type { MetricRow } from "./roll-up.ts";

/**
 * Metrics are composed when they are read: all rows of a window are added up, wider windows from the rows of narrower ones, and only
 * then values are made of them. The order of rows does not matter, nor how the stream was cut into shards, states and batches. A
 * window that has final rows consists of these alone.
 */
export interface MetricWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** By the order of their values. */
  readonly groups: readonly MetricGroup[];
  /** The groups beyond the metric's limit, as one; null when there are none. */
  readonly other: Values | null;
  readonly total: Values;
}

export interface MetricGroup {
  readonly by: Readonly<Record<string, Scalar>>;
  readonly values: Values;
}

export interface ReadableRow extends Pick<MetricRow, "startMs" | "bytes"> {
  /** Made when the window was over, of what was kept of it. */
  readonly final?: boolean;
  /** Of a final row of the ledger, the shards of which it is what the archive had. */
  readonly ofArchive?: readonly string[];
}

/** Measures and ratios by name. */
export type Values = Readonly<Record<string, FeatureValue>>;

/**
 * The windows of one metric that have records, in order of time. `stepMs` is a multiple of the metric's narrowest window, and that
 * unless given; windows begin at multiples of it. Give all rows that begin in the time asked for: with rows of half a step, that
 * step tells half.
 */
export function readMetric(
  metrics: MetricsPipeline,
  name: string,
  rows: readonly ReadableRow[],
  options: { readonly stepMs?: number } = {},
): readonly MetricWindow[] {
  const metric = metricOf(metrics, name);
  const { stepMs = metric.everyMs } = options;
  if (!Number.isSafeInteger(stepMs) || stepMs <= 0 || stepMs % metric.everyMs !== 0) {
    throw new DefinitionError(
      `metric ${name}: a step must be a multiple of its narrowest window (${metric.everyMs} ms), got ${stepMs}`,
    );
  }
  const merged = mergeRows(metric, rows, (startMs) => Math.floor(startMs / stepMs) * stepMs);
  return [...merged].sort(([a], [b]) => a - b).map(([startMs, groups]) => toWindow(metric, startMs, stepMs, groups));
}

/** All rows as one window over the time from which they are, which is half-open; null when there are none. */
export function readMetricWhole(
  metrics: MetricsPipeline,
  name: string,
  rows: readonly ReadableRow[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): MetricWindow | null {
  const metric = metricOf(metrics, name);
  const groups = mergeRows(metric, rows, () => fromMs).get(fromMs);
  return groups === undefined ? null : toWindow(metric, fromMs, toMs - fromMs, groups);
}

/** The groups of each step that has any. Final rows stand in place of all others of their windows, be they empty. */
export function mergeRows(
  metric: CompiledMetric,
  rows: readonly ReadableRow[],
  stepOf: (startMs: number) => number,
): Map<number, Groups> {
  const merged = new Map<number, Groups>();
  const finished = new Set(rows.flatMap(({ startMs, final = false }) => (final ? [startMs] : [])));
  for (const { startMs, bytes, final = false } of rows) {
    if (!final && finished.has(startMs)) continue;
    const step = stepOf(startMs);
    const groups = merged.get(step) ?? noGroups();
    mergeGroups(metric, groups, unpackCell(metric, bytes));
    merged.set(step, groups);
  }
  for (const [step, { kept, other }] of merged) if (kept.size === 0 && other === null) merged.delete(step);
  return merged;
}

export function metricOf({ metrics }: MetricsPipeline, name: string): CompiledMetric {
  const metric = metrics.find((candidate) => candidate.name === name);
  if (metric === undefined)
    throw new DefinitionError(
      `unknown metric "${name}": the definitions have ${metrics.map((m) => m.name).join(", ")}`,
    );
  return metric;
}

/** How long rows are kept (ms). Rows of a metric that the definitions no longer have stay as long as most. */
export function metricKeepMs({ metrics }: MetricsPipeline, name: string): number {
  return metrics.find((metric) => metric.name === name)?.keepMs ?? KEEP_MS;
}

/** The greatest share that one partition key has of the records in a row, over all of them; null where no metric samples keys. */
export function hottestShare(
  { metrics }: MetricsPipeline,
  rows: readonly MetricRow[],
  leastRecords: number,
): number | null {
  let greatest: number | null = null;
  for (const { metric: name, bytes } of rows) {
    const metric = metrics.find((candidate) => candidate.name === name);
    const slot =
      metric?.slots.findIndex(({ column, hashed }) => column === "_partition_key" && hashed === "record") ?? -1;
    if (metric === undefined || slot < 0) continue;
    const sample = totalOf(metric, unpackCell(metric, bytes))[slot] as Sample | undefined;
    if (sample === undefined || sample.total < leastRecords) continue;
    greatest = Math.max(greatest ?? 0, heaviestShare(sample).share);
  }
  return greatest;
}

function toWindow(metric: CompiledMetric, startMs: number, stepMs: number, groups: Groups): MetricWindow {
  const bounds = { startMs, endMs: startMs + stepMs };
  const values = (slots: Slots) => valuesOf(metric, slots, bounds);
  return {
    ...bounds,
    groups: inOrder(groups)
      .map((group) => ({
        by: Object.fromEntries(metric.by.map((column, i) => [column, group.values[i] as Scalar])),
        values: values(group.slots),
        key: group.key,
      }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ by, values }) => ({ by, values })),
    other: groups.other === null ? null : values(groups.other),
    total: values(totalOf(metric, groups)),
  };
}

function valuesOf(metric: CompiledMetric, slots: Slots, bounds: { startMs: number; endMs: number }): Values {
  const values: Record<string, FeatureValue> = {};
  for (const measure of metric.measures) {
    if (measure.kind === "slot") values[measure.name] = measure.aggregate.result(slots[measure.slot], bounds);
  }
  const told = metric.measures.map((measure): [string, FeatureValue] => {
    const { name } = measure;
    if (measure.kind === "slot") return [name, values[name] as FeatureValue];
    return [name, quotient(values[measure.numerator] as FeatureValue, values[measure.denominator] as FeatureValue)];
  });
  return Object.fromEntries(told);
}

/** Of numbers or estimates; null where the divisor is 0 or either is no number. */
function quotient(a: FeatureValue, b: FeatureValue): number | null {
  const [above, below] = [numberIn(a), numberIn(b)];
  return above === null || below === null || below === 0 ? null : above / below;
}

function numberIn(value: FeatureValue): number | null {
  if (typeof value === "number") return value;
  return typeof value === "object" && value !== null && "estimate" in value ? value.estimate : null;
}
