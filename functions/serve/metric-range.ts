import {
  type CompiledMetric,
  type MetricRange,
  type MetricsPipeline,
  parseTime,
  readableRange,
} from "@millrace/engine";
import { Refusal } from "./problem.ts";
import { nameOf } from "./vectors.ts";

/** As a step: the whole range in one. */
const WHOLE = "all";

const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: HOUR_MS, d: 86_400_000 };

/** By its name in the definitions; a version need not be given. Throws Refusal. */
export function metricNamed({ metrics }: MetricsPipeline, name: string | undefined): CompiledMetric {
  const metric = metrics.find((candidate) => candidate.name === name || nameOf(candidate) === name);
  if (metric !== undefined) return metric;
  throw new Refusal("unknown-metric", `There is no metric "${name}". There are ${metrics.map(nameOf).join(", ")}.`);
}

/** The last hour in the metric's narrowest windows unless asked otherwise. Throws Refusal. */
export function rangeIn(
  query: Readonly<Record<string, string | undefined>>,
  metric: Pick<CompiledMetric, "everyMs" | "keepMs">,
  now: { readonly nowMs: number; readonly maxSkewMs: number },
): MetricRange {
  const stepMs = query.step === WHOLE ? "whole" : query.step === undefined ? metric.everyMs : durationIn(query.step);
  const toMs = query.to === undefined ? now.nowMs : timeIn("to", query.to);
  const lastMs = Math.max(HOUR_MS, stepMs === "whole" ? metric.everyMs : stepMs);
  const fromMs = query.from === undefined ? toMs - lastMs : timeIn("from", query.from);
  const range = readableRange({ fromMs, toMs, stepMs }, metric, now);
  if ("refused" in range) throw new Refusal("bad-range", range.refused);
  return range;
}

function timeIn(name: string, text: string): number {
  const ms = parseTime(text);
  if (ms !== null) return ms;
  throw new Refusal("bad-range", `Expected ${name} as a time such as 2026-03-02T00:00:00Z, got "${text}".`);
}

function durationIn(text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (unit !== undefined) return Number(count) * (UNITS[unit] as number);
  throw new Refusal(
    "bad-range",
    `Expected step as a duration such as 60s, 5m, 1h or 1d, or "${WHOLE}" for the whole range in one, got "${text}".`,
  );
}
