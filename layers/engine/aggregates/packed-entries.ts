import { type ByteReader, type ByteWriter, byteReader } from "../bytes.ts";
import { type Entry, writeEntry } from "./entry.ts";
import { readScalar, skipScalar } from "./scalar.ts";

/**
 * A list of entries, newest first, of which a batch nearly always adds one at the front and forgets one at the end. So what was
 * stored stays the bytes that it was, `tail`, until somebody must look inside; `fresh` is newer than all of it.
 */
export interface Entries {
  fresh: Entry[];
  tail: Tail;
}

/** `count` entries; the bytes begin after the first one's time. */
interface Tail {
  readonly buffer: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly newestMs: number;
  readonly oldestMs: number;
}

const NONE: Tail = { buffer: new Uint8Array(0), from: 0, to: 0, count: 0, newestMs: 0, oldestMs: 0 };
const reader = byteReader();

export function toEntries(fresh: Entry[]): Entries {
  return { fresh, tail: NONE };
}

export function countOf({ fresh, tail }: Entries): number {
  return fresh.length + tail.count;
}

/** All of them, unpacked; what is given back may be changed. */
export function unpack(entries: Entries): Entry[] {
  const { tail } = entries;
  if (tail.count === 0) return entries.fresh;
  reader.open(tail.buffer, tail.from, tail.to);
  let timeMs = tail.newestMs;
  for (let i = 0; i < tail.count; i++) {
    if (i > 0) timeMs -= reader.signed();
    const tie = reader.uint32();
    entries.fresh.push({ timeMs, tie, value: readScalar(reader) });
  }
  entries.tail = NONE;
  return entries.fresh;
}

/** The same list, to look at only. */
export function listOf({ fresh, tail }: Entries): readonly Entry[] {
  return tail.count === 0 ? fresh : unpack({ fresh: [...fresh], tail });
}

/** Keeps the first `count` of the tail. */
export function cutTail(entries: Entries, count: number): void {
  const { tail } = entries;
  if (count >= tail.count) return;
  entries.tail = count <= 0 ? NONE : walk(tail.buffer, tail.from, tail.to, count, tail.newestMs);
}

export function writePacked(writer: ByteWriter, { fresh, tail }: Entries): void {
  writer.varint(fresh.length + tail.count);
  let previousMs = 0;
  for (let i = 0; i < fresh.length; i++) {
    const entry = fresh[i] as Entry;
    writeEntry(writer, entry, previousMs);
    previousMs = entry.timeMs;
  }
  if (tail.count === 0) return;
  writer.signed(previousMs - tail.newestMs);
  writer.copy(tail.buffer, tail.from, tail.to);
}

export function readPacked(from: ByteReader): Entries {
  const count = from.varint();
  if (count === 0) return { fresh: [], tail: NONE };
  const newestMs = 0 - from.signed();
  const tail = walk(from.buffer(), from.at(), Number.POSITIVE_INFINITY, count, newestMs);
  from.skip(tail.to - tail.from);
  return { fresh: [], tail };
}

/** Passes over `count` entries that begin after the first one's time. */
function walk(buffer: Uint8Array, from: number, to: number, count: number, newestMs: number): Tail {
  reader.open(buffer, from, Math.min(to, buffer.length));
  let oldestMs = newestMs;
  for (let i = 0; i < count; i++) {
    if (i > 0) oldestMs -= reader.signed();
    reader.skip(4);
    skipScalar(reader);
  }
  return { buffer, from, to: reader.at(), count, newestMs, oldestMs };
}
