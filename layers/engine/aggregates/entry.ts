import type { Input } from "../aggregate.ts";
import type { ByteReader, ByteWriter } from "../bytes.ts";
import type { Scalar } from "../schema.ts";
import { compareText, readScalar, toStored, writeScalar } from "./scalar.ts";

/** A value and the event that it is from. Events are ordered by (time, fingerprint), and what still is equal by the value's text. */
export interface Entry {
  readonly timeMs: number;
  readonly tie: number;
  readonly value: Scalar;
}

/** Time (from year 0 to 9999, as a difference) and tie. */
export const EVENT_BYTES = 8 + 4;

export function toEntry({ timeMs, tie, value }: Input): Entry {
  return { timeMs, tie, value: toStored(value) };
}

export function oldestFirst(a: Entry, b: Entry): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs;
  return a.tie === b.tie ? compareText(a.value, b.value) : a.tie - b.tie;
}

export function newestFirst(a: Entry, b: Entry): number {
  return oldestFirst(b, a);
}

export function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  writer.varint(entries.length);
  let previousMs = 0;
  for (const entry of entries) {
    writeEntry(writer, entry, previousMs);
    previousMs = entry.timeMs;
  }
}

export function writeEntry(writer: ByteWriter, { timeMs, tie, value }: Entry, previousMs: number): void {
  writer.signed(previousMs - timeMs);
  writer.uint32(tie);
  writeScalar(writer, value);
}

export function readEntries(reader: ByteReader): Entry[] {
  const entries: Entry[] = [];
  let timeMs = 0;
  for (let left = reader.varint(); left > 0; left--) {
    timeMs -= reader.signed();
    entries.push({ timeMs, tie: reader.uint32(), value: readScalar(reader) });
  }
  return entries;
}
