import { type ByteReader, type ByteWriter, byteReader } from "./bytes.ts";
import type { Resolution } from "./compile.ts";

/**
 * The tiles of one resolution, ascending by index; times fall in [index * width, (index + 1) * width). A batch touches one or two
 * of an item's many tiles, so a tile stays as the bytes it was stored in until somebody asks for its accumulators.
 */
export interface Tile {
  readonly index: number;
  /** One accumulator per slot, `undefined` where empty; null while the tile is still packed. */
  slots: unknown[] | null;
  /** The stored form; null when it no longer holds. */
  packed: Uint8Array | null;
}

/** The accumulators, to look at. */
export function slotsOf(resolution: Resolution, tile: Tile): readonly unknown[] {
  tile.slots ??= unpack(resolution, tile.packed as Uint8Array);
  return tile.slots;
}

/** The accumulators, to change. */
export function openSlots(resolution: Resolution, tile: Tile): unknown[] {
  tile.slots ??= unpack(resolution, tile.packed as Uint8Array);
  tile.packed = null;
  return tile.slots;
}

/** The tile of an index, made when there is none. */
export function tileAt(resolution: Resolution, tiles: Tile[], index: number): Tile {
  let at = tiles.length;
  while (at > 0 && (tiles[at - 1] as Tile).index > index) at--;
  const before = tiles[at - 1];
  if (before?.index === index) return before;
  const tile: Tile = { index, slots: resolution.slots.map(() => undefined), packed: null };
  tiles.splice(at, 0, tile);
  return tile;
}

/** Whether nothing is in it. A packed tile never is: empty ones are not stored. */
export function isEmpty({ slots, packed }: Tile): boolean {
  return packed === null && (slots as unknown[]).every((acc) => acc === undefined);
}

export function writeTiles(writer: ByteWriter, resolution: Resolution, tiles: readonly Tile[], origin: number): void {
  writer.varint(tiles.length);
  let previous = origin;
  for (const { index, slots, packed } of tiles) {
    writer.signed(index - previous);
    previous = index;
    if (packed !== null) writer.blob(packed);
    else writer.framed(() => pack(writer, resolution, slots as unknown[]));
  }
}

export function readTiles(reader: ByteReader, origin: number): Tile[] {
  const tiles: Tile[] = [];
  let index = origin;
  for (let left = reader.varint(); left > 0; left--) {
    index += reader.signed();
    tiles.push({ index, slots: null, packed: reader.blob() });
  }
  return tiles;
}

/** One bit per slot says which accumulators follow. */
function pack(writer: ByteWriter, { slots: specs }: Resolution, slots: readonly unknown[]): void {
  for (let from = 0; from < specs.length; from += 8) {
    let bits = 0;
    for (let s = from; s < Math.min(from + 8, specs.length); s++) if (slots[s] !== undefined) bits |= 1 << (s - from);
    writer.byte(bits);
  }
  for (let s = 0; s < specs.length; s++) if (slots[s] !== undefined) specs[s]?.aggregate.write(writer, slots[s]);
}

const tileReader = byteReader();

function unpack({ slots: specs }: Resolution, packed: Uint8Array): unknown[] {
  const mapBytes = (specs.length + 7) >> 3;
  tileReader.open(packed);
  for (let i = 0; i < mapBytes; i++) tileReader.byte();
  const slots = specs.map(({ aggregate }, s) =>
    (((packed[s >> 3] as number) >> (s & 7)) & 1) === 1 ? aggregate.read(tileReader) : undefined,
  );
  tileReader.end();
  return slots;
}
