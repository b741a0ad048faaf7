import type { Pipeline } from "./compile.ts";

/** How far before and after its arrival the time of a row of the lake may lie. */
export interface PartitionBounds {
  readonly pastMs: number;
  readonly futureMs: number;
}

const HOUR_MS = 3_600_000;

/** Of the deployed hours, and never tighter than what the online features accept: that always has its place. */
export function partitionBounds(
  { allowedLatenessMs, maxSkewMs }: Pick<Pipeline, "allowedLatenessMs" | "maxSkewMs">,
  { pastHours, futureHours }: { readonly pastHours: number; readonly futureHours: number },
): PartitionBounds {
  return {
    pastMs: Math.max(pastHours * HOUR_MS, allowedLatenessMs),
    futureMs: Math.max(futureHours * HOUR_MS, maxSkewMs),
  };
}

/** Whether an event may be a row. `sinksByHour` asks the same in SQL. */
export function isNearArrival({ pastMs, futureMs }: PartitionBounds, timeMs: number, arrivalMs: number): boolean {
  return arrivalMs - timeMs <= pastMs && timeMs - arrivalMs <= futureMs;
}
