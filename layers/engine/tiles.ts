import { type ByteReader, type ByteWriter, byteReader } from "./bytes.ts";
import type { Resolution } from "./compile.ts";

/**
 * The tiles of one resolution. A batch touches one or two of an item's many tiles, and nearly always the newest, so tiles are stored
 * newest first and unpacked only as far back as somebody looks: what lies behind stays one run of bytes, which is carried over
 * whole. In memory the first `opened` of `tiles` are known one by one, newest first, and `buffer[at, end)` holds the `packed` tiles
 * behind them. A list serves item after item, and its tiles with it: a batch has thousands of items.
 *
 * Where tiles of a resolution never expire (lifetime), those that no as-of time can part any more are merged into its `base`.
 */
export interface TileList {
  readonly tiles: Tile[];
  opened: number;
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
  index: number;
  /** One accumulator per slot, `undefined` where empty; they say nothing while the tile is the bytes `buffer[from, to)`. */
  slots: unknown[];
  isPacked: boolean;
  from: number;
  to: number;
}

const NOTHING = new Uint8Array(0);
const reader = byteReader();

export function noTiles(): TileList {
  return { tiles: [], opened: 0, buffer: NOTHING, at: 0, end: 0, packed: 0, oldest: 0, base: null };
}

export function clearTiles(list: TileList): void {
  list.opened = 0;
  list.packed = 0;
  list.base = null;
}

/** The accumulators of the tile of an index, to look at or to change; null when there is none. */
export function findSlots(resolution: Resolution, list: TileList, index: number): unknown[] | null {
  for (let i = 0; i < list.opened || unpackNext(list); i++) {
    const tile = list.tiles[i] as Tile;
    if (tile.index <= index) return tile.index === index ? slotsOf(resolution, list, tile) : null;
  }
  return null;
}

/** A new tile in its place, empty. There must be none of this index yet. */
export function addTile({ slots: specs }: Resolution, list: TileList, index: number): unknown[] {
  if (isEmpty(list) || index < list.oldest) list.oldest = index;
  let at = list.opened;
  while (at > 0 && (list.tiles[at - 1] as Tile).index < index) at--;
  const tile = spareTile(list);
  for (let i = list.opened - 1; i > at; i--) list.tiles[i] = list.tiles[i - 1] as Tile;
  list.tiles[at] = tile;
  tile.index = index;
  tile.isPacked = false;
  for (let s = 0; s < specs.length; s++) tile.slots[s] = undefined;
  return tile.slots;
}

export function isEmpty({ opened, packed }: TileList): boolean {
  return opened + packed === 0;
}

/** All tiles, newest first. */
export function allTiles(list: TileList): readonly Tile[] {
  while (unpackNext(list));
  return list.tiles.slice(0, list.opened);
}

/** The accumulators of a tile, to look at or to change. */
export function slotsOf(resolution: Resolution, { buffer }: TileList, tile: Tile): unknown[] {
  if (!tile.isPacked) return tile.slots;
  readSlots(resolution, buffer, tile.from, tile.to, tile.slots);
  tile.isPacked = false;
  return tile.slots;
}

/** Forgets the tiles before an index, without unpacking those that stay. */
export function dropTilesBefore(list: TileList, index: number): void {
  if (isEmpty(list) || list.oldest >= index) return;
  while (list.opened > 0 && (list.tiles[list.opened - 1] as Tile).index < index) {
    list.opened--;
    list.packed = 0;
  }
  let oldest = list.opened === 0 ? 0 : (list.tiles[list.opened - 1] as Tile).index;
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

/** Takes away the tiles before an index: their accumulators, newest first. They say nothing once the list is used again. */
export function takeTilesBefore(resolution: Resolution, list: TileList, index: number): readonly Tile[] {
  if (isEmpty(list) || list.oldest >= index) return [];
  const tiles = allTiles(list);
  const taken = tiles.filter((tile) => tile.index < index);
  for (const tile of taken) slotsOf(resolution, list, tile);
  list.opened -= taken.length;
  list.oldest = tiles[list.opened - 1]?.index ?? 0;
  return taken;
}

/** One more tile behind those that are known. */
function spareTile(list: TileList): Tile {
  const spare = list.tiles[list.opened];
  const tile = spare ?? { index: 0, slots: [], isPacked: false, from: 0, to: 0 };
  if (spare === undefined) list.tiles.push(tile);
  list.opened++;
  return tile;
}

function pushPacked(list: TileList, index: number, from: number, to: number): void {
  const tile = spareTile(list);
  tile.index = index;
  tile.isPacked = true;
  tile.from = from;
  tile.to = to;
}

/** Takes the next tile off the packed run; false when there is none. Its content stays packed. */
function unpackNext(list: TileList): boolean {
  if (list.packed === 0) return false;
  reader.open(list.buffer, list.at, list.end);
  const before = list.tiles[list.opened - 1] as Tile;
  const index = before.index - reader.varint();
  const size = reader.varint();
  const from = reader.at();
  list.at = reader.skip(size);
  list.packed--;
  if (list.packed === 0) reader.end();
  pushPacked(list, index, from, list.at);
  return true;
}

/** Numbers are written as differences, the newest tile's to `origin`. */
export function writeTiles(writer: ByteWriter, resolution: Resolution, list: TileList, origin: number): void {
  const { tiles, opened, packed, buffer, at, end } = list;
  const mark = writer.begin();
  if (resolution.forever) writeBase(writer, resolution, list.base);
  writer.varint(opened + packed);
  for (let i = 0; i < opened; i++) {
    const { index, slots, isPacked, from, to } = tiles[i] as Tile;
    if (i === 0) {
      writer.signed(index - origin);
      writer.varint(index - list.oldest);
    } else writer.varint((tiles[i - 1] as Tile).index - index);
    if (isPacked) {
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
  pushPacked(list, index, first, list.at);
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
  return size === 0 ? null : readSlots(resolution, buffer, from, to, []);
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

/** Unpacks the accumulators into `slots`. */
export function readSlots(
  { slots: specs }: Resolution,
  buffer: Uint8Array,
  from: number,
  to: number,
  slots: unknown[],
): unknown[] {
  slotReader.open(buffer, from, to);
  slotReader.skip((specs.length + 7) >> 3);
  for (let s = 0; s < specs.length; s++) {
    const isThere = (((buffer[from + (s >> 3)] as number) >> (s & 7)) & 1) === 1;
    slots[s] = isThere ? specs[s]?.aggregate.read(slotReader) : undefined;
  }
  slotReader.end();
  return slots;
}
