import type { Horizon } from "../aggregate.ts";
import { roundUp } from "../lattice.ts";

/**
 * What to keep where a window wants the newest events alone. As-of is a multiple of the step: of the events before the first as-of
 * that can still be asked for the newest are enough, and of each step after it likewise.
 */
interface Timed {
  readonly timeMs: number;
}

/** The number of an event's step; one number for all before the first as-of. */
export function groupsOf({ earliestAsOfMs }: Horizon, stepMs: number): (entry: Timed) => number {
  const firstAsOfMs = roundUp(earliestAsOfMs, stepMs);
  return ({ timeMs }) => (timeMs < firstAsOfMs ? Number.NEGATIVE_INFINITY : Math.floor(timeMs / stepMs));
}

/** Of entries newest first the first `most` of each group, unless no window reaches back to them. */
export function stillWanted<T extends Timed>(
  entries: readonly T[],
  most: number,
  horizon: Horizon,
  stepMs: number,
): T[] {
  const groupOf = groupsOf(horizon, stepMs);
  let group = Number.NaN;
  let inGroup = 0;
  return entries.filter((entry) => {
    const own = groupOf(entry);
    inGroup = own === group ? inGroup + 1 : 1;
    group = own;
    return inGroup <= most && entry.timeMs >= horizon.oldestMs;
  });
}
