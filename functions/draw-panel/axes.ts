/** Where the marks of an axis lie. Laws: they are in rising order and apart by one step, which is round; they cover no more than the axis. */
import type { Unit } from "@millrace/charts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** What people count time in. */
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 2, 5, 10].map((days) => days * DAY_MS),
];

/** Nobody could read the marks of less. */
const LEAST_SPAN = 1e-12;

/** From 0 or the least value to a little above the greatest; `most` marks at the most, of what is counted at whole numbers. */
export function valueAxis(
  values: readonly number[],
  most: number,
  unit: Unit,
): { low: number; high: number; marks: number[] } {
  const least = Math.min(0, ...values);
  const greatest = Math.max(0, ...values);
  const isFlat = greatest - least < LEAST_SPAN;
  const [low, high] = isFlat ? [least, 1] : [least * 1.08, greatest * 1.08];
  const step = Math.max(unit === "count" ? 1 : 0, roundUp((high - low) / Math.max(1, most)));
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  // A multiple of a whole number of steps per one, since 3 × 0.1 is not 0.3.
  const marks = Array.from({ length: count }, (_, i) =>
    step < 1 ? (first + i) / Math.round(1 / step) : (first + i) * step,
  );
  return { low, high, marks };
}

/** The least of 1, 2 and 5 times a power of ten that is not below. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** Round times of a clock that is so far ahead of UTC. */
export function timeMarks(fromMs: number, toMs: number, offsetMs: number, most: number): readonly number[] {
  const step = TIME_STEPS.find((one) => (toMs - fromMs) / one <= most) ?? (TIME_STEPS.at(-1) as number);
  const first = Math.ceil((fromMs + offsetMs) / step) * step - offsetMs;
  const count = Math.max(0, Math.floor((toMs - first) / step) + 1);
  return Array.from({ length: count }, (_, i) => first + i * step);
}
