import type { Input } from "../aggregate.ts";
import type { Test } from "../compile.ts";
import { type Decoded, decodeAll, type Event } from "../decode.ts";
import { hash48 } from "../md5.ts";
import type { Position, StreamRecord } from "../position.ts";
import type { Scalar } from "../schema.ts";
import { decodeWindowState, encodeWindowState, inOrder, openCell, packCell } from "./codec.ts";
import type { CompiledMetric, MetricSlot, MetricsPipeline } from "./compile.ts";
import { type Groups, type Slots, slotsOf } from "./groups.ts";
import { columnOf, meets, recordHash, type Seen } from "./seen.ts";
import { addFingerprint, cellAt, contains, emptyState, renewed, type WindowState } from "./state.ts";

/**
 * One invocation of a tumbling window: the records are folded into the state that the last successful invocation returned, and the
 * state becomes rows when the window ends, or earlier when it grows large.
 *
 * Rows are named by the first position in the state. While a window goes on only *incoming* state is written: until the invocation
 * has succeeded that state is handed in again and again, so an attempt that wrote some rows or all of them is followed by one that
 * writes the same. At the end of a window the state with the last records is written, under that same name. A position at or
 * below the state's mark is a redelivery and changes nothing. Nothing is ever subtracted: a late event makes a further row for its
 * own window, and readers add up.
 */
export interface WindowBatch {
  /** What the last invocation of this window returned; null at its first. */
  readonly incoming: Uint8Array | null;
  /** Up to where the shard's records are in rows already; asked for only where there is no incoming state. */
  readonly written: Position | null;
  readonly shard: string;
  /** Of the tumbling window, half-open (epoch ms). */
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly records: readonly StreamRecord[];
  /** Whether the window ends with this invocation, so that no state survives it; `early`: more of its records may come. */
  readonly ends: "no" | "early" | "final";
  readonly nowMs: number;
}

export interface RolledUp {
  /** To be written before the answer. */
  readonly rows: readonly MetricRow[];
  /** What is in rows, once `rows` are written; null when nothing new is. */
  readonly written: Written | null;
  readonly state: Uint8Array;
  readonly counts: Counts;
}

export interface Written {
  /** Everything of its shard at or below it is in rows, */
  readonly position: Position;
  /** and everything that arrived before (epoch ms). */
  readonly arrivedBeforeMs: number;
}

/** What one state adds to one window of a metric. */
export interface MetricRow {
  readonly metric: string;
  /** Of the metric's window (epoch ms). */
  readonly startMs: number;
  readonly shard: string;
  /** Start of the tumbling window in which the records arrived (epoch ms). */
  readonly arrivalStartMs: number;
  /** The first position in the state. */
  readonly first: Position;
  readonly bytes: Uint8Array;
}

export interface Counts {
  /** New positions: accepted + duplicates + rejected. */
  accepted: number;
  duplicates: number;
  rejected: number;
  redelivered: number;
}

/** Lambda allows a state of 1 MB. In base64 these are 512 KiB and 853 KiB. */
export const STATE_LIMITS = {
  /** A state from here on is written out when it comes in. */
  flushBytes: 384 * 1024,
  /** A state that one batch made larger than this could not be returned: it is written out at once. */
  mostBytes: 640 * 1024,
};

export function rollUp(metrics: MetricsPipeline, batch: WindowBatch, limits = STATE_LIMITS): RolledUp {
  const rows: MetricRow[] = [];
  let written: Position | null = null;
  let state = batch.incoming === null ? emptyState(batch.written) : decodeWindowState(batch.incoming);
  const writeOut = () => {
    if (state.first === null) return;
    rows.push(...rowsOf(metrics, state, state.first, batch));
    written = state.mark;
    state = renewed(state);
  };
  if (batch.incoming !== null && batch.incoming.length >= limits.flushBytes && batch.ends === "no") writeOut();

  const counts: Counts = { accepted: 0, duplicates: 0, rejected: 0, redelivered: 0 };
  const open: OpenCell[] = [];
  const decoded = decodeAll(metrics.pipeline, batch.records);
  batch.records.forEach((record, i) => {
    foldRecord(metrics, state, open, record, decoded[i] as Decoded, batch.nowMs, counts);
  });

  if (batch.ends !== "no") writeOut();
  let bytes = encodeWindowState(metrics.metrics, state);
  if (bytes.length > limits.mostBytes) {
    writeOut();
    bytes = encodeWindowState(metrics.metrics, state);
  }
  const arrivedBeforeMs = batch.ends === "final" ? batch.windowEndMs : batch.windowStartMs;
  return { rows, written: written && { position: written, arrivedBeforeMs }, state: bytes, counts };
}

function rowsOf(
  { metrics }: MetricsPipeline,
  { cells }: WindowState,
  first: Position,
  { shard, windowStartMs }: WindowBatch,
): MetricRow[] {
  return inOrder(cells).map((cell) => ({
    metric: cell.metric,
    startMs: cell.startMs,
    shard,
    arrivalStartMs: windowStartMs,
    first,
    bytes: packCell(metrics, cell),
  }));
}

function foldRecord(
  { metrics }: MetricsPipeline,
  state: WindowState,
  open: OpenCell[],
  record: StreamRecord,
  decoded: Decoded,
  nowMs: number,
  counts: Counts,
): void {
  if (contains(state, record.position)) {
    counts.redelivered++;
    return;
  }
  state.first ??= record.position;
  state.mark = record.position;
  const verdict = verdictOf(state, decoded);
  if (verdict === "accepted") counts.accepted++;
  else if (verdict === "duplicate") counts.duplicates++;
  else counts.rejected++;
  const seen: Seen = { record, event: decoded.event, verdict, nowMs, hash: recordHash(record) };
  for (let m = 0; m < metrics.length; m++) {
    const metric = metrics[m] as CompiledMetric;
    if (concerns(metric, seen)) open[m] = addTo(metric, state, open[m], seen);
  }
}

function verdictOf(state: WindowState, decoded: Decoded): Seen["verdict"] {
  if (decoded.kind === "rejection") return decoded.rejection.reason;
  return addFingerprint(state, decoded.event.high, decoded.event.low) ? "accepted" : "duplicate";
}

export function concerns({ records, where }: CompiledMetric, seen: Seen): boolean {
  if (records === "accepted" && seen.verdict !== "accepted") return false;
  if (records === "readable" && seen.event === null) return false;
  return meets(seen, where);
}

/** The cell of a metric that the last record went to, and likely the next one will. */
export interface OpenCell {
  readonly startMs: number;
  readonly groups: Groups;
}

export function addTo(metric: CompiledMetric, state: WindowState, last: OpenCell | undefined, seen: Seen): OpenCell {
  const timeMs = metric.time === "event" ? (seen.event as Event).timeMs : seen.record.arrivalMs;
  const startMs = Math.floor(timeMs / metric.everyMs) * metric.everyMs;
  const cell = last?.startMs === startMs ? last : { startMs, groups: openCell(metric, cellAt(state, metric, startMs)) };
  const values = metric.by.map((column) => columnOf(seen, column));
  addToSlots(metric, slotsOf(metric, cell.groups, values), seen, timeMs);
  return cell;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
/** Used for event after event, as aggregates expect. */
const input: Mutable<Input> = { value: null, by: null, hash: 0, timeMs: 0, tie: 0 };

function addToSlots({ slots: specs }: CompiledMetric, slots: Slots, seen: Seen, timeMs: number): void {
  input.timeMs = timeMs;
  for (let s = 0; s < specs.length; s++) {
    const { aggregate, column, by, steps, hashed, where } = specs[s] as MetricSlot;
    if (where.length > 0 && !meets(seen, where)) continue;
    input.value = steps === null ? (column === null ? null : columnOf(seen, column)) : stepsMet(seen, steps);
    input.by = by === null ? null : columnOf(seen, by);
    const { high, low } = hashed === "record" ? seen.hash : (seen.event ?? seen.hash);
    input.tie = hashed === "record" ? low : high;
    input.hash = hashed === "record" ? high * 0x1_0000 + (low >>> 16) : hashed === "value" ? hashOf(input.value) : 0;
    slots[s] = aggregate.add(slots[s], input);
  }
}

/** A batch has the same values again and again, in record after record and slot after slot. */
const hashes = new Map<Scalar, number>();
const MOST_HASHES = 4096;

function hashOf(value: Scalar): number {
  if (value === null) return 0;
  const known = hashes.get(value);
  if (known !== undefined) return known;
  if (hashes.size === MOST_HASHES) hashes.clear();
  const hash = hash48(String(value));
  hashes.set(value, hash);
  return hash;
}

function stepsMet(seen: Seen, steps: readonly (readonly Test[])[]): number {
  return steps.reduce((bits, step, i) => (meets(seen, step) ? bits + 2 ** i : bits), 0);
}
