import { readScalar, toStored, writeScalar } from "../aggregates/scalar.ts";
import type { ByteReader, ByteWriter } from "../bytes.ts";
import { hash48 } from "../md5.ts";
import type { Scalar } from "../schema.ts";
import type { MetricSlot } from "./compile.ts";

/**
 * What one window of a metric holds: a group for each combination of the `by` values, up to a limit; what belongs to further ones
 * is added up as `other`. The groups that are kept are those of the smallest hashes, never the first or the largest, so that what
 * is kept does not depend on the order of records. It also makes merging exact: where a group was left out of one part, so many
 * smaller hashes stood there that it is left out of the whole too. A group that is shown is therefore complete.
 */
export interface Groups {
  /** By the text of their values. */
  readonly kept: Map<string, Group>;
  other: Slots | null;
  /** The kept group that goes first when another needs the place; looked for again when null. */
  last: Group | null;
}

export interface Group {
  readonly key: string;
  readonly values: readonly Scalar[];
  readonly hash: number;
  readonly slots: Slots;
}

/** One accumulator per slot of the metric, `undefined` where empty. */
export type Slots = unknown[];

/** What of a metric decides how its groups behave. */
export interface GroupLayout {
  readonly by: readonly string[];
  readonly limit: number;
  readonly slots: readonly MetricSlot[];
}

export function noGroups(): Groups {
  return { kept: new Map(), other: null, last: null };
}

/** The accumulators of these values, to add to. */
export function slotsOf(layout: GroupLayout, groups: Groups, by: readonly Scalar[]): Slots {
  const values = by.map(toStored);
  const key = keyOf(values);
  const known = groups.kept.get(key);
  if (known !== undefined) return known.slots;
  return place(layout, groups, { key, values, hash: hash48(key), slots: empty(layout) });
}

/** Adds `source` to `target`, which changes. They may share accumulators afterwards, so only one of them can be added to. */
export function mergeGroups(layout: GroupLayout, target: Groups, source: Groups): void {
  for (const { key, values, hash, slots } of source.kept.values()) {
    const own = target.kept.get(key)?.slots ?? place(layout, target, { key, values, hash, slots: empty(layout) });
    mergeSlots(layout, own, slots);
  }
  if (source.other === null) return;
  target.other ??= empty(layout);
  mergeSlots(layout, target.other, source.other);
}

/** All groups and `other` as one. */
export function totalOf(layout: GroupLayout, { kept, other }: Groups): Slots {
  const total = empty(layout);
  for (const { slots } of kept.values()) mergeSlots(layout, total, slots);
  if (other !== null) mergeSlots(layout, total, other);
  return total;
}

/** In the order in which they are kept and written. */
export function inOrder({ kept }: Groups): readonly Group[] {
  return [...kept.values()].sort(smallestFirst);
}

export function writeGroups(writer: ByteWriter, layout: GroupLayout, groups: Groups): void {
  writer.varint(groups.kept.size * 2 + (groups.other === null ? 0 : 1));
  for (const { values, slots } of inOrder(groups)) {
    for (const value of values) writeValue(writer, value);
    writeSlots(writer, layout, slots);
  }
  if (groups.other !== null) writeSlots(writer, layout, groups.other);
}

export function readGroups(reader: ByteReader, layout: GroupLayout): Groups {
  const head = reader.varint();
  const kept = new Map<string, Group>();
  for (let left = Math.floor(head / 2); left > 0; left--) {
    const values = layout.by.map(() => readValue(reader));
    const key = keyOf(values);
    kept.set(key, { key, values, hash: hash48(key), slots: readSlots(reader, layout) });
  }
  return { kept, other: head % 2 === 1 ? readSlots(reader, layout) : null, last: null };
}

/** Gives a new group its place, or `other`'s accumulators where it has none; the group that it displaces goes to `other`. */
function place(layout: GroupLayout, into: Groups, group: Group): Slots {
  if (into.kept.size < layout.limit) {
    into.kept.set(group.key, group);
    into.last = null;
    return group.slots;
  }
  into.other ??= empty(layout);
  into.last ??= [...into.kept.values()].reduce((a, b) => (smallestFirst(a, b) < 0 ? b : a));
  if (smallestFirst(into.last, group) < 0) return into.other;
  into.kept.delete(into.last.key);
  mergeSlots(layout, into.other, into.last.slots);
  into.kept.set(group.key, group);
  into.last = null;
  return group.slots;
}

function mergeSlots({ slots: specs }: GroupLayout, target: Slots, source: Slots): void {
  for (let s = 0; s < specs.length; s++) {
    if (source[s] === undefined) continue;
    const { aggregate } = specs[s] as MetricSlot;
    target[s] = target[s] === undefined ? source[s] : aggregate.merge(target[s], source[s]);
  }
}

function writeValue(writer: ByteWriter, value: Scalar): void {
  writer.byte(value === null ? 0 : 1);
  if (value !== null) writeScalar(writer, value);
}

function readValue(reader: ByteReader): Scalar {
  return reader.byte() === 0 ? null : readScalar(reader);
}

/** One bit per slot says which accumulators follow. */
function writeSlots(writer: ByteWriter, { slots: specs }: GroupLayout, slots: Slots): void {
  for (let from = 0; from < specs.length; from += 8) {
    let bits = 0;
    for (let s = from; s < Math.min(from + 8, specs.length); s++) if (slots[s] !== undefined) bits |= 1 << (s - from);
    writer.byte(bits);
  }
  for (let s = 0; s < specs.length; s++) if (slots[s] !== undefined) specs[s]?.aggregate.write(writer, slots[s]);
}

function readSlots(reader: ByteReader, { slots: specs }: GroupLayout): Slots {
  const bits = Array.from({ length: (specs.length + 7) >> 3 }, () => reader.byte());
  return specs.map(({ aggregate }, s) =>
    (((bits[s >> 3] as number) >> (s & 7)) & 1) === 1 ? aggregate.read(reader) : undefined,
  );
}

function empty({ slots }: GroupLayout): Slots {
  return slots.map(() => undefined);
}

function smallestFirst(a: Group, b: Group): number {
  return a.hash - b.hash || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** Different for different values, also of different types. */
function keyOf(values: readonly Scalar[]): string {
  const [only] = values;
  return values.length === 1 && typeof only === "string" ? `"${only}` : JSON.stringify(values);
}
