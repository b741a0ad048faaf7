import { comparePositions, type Position } from "../position.ts";
import type { CompiledMetric } from "./compile.ts";
import { type Groups, noGroups } from "./groups.ts";

/**
 * What travels from invocation to invocation of one shard and one tumbling window: a cell for each window of each metric, the mark
 * (the greatest position contained), and the fingerprints by which duplicates are recognised.
 */
export interface WindowState {
  /** The first position that is in the cells; null while they are empty. It names the rows. */
  first: Position | null;
  /** Everything at or below it is contained, here or in rows that were written before. */
  mark: Position | null;
  /** 53 bits of each event's fingerprint, the oldest first. */
  readonly fingerprints: Set<number>;
  readonly cells: Map<string, Cell>;
}

export interface Cell {
  /** The metric's name and layout; they outlive a deployment that no longer has the metric. */
  readonly metric: string;
  readonly layout: number;
  readonly startMs: number;
  /** Null while the cell is still packed. */
  groups: Groups | null;
  /** The stored form; null when it no longer holds. */
  packed: Uint8Array | null;
}

/** The most fingerprints kept, the newest: 140 KB of the state. A duplicate that comes after so many other events counts again. */
export const MOST_FINGERPRINTS = 20_000;

export function emptyState(mark: Position | null): WindowState {
  return { first: null, mark, fingerprints: new Set(), cells: new Map() };
}

/** What goes on after the rows of `state` are written: no cells, but what tells again from new. */
export function renewed({ mark, fingerprints }: WindowState): WindowState {
  return { first: null, mark, fingerprints, cells: new Map() };
}

export function contains({ mark }: WindowState, position: Position): boolean {
  return mark !== null && comparePositions(position, mark) <= 0;
}

/** Whether the fingerprint was new. */
export function addFingerprint({ fingerprints }: WindowState, high: number, low: number): boolean {
  const fingerprint = high * 0x20_0000 + (low >>> 11);
  if (fingerprints.has(fingerprint)) return false;
  fingerprints.add(fingerprint);
  if (fingerprints.size > MOST_FINGERPRINTS) fingerprints.delete(fingerprints.values().next().value as number);
  return true;
}

/** The cell of a metric's window, made when there is none. */
export function cellAt(state: WindowState, { name, layout }: CompiledMetric, startMs: number): Cell {
  const id = cellId(name, layout, startMs);
  const known = state.cells.get(id);
  if (known !== undefined) return known;
  const cell: Cell = { metric: name, layout, startMs, groups: noGroups(), packed: null };
  state.cells.set(id, cell);
  return cell;
}

export function cellId(metric: string, layout: number, startMs: number): string {
  return `${metric} ${layout} ${startMs}`;
}
