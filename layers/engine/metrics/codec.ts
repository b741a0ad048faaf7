import { type ByteReader, type ByteWriter, byteReader, byteWriter } from "../bytes.ts";
import { DefinitionError } from "../define.ts";
import type { Position } from "../position.ts";
import type { CompiledMetric } from "./compile.ts";
import { type Groups, readGroups, writeGroups } from "./groups.ts";
import { type Cell, cellId, emptyState, type WindowState } from "./state.ts";

/**
 * The binary form of a window's state and of rows: canonical, so that a flush that is tried again writes the same bytes. A cell is
 * framed by its length and carries its metric's layout, so cells of a definition that a deployment has changed meanwhile are
 * carried to their rows unread.
 */
const VERSION = 1;
const writer = byteWriter();
const reader = byteReader();
const cellWriter = byteWriter();
const cellReader = byteReader();

export function encodeWindowState(metrics: readonly CompiledMetric[], state: WindowState): Uint8Array {
  writer.reset();
  writer.byte(VERSION);
  writePosition(writer, state.first);
  writePosition(writer, state.mark);
  writer.varint(state.fingerprints.size);
  for (const fingerprint of state.fingerprints) {
    writer.byte(fingerprint % 0x20);
    writer.uint48(Math.floor(fingerprint / 0x20));
  }
  const cells = inOrder(state.cells);
  writer.varint(cells.length);
  for (const cell of cells) {
    writer.text(cell.metric);
    writer.uint48(cell.layout);
    writer.signed(cell.startMs);
    const packed = packCell(metrics, cell);
    const frame = writer.begin();
    writer.copy(packed, 0, packed.length);
    writer.end(frame);
  }
  return writer.bytes();
}

/** Throws RangeError when the bytes are damaged or of another format. */
export function decodeWindowState(bytes: Uint8Array): WindowState {
  reader.open(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw new RangeError(`the window's state has format ${version}, this code reads ${VERSION}`);
  const first = readPosition(reader);
  const state = emptyState(readPosition(reader));
  state.first = first;
  for (let left = reader.varint(); left > 0; left--) {
    const low = reader.byte();
    state.fingerprints.add(reader.uint48() * 0x20 + low);
  }
  for (let left = reader.varint(); left > 0; left--) {
    const [metric, layout, startMs] = [reader.text(), reader.uint48(), reader.signed()];
    const size = reader.varint();
    const from = reader.at();
    const packed = bytes.subarray(from, reader.skip(size));
    state.cells.set(cellId(metric, layout, startMs), { metric, layout, startMs, groups: null, packed });
  }
  reader.end();
  return state;
}

/** By metric and time. */
export function inOrder(cells: WindowState["cells"]): readonly Cell[] {
  return [...cells.values()].sort(
    (a, b) => (a.metric < b.metric ? -1 : a.metric > b.metric ? 1 : 0) || a.layout - b.layout || a.startMs - b.startMs,
  );
}

/** The groups of a cell, to add to. */
export function openCell(metric: CompiledMetric, cell: Cell): Groups {
  cell.groups ??= unpackCell(metric, cell.packed as Uint8Array);
  cell.packed = null;
  return cell.groups;
}

/** The bytes of a cell, which are also those of its row. */
export function packCell(metrics: readonly CompiledMetric[], { metric, layout, groups, packed }: Cell): Uint8Array {
  if (packed !== null) return packed;
  const compiled = metrics.find((one) => one.name === metric && one.layout === layout) as CompiledMetric;
  cellWriter.reset();
  cellWriter.byte(VERSION);
  cellWriter.uint48(layout);
  writeGroups(cellWriter, compiled, groups as Groups);
  return cellWriter.bytes();
}

/** The groups in the bytes of a row. Throws DefinitionError when another definition wrote them, RangeError when they are damaged. */
export function unpackCell(metric: CompiledMetric, bytes: Uint8Array): Groups {
  cellReader.open(bytes);
  const version = cellReader.byte();
  if (version !== VERSION)
    throw new RangeError(`metric ${metric.name}: a row has format ${version}, this code reads ${VERSION}`);
  if (cellReader.uint48() !== metric.layout) {
    throw new DefinitionError(
      `metric ${metric.name}: its definition changed since its rows were stored. Raise the metric's version, which keeps the new rows apart from the old ones`,
    );
  }
  const groups = readGroups(cellReader, metric);
  cellReader.end();
  return groups;
}

function writePosition(writer: ByteWriter, position: Position | null): void {
  writer.text(position?.shard ?? "");
  if (position === null) return;
  writer.digits(position.sequence);
  writer.varint(position.subSequence);
}

function readPosition(reader: ByteReader): Position | null {
  const shard = reader.text();
  return shard === "" ? null : { shard, sequence: reader.digits(), subSequence: reader.varint() };
}
