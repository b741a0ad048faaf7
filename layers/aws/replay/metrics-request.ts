import type { ReplayRequest } from "./request.ts";

/** Of one replay: each of its workers reads one hour of all days. */
export const MOST_METRICS_DAYS = 31;
const HOUR_MS = 3_600_000;

/** What a replay into metrics cannot be asked: a window is made whole or not at all. */
export function againstMetrics({ source, from, to, entities, where, types }: ReplayRequest): readonly string[] {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  return [
    ...(source === "archive"
      ? []
      : ["source: metrics are made of the lake, and the archive says whether it is whole: give archive"]),
    ...(fromMs % HOUR_MS === 0 && toMs % HOUR_MS === 0
      ? []
      : [`from, to: metrics are made by whole hours of event time, got ${from} and ${to}`]),
    ...(toMs - fromMs > MOST_METRICS_DAYS * 24 * HOUR_MS
      ? [`from, to: metrics are made of at most ${MOST_METRICS_DAYS} days at once, ask for them in parts`]
      : []),
    ...(entities.length + Object.keys(where).length + types.length > 0
      ? ["entities, where, types: a window is made of all of its events"]
      : []),
  ];
}
