import type { Window } from "./define.ts";
import type { FeatureSpec } from "./feature.ts";

/** The width of the tiles that a feature's window is made of (ms); 0 where one tile holds all. */
export function tileWidth({ kind }: Pick<FeatureSpec, "kind">, { sizeMs, stepMs }: Window): number {
  return kind === "lastK" ? 0 : greatestCommonDivisor(sizeMs, stepMs);
}

/** `views` over 24 h is `views_24h`; a tumbling window says so: `views_24h_tumbling`. */
export function featureName({ name }: Pick<FeatureSpec, "name">, { kind, sizeMs }: Window): string {
  return `${name}_${durationName(sizeMs)}${kind === "tumbling" ? "_tumbling" : ""}`;
}

/** The step on which the as-of times of all these windows fall (ms). */
export function commonStep(windows: readonly Window[]): number {
  return windows.map(({ stepMs }) => stepMs).reduce(greatestCommonDivisor);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** 30000 is "30s", 86400000 is "24h"; what is no whole second is given in ms. */
function durationName(ms: number): string {
  for (const [unit, sizeMs] of UNITS) if (ms % sizeMs === 0) return `${ms / sizeMs}${unit}`;
  return `${ms}ms`;
}
