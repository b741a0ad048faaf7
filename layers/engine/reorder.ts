import { readScalar, toStored, writeScalar } from "./aggregates/scalar.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import type { CompiledSequence } from "./compile.ts";
import type { Row, Scalar } from "./schema.ts";
import type { Fact } from "./state.ts";

/**
 * The producer's own numbering of an entity's events. A number that was passed over is a gap; one that comes after its turn is
 * behind. With a reorder buffer an event that comes ahead of its turn is held back, until its predecessors are in, or the buffer is
 * full, or the predecessors could no longer be accepted: then the gap is given up. The buffer is part of the item, so a batch that
 * is delivered again finds it as it was.
 */
export interface Order {
  /** The number whose turn it is; null before the first. */
  next: number | null;
  /** How many numbers were passed over; from `MOST_GAPS` on it stays there. */
  gaps: number;
  /** How many events came after their turn. */
  behind: number;
  /** Ascending by number. */
  held: readonly Held[];
}

export interface Held {
  readonly number: number;
  readonly arrivalMs: number;
  readonly fact: Fact;
}

/** A producer that begins again with other numbers can pass over more than any number tells exactly. */
const MOST_GAPS = Number.MAX_SAFE_INTEGER;
const NONE: readonly Held[] = [];

export function noOrder(): Order {
  return { next: null, gaps: 0, behind: 0, held: NONE };
}

export function clearOrder(order: Order): void {
  order.next = null;
  order.gaps = 0;
  order.behind = 0;
  order.held = NONE;
}

/** Whether a number comes after its turn; one that is held back has had its turn, too. */
export function isBehind({ next, held }: Order, number: number): boolean {
  return next !== null && (number < next || held.some((other) => other.number === number));
}

/** Takes in an event that is not behind; the facts whose turn it now is, in order. */
export function takeTurn(order: Order, { reorder, columns }: CompiledSequence, event: Held): readonly Fact[] {
  order.next ??= event.number;
  if (event.number !== order.next) {
    const row = Object.fromEntries(
      columns.map((name): [string, Scalar] => [name, toStored(event.fact.row[name] ?? null)]),
    );
    const own = { ...event, fact: { ...event.fact, row } };
    order.held = [...order.held, own].sort((a, b) => a.number - b.number);
    return order.held.length > reorder ? giveUpFirstGap(order) : [];
  }
  order.next++;
  return [event.fact, ...released(order)];
}

/** The facts that need not wait any more, because what they wait for would come too late to be accepted. */
export function stopWaiting(order: Order, beforeMs: number): readonly Fact[] {
  const out: Fact[] = [];
  while (order.held.some(({ arrivalMs }) => arrivalMs < beforeMs)) out.push(...giveUpFirstGap(order));
  return out;
}

function giveUpFirstGap(order: Order): readonly Fact[] {
  const [first] = order.held;
  if (first === undefined || order.next === null) return [];
  order.gaps = Math.min(order.gaps + (first.number - order.next), MOST_GAPS);
  order.next = first.number;
  return released(order);
}

/** Takes the run of numbers that starts with the one whose turn it is. */
function released(order: Order): readonly Fact[] {
  const out: Fact[] = [];
  for (const { number, fact } of order.held) {
    if (number !== order.next) break;
    out.push(fact);
    order.next++;
  }
  order.held = order.held.slice(out.length);
  return out;
}

export function writeOrder(writer: ByteWriter, { columns }: CompiledSequence, order: Order, originMs: number): void {
  writer.byte(order.next === null ? 0 : 1);
  if (order.next === null) return;
  // Numbers may be any of an integer column, and lie twice as far apart as the greatest of them.
  writer.wideSigned(BigInt(order.next));
  writer.varint(order.gaps);
  writer.varint(order.behind);
  writer.varint(order.held.length);
  for (const { number, arrivalMs, fact } of order.held) {
    writer.wideVarint(BigInt(number) - BigInt(order.next));
    writer.signed(originMs - arrivalMs);
    writer.signed(originMs - fact.timeMs);
    writer.uint32(fact.high);
    writer.uint32(fact.low);
    for (const name of columns) writeScalar(writer, fact.row[name] ?? null);
  }
}

export function readOrder(reader: ByteReader, { columns }: CompiledSequence, order: Order, originMs: number): void {
  clearOrder(order);
  if (reader.byte() === 0) return;
  const next = reader.wideSigned();
  order.next = Number(next);
  order.gaps = reader.varint();
  order.behind = reader.varint();
  order.held = Array.from({ length: reader.varint() }, () => {
    const number = Number(next + reader.wideVarint());
    const arrivalMs = originMs - reader.signed();
    const timeMs = originMs - reader.signed();
    const high = reader.uint32();
    const low = reader.uint32();
    const row: Row = Object.fromEntries(columns.map((name): [string, Scalar] => [name, readScalar(reader)]));
    return { number, arrivalMs, fact: { timeMs, high, low, row } };
  });
}
