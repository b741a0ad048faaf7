import { type ByteReader, type ByteWriter, byteReader } from "./bytes.ts";
import type { Resolution } from "./compile.ts";

/**
 * The tiles of one resolution. A batch touches one or two of an item's many tiles, and nearly always the newest, so tiles are stored
 * newest first and unpacked only as far back as somebody looks: what lies behind stays one run of bytes, which is carried over
 * whole. In memory `open` holds the unpacked tiles, newest first, and `buffer[at, end)` the `packed` tiles behind them.
 *
 * Where tiles of a resolution never expire (lifetime), those that no as-of time can part any more are merged into its `base`.
 */
export interface TileList {
  readonly open: Tile[];
  buffer: Uint8Array;
  at: number;
  end: number;
  packed: number;
  /** The number of the oldest tile; says nothing while there is none. */
  oldest: number;
  /** The accumulators of everything before the tiles, per slot. */
  base: unknown[] | null;
}

export interface Tile {
  readonly index: number;
  /** One accumulator per slot, `undefined` where empty; null while they are the bytes `buffer[from, to)`. */
  slots: unknown[] | null;
  readonly from: number;
  readonly to: number;
}

const NOTHING = new Uint8Array(0);
const reader = byteReader();

export function noTiles(): TileList {
  return { open: [], buffer: NOTHING, at: 0, end: 0, packed: 0, oldest: 0, base: null };
}

export function clearTiles(list: TileList): void {
  list.open.length = 0;
  list.packed = 0;
  list.base = null;
}

/** The tile of an index; null when there is none. */
export function findTile(list: TileList, index: number): Tile | null {
  const { open } = list;
  for (let i = 0; ; i++) {
    if (i === open.length && !unpackNext(list)) return null;
    const tile = open[i] as Tile;
    if (tile.index <= index) return tile.index === index ? tile : null;
  }
}

/** A new tile in its place. There must be none of this index yet. */
export function addTile(list: TileList, index: number, slots: unknown[]): void {
  const { open } = list;
  let at = 0;
  while (at < open.length && (open[at] as Tile).index > index) at++;
  if (open.length + list.packed === 0 || index < list.oldest) list.oldest = index;
  open.splice(at, 0, { index, slots, from: 0, to: 0 });
}

/** All tiles, newest first. */
export function allTiles(list: TileList): readonly Tile[] {
  while (unpackNext(list));
  return list.open;
}

/** The accumulators of a tile, to look at or to change. */
export function slotsOf(resolution: Resolution, list: TileList, tile: Tile): unknown[] {
  tile.slots ??= readSlots(resolution, list.buffer, tile.from, tile.to);
  return tile.slots;
}

/** Forgets the tiles before an index, without unpacking those that stay. */
export function dropTilesBefore(list: TileList, index: number): void {
  if (list.open.length + list.packed === 0 || list.oldest >= index) return;
  const { open } = list;
  while (open.length > 0 && (open[open.length - 1] as Tile).index < index) {
    open.pop();
    list.packed = 0;
  }
  let oldest = open.length === 0 ? 0 : (open[open.length - 1] as Tile).index;
  reader.open(list.buffer, list.at, list.end);
  for (let kept = 0; kept < list.packed; kept++) {
    const end = reader.at();
    const next = oldest - reader.varint();
    if (next < index) {
      list.packed = kept;
      list.end = end;
      break;
    }
    reader.skip(reader.varint());
    oldest = next;
  }
  list.oldest = oldest;
}

/** Takes away the tiles before an index. */
export function takeTilesBefore(list: TileList, index: number): readonly Tile[] {
  if (list.open.length + list.packed === 0 || list.oldest >= index) return [];
  const tiles = allTiles(list);
  const kept = tiles.findIndex((tile) => tile.index < index);
  const taken = list.open.splice(kept);
  list.oldest = list.open.at(-1)?.index ?? 0;
  return taken;
}

/** Takes the next tile off the packed run; false when there is none. Its content stays packed. */
function unpackNext(list: TileList): boolean {
  if (list.packed === 0) return false;
  const { open } = list;
  reader.open(list.buffer, list.at, list.end);
  const before = open[open.length - 1] as Tile;
  const index = before.index - reader.varint();
  const size = reader.varint();
  const from = reader.at();
  const to = reader.skip(size);
  open.push({ index, slots: null, from, to });
  list.at = to;
  list.packed--;
  if (list.packed === 0) reader.end();
  return true;
}

/** Numbers are written as differences, the newest tile's to `origin`. */
export function writeTiles(writer: ByteWriter, resolution: Resolution, list: TileList, origin: number): void {
  const { open, packed, buffer, at, end } = list;
  const mark = writer.begin();
  if (resolution.forever) writeBase(writer, resolution, list.base);
  writer.varint(open.length + packed);
  for (let i = 0; i < open.length; i++) {
    const { index, slots, from, to } = open[i] as Tile;
    if (i === 0) {
      writer.signed(index - origin);
      writer.varint(index - list.oldest);
    } else writer.varint((open[i - 1] as Tile).index - index);
    if (slots === null) {
      writer.varint(to - from);
      writer.copy(buffer, from, to);
    } else {
      const frame = writer.begin();
      writeSlots(writer, resolution, slots);
      writer.end(frame);
    }
  }
  if (packed > 0) writer.copy(buffer, at, end);
  writer.end(mark);
}

export function readTiles(
  from: ByteReader,
  buffer: Uint8Array,
  resolution: Resolution,
  list: TileList,
  origin: number,
): void {
  clearTiles(list);
  const size = from.varint();
  const start = from.at();
  const end = from.skip(size);
  reader.open(buffer, start, end);
  if (resolution.forever) list.base = readBase(resolution, buffer);
  const count = reader.varint();
  if (count === 0) {
    reader.end();
    return;
  }
  const index = origin + reader.signed();
  list.oldest = index - reader.varint();
  const length = reader.varint();
  const first = reader.at();
  list.buffer = buffer;
  list.at = reader.skip(length);
  list.end = end;
  list.packed = count - 1;
  if (list.packed === 0) reader.end();
  list.open.push({ index, slots: null, from: first, to: list.at });
}

function writeBase(writer: ByteWriter, resolution: Resolution, base: unknown[] | null): void {
  const mark = writer.begin();
  if (base !== null) writeSlots(writer, resolution, base);
  writer.end(mark);
}

function readBase(resolution: Resolution, buffer: Uint8Array): unknown[] | null {
  const size = reader.varint();
  const from = reader.at();
  const to = reader.skip(size);
  return size === 0 ? null : readSlots(resolution, buffer, from, to);
}

/** One bit per slot says which accumulators follow. */
function writeSlots(writer: ByteWriter, { slots: specs }: Resolution, slots: readonly unknown[]): void {
  for (let from = 0; from < specs.length; from += 8) {
    let bits = 0;
    const to = Math.min(from + 8, specs.length);
    for (let s = from; s < to; s++) if (slots[s] !== undefined) bits |= 1 << (s - from);
    writer.byte(bits);
  }
  for (let s = 0; s < specs.length; s++) if (slots[s] !== undefined) specs[s]?.aggregate.write(writer, slots[s]);
}

const slotReader = byteReader();

export function readSlots({ slots: specs }: Resolution, buffer: Uint8Array, from: number, to: number): unknown[] {
  const mapBytes = (specs.length + 7) >> 3;
  slotReader.open(buffer, from, to);
  for (let i = 0; i < mapBytes; i++) slotReader.byte();
  const slots: unknown[] = [];
  for (let s = 0; s < specs.length; s++) {
    const isThere = (((buffer[from + (s >> 3)] as number) >> (s & 7)) & 1) === 1;
    slots.push(isThere ? specs[s]?.aggregate.read(slotReader) : undefined);
  }
  slotReader.end();
  return slots;
}
