/**
 * The peer: one accumulator per window, as stream processors without tiles do it. An event updates every window that it falls in.
 * It keeps everything else as the engine does: the mark against redelivery, fingerprints against a producer's retries, the same
 * horizon for forgetting, and a compact binary form between batches, written with the same alphabet.
 */
import { byteReader, byteWriter, comparePositions, type Event, type Position } from "@millrace/engine";

export interface WindowSettings {
  readonly sizeMs: number;
  readonly stepMs: number;
  /** Lateness and slack: how long something is kept that could still be asked for or come again. */
  readonly behindMs: number;
  readonly entity: string;
  readonly value: string;
}

/** Of the events of one window. */
export interface Accumulator {
  count: number;
  sum: number;
  min: number;
  max: number;
}

interface State {
  greatestArrivalMs: number;
  mark: Position | null;
  /** Ascending by time. */
  readonly fingerprints: { readonly timeMs: number; readonly high: number; readonly low: number }[];
  /** By number: the window of number n begins at n * step. */
  readonly windows: Map<number, Accumulator>;
}

export type Items = Map<string, Uint8Array>;

export function foldPerWindow(settings: WindowSettings, items: Items, events: readonly Event[]): void {
  const groups = new Map<string, Event[]>();
  for (const event of events) {
    const entity = String(event.row[settings.entity]);
    const group = groups.get(entity);
    if (group === undefined) groups.set(entity, [event]);
    else group.push(event);
  }
  for (const [entity, touching] of groups) {
    const state = decodeWindows(items.get(entity));
    for (const event of touching) apply(settings, state, event);
    forget(settings, state);
    items.set(entity, encode(state));
  }
}

function apply(
  { sizeMs, stepMs, value: column }: WindowSettings,
  state: State,
  { timeMs, high, low, row, record }: Event,
) {
  if (state.mark !== null && comparePositions(record.position, state.mark) <= 0) return;
  state.mark = record.position;
  state.greatestArrivalMs = Math.max(state.greatestArrivalMs, record.arrivalMs);
  if (!addFingerprint(state, timeMs, high, low)) return;
  const value = row[column] as number;
  const newest = Math.floor(timeMs / stepMs);
  for (let number = newest; number * stepMs + sizeMs > timeMs; number--) {
    const acc = state.windows.get(number);
    if (acc === undefined) state.windows.set(number, { count: 1, sum: value, min: value, max: value });
    else {
      acc.count++;
      acc.sum += value;
      acc.min = Math.min(acc.min, value);
      acc.max = Math.max(acc.max, value);
    }
  }
}

/** False when it is there already. Events come nearly in order, so its place is near the end. */
function addFingerprint({ fingerprints }: State, timeMs: number, high: number, low: number): boolean {
  let at = fingerprints.length;
  for (; at > 0; at--) {
    const other = fingerprints[at - 1] as State["fingerprints"][0];
    const order = other.timeMs - timeMs || other.high - high || other.low - low;
    if (order === 0) return false;
    if (order < 0) break;
  }
  fingerprints.splice(at, 0, { timeMs, high, low });
  return true;
}

function forget(
  { sizeMs, stepMs, behindMs }: WindowSettings,
  { greatestArrivalMs, fingerprints, windows }: State,
): void {
  const oldestMs = greatestArrivalMs - behindMs;
  const kept = fingerprints.findIndex(({ timeMs }) => timeMs >= oldestMs);
  fingerprints.splice(0, kept < 0 ? fingerprints.length : kept);
  for (const number of windows.keys()) if (number * stepMs + sizeMs < oldestMs) windows.delete(number);
}

const writer = byteWriter();
const reader = byteReader();

function encode({ greatestArrivalMs, mark, fingerprints, windows }: State): Uint8Array {
  const { shard, sequence, subSequence } = mark as Position;
  writer.reset();
  writer.varint(greatestArrivalMs);
  writer.text(shard);
  writer.digits(sequence);
  writer.varint(subSequence);
  writer.varint(fingerprints.length);
  let previousMs = 0;
  for (const { timeMs, high, low } of fingerprints) {
    writer.varint(timeMs - previousMs);
    writer.uint32(high);
    writer.uint32(low);
    previousMs = timeMs;
  }
  writer.varint(windows.size);
  let previous = 0;
  for (const number of [...windows.keys()].sort((a, b) => a - b)) {
    const { count, sum, min, max } = windows.get(number) as Accumulator;
    writer.varint(number - previous);
    writer.varint(count);
    writer.signed(sum);
    writer.signed(min);
    writer.signed(max);
    previous = number;
  }
  return writer.bytes();
}

export function decodeWindows(bytes: Uint8Array | undefined): State {
  const windows = new Map<number, Accumulator>();
  if (bytes === undefined)
    return { greatestArrivalMs: Number.NEGATIVE_INFINITY, mark: null, fingerprints: [], windows };
  reader.open(bytes);
  const greatestArrivalMs = reader.varint();
  const mark = { shard: reader.text(), sequence: reader.digits(), subSequence: reader.varint() };
  let timeMs = 0;
  const fingerprints = Array.from({ length: reader.varint() }, () => {
    timeMs += reader.varint();
    return { timeMs, high: reader.uint32(), low: reader.uint32() };
  });
  let number = 0;
  for (let left = reader.varint(); left > 0; left--) {
    number += reader.varint();
    windows.set(number, { count: reader.varint(), sum: reader.signed(), min: reader.signed(), max: reader.signed() });
  }
  reader.end();
  return { greatestArrivalMs, mark, fingerprints, windows };
}
