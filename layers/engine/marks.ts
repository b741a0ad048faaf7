import type { ByteReader, ByteWriter } from "./bytes.ts";
import { comparePositions, type Position } from "./position.ts";

/**
 * Per shard the greatest position that an item contains: everything at or below it is in. One mark is the rule, because an entity's
 * key goes through one shard at a time; reshards leave more. The digits of a stored mark stay packed: to tell a redelivery it is
 * enough to compare them where they lie.
 */
export interface Mark {
  readonly shard: string;
  arrivalMs: number;
  /** Null while it is as stored: `digits` packed digits from `buffer[at]` on, and the sub-sequence. */
  position: Position | null;
  readonly buffer: Uint8Array;
  readonly at: number;
  readonly digits: number;
  readonly subSequence: number;
}

/** Shards are stored by number where they have AWS's names, and 0 stands for another name. */
const SHARD_NAME = /^shardId-(\d{12})$/;
const NO_BYTES = new Uint8Array(0);

/** Whether the item already contains this position: a redelivery. */
export function contains(marks: readonly Mark[], position: Position): boolean {
  for (const mark of marks) if (mark.shard === position.shard) return compareToMark(position, mark) <= 0;
  return false;
}

export function raise(marks: Mark[], position: Position, arrivalMs: number): void {
  for (const mark of marks) {
    if (mark.shard !== position.shard) continue;
    mark.position = position;
    mark.arrivalMs = arrivalMs;
    return;
  }
  const at = marks.findIndex(({ shard }) => shard > position.shard);
  const { shard } = position;
  const mark = { shard, arrivalMs, position, buffer: NO_BYTES, at: 0, digits: 0, subSequence: 0 };
  marks.splice(at < 0 ? marks.length : at, 0, mark);
}

export function positionOf({ shard, position, buffer, at, digits, subSequence }: Mark): Position {
  if (position !== null) return position;
  let sequence = "";
  for (let i = 0; i < digits; i++) sequence += digitAt(buffer, at, i);
  return { shard, sequence, subSequence };
}

/** The marks in the order of their shards; arrival times as differences to the item's greatest. */
export function writeMarks(writer: ByteWriter, marks: readonly Mark[], greatestArrivalMs: number): void {
  writer.varint(marks.length);
  for (const { shard, arrivalMs, position, buffer, at, digits, subSequence } of marks) {
    const number = numberOf(shard);
    writer.varint(number + 1);
    if (number < 0) writer.text(shard);
    if (position === null) {
      writer.varint(digits);
      writer.copy(buffer, at, at + ((digits + 1) >> 1));
    } else writer.digits(position.sequence);
    writer.varint(position === null ? subSequence : position.subSequence);
    writer.varint(greatestArrivalMs - arrivalMs);
  }
}

export function readMarks(reader: ByteReader, buffer: Uint8Array, marks: Mark[], greatestArrivalMs: number): void {
  marks.length = 0;
  for (let left = reader.varint(); left > 0; left--) {
    const number = reader.varint() - 1;
    const shard = number < 0 ? reader.text() : nameOf(number);
    const digits = reader.varint();
    const at = reader.at();
    reader.skip((digits + 1) >> 1);
    const subSequence = reader.varint();
    const arrivalMs = greatestArrivalMs - reader.varint();
    marks.push({ shard, arrivalMs, position: null, buffer, at, digits, subSequence });
  }
}

function compareToMark(position: Position, { position: mark, buffer, at, digits, subSequence }: Mark): number {
  if (mark !== null) return comparePositions(position, mark);
  const { sequence } = position;
  if (sequence.length !== digits) return sequence.length - digits;
  for (let i = 0; i < digits; i += 2) {
    const low = i + 1 < digits ? sequence.charCodeAt(i + 1) - 48 : 0;
    const order = (((sequence.charCodeAt(i) - 48) << 4) | low) - (buffer[at + (i >> 1)] as number);
    if (order !== 0) return order;
  }
  return position.subSequence - subSequence;
}

function digitAt(buffer: Uint8Array, at: number, i: number): number {
  const pair = buffer[at + (i >> 1)] as number;
  return i % 2 === 0 ? pair >> 4 : pair & 15;
}

let lastName = "";
let lastNumber = -1;

/** The number in a shard's name, -1 for another name. A batch asks for one shard again and again. */
function numberOf(shard: string): number {
  if (shard === lastName) return lastNumber;
  const digits = SHARD_NAME.exec(shard)?.[1];
  lastNumber = digits === undefined ? -1 : Number(digits);
  lastName = shard;
  return lastNumber;
}

const names: string[] = [];

function nameOf(number: number): string {
  const name = names[number] ?? `shardId-${String(number).padStart(12, "0")}`;
  if (number < 1000) names[number] = name;
  return name;
}
