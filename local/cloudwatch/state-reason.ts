/** Why an alarm changed its state, in the words and the data that CloudWatch uses. */
import { type AlarmSettings, comparisons } from "./alarm-settings.ts";
import type { Series } from "./math.ts";
import type { AlarmState } from "./verdict.ts";

export interface Evaluation {
  readonly settings: AlarmSettings;
  readonly atMs: number;
  /** Of the whole range, the oldest first. */
  readonly values: Series;
  /** Of the first of them. */
  readonly startMs: number;
}

interface Datapoint {
  readonly atMs: number;
  readonly value: number;
}

export const newAlarmReason = "Unchecked: Initial alarm creation";

export function stateReason(evaluation: Evaluation, from: AlarmState, to: AlarmState): string {
  const { settings, values } = evaluation;
  const { rule, comparison, threshold } = settings;
  const points = decidingPoints(evaluation);
  if (to === "INSUFFICIENT_DATA")
    return `Insufficient Data: ${counted(values.length, "datapoint")} ${be(values.length)} unknown.`;
  if (points.length === 0) {
    const treated = rule.missing === "breaching" ? "Breaching" : "NonBreaching";
    const periods = rule.evaluationPeriods;
    return `Threshold Crossed: no datapoints were received for ${counted(periods, "period")} and ${counted(periods, "missing datapoint")} ${be(periods)} treated as [${treated}].`;
  }
  const { words, holds } = comparisons[comparison];
  // The points that speak for the new state.
  const speaking = points.filter(({ value }) => holds(value, threshold) === (to === "ALARM"));
  const shown = (speaking.length > 0 ? speaking : points).map(
    ({ value, atMs }) => `${asDouble(value)} (${asDate(atMs)})`,
  );
  const least = to === "ALARM" ? rule.datapointsToAlarm : rule.evaluationPeriods - rule.datapointsToAlarm + 1;
  return (
    `Threshold Crossed: ${shown.length} out of the last ${rule.evaluationPeriods} datapoints [${shown.join(", ")}] ` +
    `${be(shown.length)} ${to === "ALARM" ? "" : "not "}${words} the threshold (${asDouble(threshold)}) ` +
    `(minimum ${counted(least, "datapoint")} for ${from} -> ${to} transition).`
  );
}

/** What DescribeAlarms and a notification carry as JSON text. */
export function stateReasonData(evaluation: Evaluation): string {
  const { settings, atMs, startMs } = evaluation;
  const points = decidingPoints(evaluation);
  const [watched] = settings.queries.filter(({ id }) => id === settings.returns);
  return JSON.stringify({
    version: "1.0",
    queryDate: asTimestamp(atMs),
    startDate: asTimestamp(points[0]?.atMs ?? startMs),
    ...(watched?.kind === "metric" ? { statistic: watched.statistic.kind } : {}),
    period: settings.periodMs / 1000,
    recentDatapoints: points.map(({ value }) => value),
    threshold: settings.threshold,
    evaluatedDatapoints: points
      .toReversed()
      .map(({ value, atMs: pointMs }) => ({ timestamp: asTimestamp(pointMs), value })),
  });
}

/** `2026-03-01T00:05:00.000+0000` */
export function asTimestamp(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "+0000");
}

function decidingPoints({ settings, values, startMs }: Evaluation): readonly Datapoint[] {
  return values
    .map((value, at) => ({ value, atMs: startMs + at * settings.periodMs }))
    .filter((point): point is Datapoint => point.value !== null)
    .slice(-settings.rule.evaluationPeriods);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function be(count: number): string {
  return count === 1 ? "was" : "were";
}

/** As Java writes it. */
function asDouble(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** `01/03/26 00:05:00` */
function asDate(atMs: number): string {
  const [, year, month, day, time] = /^\d\d(\d\d)-(\d\d)-(\d\d)T([\d:]+)/.exec(new Date(atMs).toISOString()) ?? [];
  return `${day}/${month}/${year} ${time}`;
}
