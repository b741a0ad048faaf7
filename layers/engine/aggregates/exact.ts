import type { ByteReader, ByteWriter } from "../bytes.ts";

/**
 * An integer of any size: a number while it is a safe integer and a bigint beyond, so that everyday sums take no allocation and
 * no sum ever wraps. Each integer has one such form only, and one form in bytes: that of `ByteWriter.bigint`.
 */
export type Exact = number | bigint;

export function plus(a: Exact, b: Exact): Exact {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    // A sum of two safe integers that is rounded lies beyond the bound.
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toExact(BigInt(a) + BigInt(b));
}

export function squared(value: number): Exact {
  const square = value * value;
  return Number.isSafeInteger(square) ? square : toExact(BigInt(value) * BigInt(value));
}

export function toExact(value: bigint): Exact {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** The double nearest to a / b, for b > 0. */
export function quotient(a: bigint, b: bigint): number {
  if (a === 0n) return 0;
  const magnitude = a < 0n ? -a : a;
  // With 64 bits and more and a last bit that stands for all the rest, the conversion to a double rounds the true quotient.
  const shift = Math.max(0, bits(b) - bits(magnitude) + 68);
  const scaled = magnitude << BigInt(shift);
  const whole = scaled / b;
  const rounded = Number(whole * b === scaled ? whole : whole | 1n) / 2 ** shift;
  return a < 0n ? -rounded : rounded;
}

export function writeExact(writer: ByteWriter, value: Exact): void {
  if (typeof value === "bigint") {
    writer.bigint(value);
    return;
  }
  const magnitude = Math.abs(value);
  let size = 0;
  let unit = 1;
  for (; unit <= magnitude; unit *= 256) size++;
  writer.varint(size * 2 + (value < 0 ? 1 : 0));
  for (unit /= 256; unit >= 1; unit /= 256) writer.byte(Math.floor(magnitude / unit) % 256);
}

export function readExact(reader: ByteReader): Exact {
  const head = reader.varint();
  const size = head >>> 1;
  if (size <= 6) {
    let magnitude = 0;
    for (let i = 0; i < size; i++) magnitude = magnitude * 256 + reader.byte();
    return head % 2 === 1 ? -magnitude : magnitude;
  }
  let magnitude = 0n;
  for (let i = 0; i < size; i++) magnitude = magnitude * 256n + BigInt(reader.byte());
  return toExact(head % 2 === 1 ? -magnitude : magnitude);
}

/** 2^53 values of at most 2^53 each: 106 bits, after one byte of length. */
export const SUM_BYTES = 16;

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}
