/**
 * What an alarm's data points mean, by the rules of AWS's page "how alarm state is evaluated when data is missing". More points are looked at than
 * are needed, so that real ones further back can stand in for missing ones; only what then is still missing is treated as the alarm says.
 */
export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingData = "missing" | "ignore" | "breaching" | "notBreaching";

/** A point that was compared with the threshold, or is not there. */
export type Point = "breaching" | "within" | "missing";

export interface Rule {
  /** N: so many points decide … */
  readonly evaluationPeriods: number;
  /** … of which so many must be breaching. */
  readonly datapointsToAlarm: number;
  readonly missing: MissingData;
}

/** AWS looks at more points than N, and does not say how many more; its examples show 5 for an N of 3. */
export const extraPoints = 2;

/** `points` is the whole range, the oldest first. "retain" leaves the alarm as it is. */
export function judgePoints(
  points: readonly Point[],
  { evaluationPeriods, datapointsToAlarm, missing }: Rule,
): AlarmState | "retain" {
  const real = points.filter((point) => point !== "missing");
  const deciding = real.slice(-evaluationPeriods);
  const breaching = deciding.filter((point) => point === "breaching").length;
  const absent = evaluationPeriods - deciding.length;
  if (breaching >= datapointsToAlarm) return "ALARM";
  if (absent === 0 || missing === "notBreaching") return "OK";
  if (missing === "breaching") return breaching + absent >= datapointsToAlarm ? "ALARM" : "OK";
  if (deciding.includes("within")) return "OK";
  if (missing === "ignore") return "retain";
  if (breaching === 0) return "INSUFFICIENT_DATA";
  // Nothing but breaching points, and too few: an alarm only when the oldest is as old as M, for the next might be within.
  const age = points.length - points.indexOf("breaching");
  return age >= datapointsToAlarm ? "ALARM" : "retain";
}
