/** The time that the page shows: half-open, on the lattice of its steps. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

const MINUTE_MS = 60_000;
/** Points of a line: more would be noise on a chart of this size. */
const MOST_POINTS = 150;
/** In minutes; they divide a day, so that points fall on round times. */
const STEPS = [1, 5, 15, 30, 60, 180, 360, 720, 1440];

/** The given time, widened to whole steps: the shortest that gives a chart no more points than it has room for. */
export function rangeOver(fromMs: number, toMs: number): Range {
  const fits = (minutes: number): boolean => (toMs - fromMs) / (minutes * MINUTE_MS) <= MOST_POINTS;
  const stepMs = (STEPS.find(fits) ?? Math.ceil((toMs - fromMs) / MOST_POINTS / (1440 * MINUTE_MS)) * 1440) * MINUTE_MS;
  return { fromMs: Math.floor(fromMs / stepMs) * stepMs, toMs: Math.ceil((toMs + 1) / stepMs) * stepMs, stepMs };
}

export function timesOf({ fromMs, toMs, stepMs }: Range): readonly number[] {
  return Array.from({ length: Math.ceil((toMs - fromMs) / stepMs) }, (_, i) => fromMs + i * stepMs);
}
