import type { FinalCount } from "@millrace/engine";
import type { MetricTally } from "@millrace/lake";

const HOUR_MS = 3_600_000;

/** `live` tells by window what was counted on the way; null where it cannot be told. */
export function tallyMetric(
  { metric, hourMs }: Pick<MetricTally, "metric" | "hourMs">,
  counts: readonly FinalCount[],
  live: ReadonlyMap<number, number> | null,
): MetricTally {
  const own = counts.filter(({ startMs }) => startMs >= hourMs && startMs < hourMs + HOUR_MS);
  const [events, late] = [own.map((one) => one.events), own.map((one) => one.late)].map((list) =>
    list.reduce((sum, count) => sum + count, 0),
  ) as [number, number];
  if (live === null) return { metric, hourMs, events, late, lost: null, again: null };
  const inLake = new Map(own.map((one) => [one.startMs, one.events - one.late]));
  let [lost, again] = [0, 0];
  for (const startMs of new Set([...inLake.keys(), ...live.keys()])) {
    const more = (live.get(startMs) ?? 0) - (inLake.get(startMs) ?? 0);
    if (more > 0) again += more;
    else lost -= more;
  }
  return { metric, hourMs, events, late, lost, again };
}
