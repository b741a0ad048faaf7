import type { Window } from "./window.ts";
import type { Zone } from "./zone.ts";

/**
 * Where tiles begin and end. A lattice cuts time into tiles without gaps, numbered upwards; a window's bounds are bounds of tiles,
 * so a tile lies in a window or outside it, never half.
 */
export interface Lattice {
  /** Tile width (ms); 0: one tile, number 0, for all time. */
  readonly widthMs: number;
  /** Tile n begins at offset + n * width. */
  readonly offsetMs: number;
  /** Tiles are the days of a time zone, numbered as `Zone` does; width and offset then say nothing. */
  readonly zone: Zone | null;
}

/** The number of the tile that a time lies in. */
export function tileIndex({ widthMs, offsetMs, zone }: Lattice, timeMs: number): number {
  if (zone !== null) return zone.dayOf(timeMs);
  return widthMs === 0 ? 0 : Math.floor((timeMs - offsetMs) / widthMs);
}

/** When a tile begins (epoch ms); the one tile of width 0 begins with time itself. */
export function tileStartMs({ widthMs, offsetMs, zone }: Lattice, index: number): number {
  if (zone !== null) return zone.startOf(index);
  return widthMs === 0 ? Number.NEGATIVE_INFINITY : offsetMs + index * widthMs;
}

/** The number of the first tile that begins at or after a time. */
export function tileFrom(lattice: Lattice, timeMs: number): number {
  const index = tileIndex(lattice, timeMs);
  return tileStartMs(lattice, index) === timeMs ? index : index + 1;
}

/** The width of the tiles that a window is made of (ms). */
export function tileWidth({ kind, sizeMs, stepMs }: Window): number {
  return kind === "hopping" || kind === "tumbling" ? greatestCommonDivisor(sizeMs, stepMs) : stepMs;
}

/** The step on which the as-of times of all these windows fall (ms). */
export function commonStep(windows: readonly Window[]): number {
  return windows.map(({ stepMs, offsetMs }) => greatestCommonDivisor(stepMs, offsetMs)).reduce(greatestCommonDivisor);
}

/** The first of offset + n * step at or after a time. */
export function roundUp(timeMs: number, stepMs: number, offsetMs = 0): number {
  return Math.ceil((timeMs - offsetMs) / stepMs) * stepMs + offsetMs;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
