import type { FinalCount } from "@millrace/engine";
import type { MetricTally } from "@millrace/lake";
import { HOUR_MS } from "./hours.ts";

/** What readers have seen of a window. */
export interface Counted {
  readonly events: number;
  /** Whether the window was made of the lake before, so that it has those that came too late. */
  readonly withLate: boolean;
}

/** `seen` is by window; null where it cannot be told. */
export function tallyMetric(
  { metric, hourMs }: Pick<MetricTally, "metric" | "hourMs">,
  counts: readonly FinalCount[],
  seen: ReadonlyMap<number, Counted> | null,
): MetricTally {
  const own = counts.filter(({ startMs }) => startMs >= hourMs && startMs < hourMs + HOUR_MS);
  const [events, late] = [own.map((one) => one.events), own.map((one) => one.late)].map((list) =>
    list.reduce((sum, count) => sum + count, 0),
  ) as [number, number];
  if (seen === null) return { metric, hourMs, events, late, lost: null, again: null };
  const inLake = new Map(own.map((one) => [one.startMs, one]));
  let [lost, again] = [0, 0];
  for (const startMs of new Set([...inLake.keys(), ...seen.keys()])) {
    const { events: has, withLate } = seen.get(startMs) ?? { events: 0, withLate: false };
    const { events: all = 0, late: tooLate = 0 } = inLake.get(startMs) ?? {};
    const more = has - (withLate ? all : all - tooLate);
    if (more > 0) again += more;
    else lost -= more;
  }
  return { metric, hourMs, events, late, lost, again };
}
