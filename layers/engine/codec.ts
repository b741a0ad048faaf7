import { type ByteReader, type ByteWriter, byteReader, byteWriter } from "./bytes.ts";
import type { CompiledView, Resolution } from "./compile.ts";
import { DefinitionError } from "./define.ts";
import type { Fingerprints } from "./fingerprints.ts";
import { emptyState, type Mark, type State } from "./state.ts";
import { readTiles, type Tile, writeTiles } from "./tiles.ts";

/**
 * The binary form of a state: canonical (equal states, equal bytes) and compact. A version byte and the view's layout come
 * first, so that bytes written by another set of aggregates are recognised and never misread. Times and tile numbers are
 * differences to their neighbours; a tile is framed by its length, so that it can be carried over without being read.
 */
const VERSION = 1;
const writer = byteWriter();
const reader = byteReader();
const SHARD_NAME = /^shardId-(\d{12})$/;

/** The bytes of a pruned state. */
export function encodeState(view: CompiledView, state: State): Uint8Array {
  writer.reset();
  writer.byte(VERSION);
  writer.uint48(view.layout);
  writer.signed(state.greatestArrivalMs);
  for (const counter of [state.applied, state.duplicates, state.outOfHorizon, state.overLimit, state.forgotten])
    writer.varint(counter);
  writeMarks(writer, state);
  for (const list of [state.fingerprints, state.inherited]) writeFingerprints(writer, list, state.greatestArrivalMs);
  view.resolutions.forEach((resolution, r) => {
    writeTiles(writer, resolution, state.tiles[r] as Tile[], originOf(resolution, state));
  });
  return writer.bytes();
}

/** The state in the bytes. Throws DefinitionError when another set of aggregates wrote them, RangeError when they are damaged. */
export function decodeState(view: CompiledView, bytes: Uint8Array): State {
  reader.open(bytes);
  const version = reader.byte();
  if (version !== VERSION)
    throw new RangeError(`view ${view.name}: a stored state has format ${version}, this code reads ${VERSION}`);
  if (reader.uint48() !== view.layout) {
    throw new DefinitionError(
      `view ${view.name}: its features changed since its items were stored. Raise the view's version, which keeps the new items apart from the old ones`,
    );
  }
  const state = emptyState(view);
  state.greatestArrivalMs = reader.signed();
  state.applied = reader.varint();
  state.duplicates = reader.varint();
  state.outOfHorizon = reader.varint();
  state.overLimit = reader.varint();
  state.forgotten = reader.varint();
  readMarks(reader, state);
  for (const list of [state.fingerprints, state.inherited]) readFingerprints(reader, list, state.greatestArrivalMs);
  view.resolutions.forEach((resolution, r) => {
    state.tiles[r] = readTiles(reader, originOf(resolution, state));
  });
  reader.end();
  return state;
}

function writeMarks(writer: ByteWriter, state: State): void {
  const marks = [...state.marks.values()].sort((a, b) => (a.position.shard < b.position.shard ? -1 : 1));
  writer.varint(marks.length);
  for (const { position, arrivalMs } of marks) {
    const number = SHARD_NAME.exec(position.shard)?.[1];
    writer.varint(number === undefined ? 0 : Number(number) + 1);
    if (number === undefined) writer.text(position.shard);
    writer.digits(position.sequence);
    writer.varint(position.subSequence);
    writer.varint(state.greatestArrivalMs - arrivalMs);
  }
}

function readMarks(reader: ByteReader, state: State): void {
  for (let left = reader.varint(); left > 0; left--) {
    const number = reader.varint();
    const shard = number === 0 ? reader.text() : `shardId-${String(number - 1).padStart(12, "0")}`;
    const sequence = reader.digits();
    const mark: Mark = {
      position: { shard, sequence, subSequence: reader.varint() },
      arrivalMs: state.greatestArrivalMs - reader.varint(),
    };
    state.marks.set(shard, mark);
  }
}

function writeFingerprints(writer: ByteWriter, { times, highs, lows }: Fingerprints, originMs: number): void {
  writer.varint(times.length);
  let previousMs = originMs;
  for (let i = 0; i < times.length; i++) {
    writer.signed((times[i] as number) - previousMs);
    writer.uint32(highs[i] as number);
    writer.uint32(lows[i] as number);
    previousMs = times[i] as number;
  }
}

function readFingerprints(reader: ByteReader, { times, highs, lows }: Fingerprints, originMs: number): void {
  let timeMs = originMs;
  for (let left = reader.varint(); left > 0; left--) {
    timeMs += reader.signed();
    times.push(timeMs);
    highs.push(reader.uint32());
    lows.push(reader.uint32());
  }
}

/** Tile numbers are written as differences, the first one to the tile of the greatest arrival. */
function originOf({ widthMs }: Resolution, { greatestArrivalMs }: State): number {
  return widthMs === 0 ? 0 : Math.floor(greatestArrivalMs / widthMs);
}
