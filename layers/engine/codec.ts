import { type ByteReader, type ByteWriter, byteReader, byteWriter } from "./bytes.ts";
import type { CompiledView, Resolution } from "./compile.ts";
import { DefinitionError } from "./define.ts";
import { append, type Fingerprints, sizeOf } from "./fingerprints.ts";
import { readTilesOfFormat1 } from "./format-1.ts";
import { tileIndex } from "./lattice.ts";
import { readMarks, writeMarks } from "./marks.ts";
import { readOrder, writeOrder } from "./reorder.ts";
import { clearState, emptyState, type State } from "./state.ts";
import { readTiles, type TileList, writeTiles } from "./tiles.ts";

/**
 * The binary form of a state: canonical (equal states, equal bytes) and compact. A format byte and the view's layout come first, so
 * that bytes written by another set of aggregates are recognised and never misread. Times and tile numbers are differences to their
 * neighbours; resolutions and tiles are framed by their length, so that they can be carried over without being read.
 *
 * Format 2 is written. Format 1 (tiles oldest first, no frames around resolutions, no order) is read.
 */
const FORMAT = 2;
const writer = byteWriter();
const reader = byteReader();

/** The bytes of a pruned state. */
export function encodeState(view: CompiledView, state: State): Uint8Array {
  writer.reset();
  writer.byte(FORMAT);
  writer.uint48(view.layout);
  writer.signed(state.greatestArrivalMs);
  writer.varint(state.applied);
  writer.varint(state.duplicates);
  writer.varint(state.outOfHorizon);
  writer.varint(state.overLimit);
  writer.varint(state.forgotten);
  writeMarks(writer, state.marks, state.greatestArrivalMs);
  writeFingerprints(writer, state.fingerprints, state.greatestArrivalMs);
  writeFingerprints(writer, state.inherited, state.greatestArrivalMs);
  if (view.sequence !== null) writeOrder(writer, view.sequence, state.order, state.greatestArrivalMs);
  for (let r = 0; r < view.resolutions.length; r++) {
    const resolution = view.resolutions[r] as Resolution;
    writeTiles(writer, resolution, state.tiles[r] as TileList, tileIndex(resolution, state.greatestArrivalMs));
  }
  return writer.bytes();
}

/** The state in the bytes. Throws DefinitionError when another set of aggregates wrote them, RangeError when they are damaged. */
export function decodeState(view: CompiledView, bytes: Uint8Array): State {
  const state = emptyState(view);
  decodeInto(view, bytes, state);
  return state;
}

/** The same into a state that is there. It refers to the bytes, which must not change while it is used. */
export function decodeInto(view: CompiledView, bytes: Uint8Array, state: State): void {
  clearState(state);
  reader.open(bytes);
  const format = reader.byte();
  if (format !== 1 && format !== FORMAT) {
    throw new RangeError(`view ${view.name}: a stored state has format ${format}, this code reads 1 and ${FORMAT}`);
  }
  if (reader.uint48() !== (format === 1 ? view.layoutOfFormat1 : view.layout)) {
    throw new DefinitionError(
      `view ${view.name}: its features changed since its items were stored. Raise the view's version, which keeps the new items apart from the old ones`,
    );
  }
  const greatestArrivalMs = reader.signed();
  state.greatestArrivalMs = greatestArrivalMs;
  state.applied = reader.varint();
  state.duplicates = reader.varint();
  state.outOfHorizon = reader.varint();
  state.overLimit = reader.varint();
  state.forgotten = reader.varint();
  readMarks(reader, bytes, state.marks, greatestArrivalMs);
  readFingerprints(reader, state.fingerprints, greatestArrivalMs);
  readFingerprints(reader, state.inherited, greatestArrivalMs);
  if (view.sequence !== null && format === FORMAT) readOrder(reader, view.sequence, state.order, greatestArrivalMs);
  const read = format === 1 ? readTilesOfFormat1 : readTiles;
  for (let r = 0; r < view.resolutions.length; r++) {
    const resolution = view.resolutions[r] as Resolution;
    read(reader, bytes, resolution, state.tiles[r] as TileList, tileIndex(resolution, greatestArrivalMs));
  }
  reader.end();
}

function writeFingerprints(writer: ByteWriter, list: Fingerprints, originMs: number): void {
  const { times, highs, lows, from, to } = list;
  writer.varint(sizeOf(list));
  let previousMs = originMs;
  for (let i = from; i < to; i++) {
    writer.signed((times[i] as number) - previousMs);
    writer.uint32(highs[i] as number);
    writer.uint32(lows[i] as number);
    previousMs = times[i] as number;
  }
}

function readFingerprints(reader: ByteReader, list: Fingerprints, originMs: number): void {
  let timeMs = originMs;
  for (let left = reader.varint(); left > 0; left--) {
    timeMs += reader.signed();
    append(list, timeMs, reader.uint32(), reader.uint32());
  }
}
