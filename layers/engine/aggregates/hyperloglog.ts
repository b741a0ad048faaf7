import type { ByteReader, ByteWriter } from "../bytes.ts";

/**
 * HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) over the 48-bit hashes of values: the first `precision` bits choose one of
 * m = 2^precision registers, which keeps the greatest rank (leading zeros of the other bits, plus one) that it was shown.
 * Registers so depend on the set of values alone, and SQL makes the same ones from md5.
 */
export type Registers = Uint8Array;

const HASH_BITS = 48;

/** The standard error of an estimate, as a share of it. */
export function relativeErrorOf(precision: number): number {
  return 1.04 / Math.sqrt(2 ** precision);
}

export function offer(registers: Registers, precision: number, hash: number): void {
  const restBits = HASH_BITS - precision;
  const index = Math.floor(hash / 2 ** restBits);
  const high = Math.floor(hash / 2 ** 32) % 2 ** (restBits - 32);
  const zeros = high > 0 ? Math.clz32(high) - (64 - restBits) : restBits - 32 + Math.clz32(hash >>> 0);
  registers[index] = Math.max(registers[index] as number, zeros + 1);
}

export function maximum(a: Registers, b: Registers): Registers {
  // In a loop: reports merge thousands of these, and a callback per register takes several times as long.
  const greatest = a.slice();
  for (let i = 0; i < greatest.length; i++) {
    const rank = b[i] as number;
    if (rank > (greatest[i] as number)) greatest[i] = rank;
  }
  return greatest;
}

/**
 * The improved raw estimator of Ertl (2017, arXiv:1702.01284, algorithm 6): without tables, and good from one value on. His
 * correction for registers of the last rank is left out: with 48-bit hashes it is far below one value.
 */
export function estimate(registers: Registers, precision: number): number {
  const m = 2 ** precision;
  const most = HASH_BITS - precision + 1;
  const counts = new Array<number>(most + 1).fill(0);
  for (const rank of registers) counts[rank] = (counts[rank] as number) + 1;
  let z = 0;
  for (let rank = most; rank >= 1; rank--) z = (z + (counts[rank] as number)) / 2;
  z += m * sigma((counts[0] as number) / m);
  return (m * m) / (2 * Math.LN2 * z);
}

/** σ(x) = x + Σ x^(2^k) 2^(k-1). */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let power = x;
  let sum = x;
  for (let unit = 1, before = Number.NaN; sum !== before; unit *= 2) {
    before = sum;
    power *= power;
    sum += power * unit;
  }
  return sum;
}

/** How many registers are not zero; the writer puts it before the registers, and the reader needs it. */
export function filled(registers: Registers): number {
  let n = 0;
  for (const rank of registers) if (rank > 0) n++;
  return n;
}

/** While fewer than a quarter are filled, gap and rank of each filled one; later all of them, 6 bits each. */
export function writeRegisters(writer: ByteWriter, registers: Registers): void {
  const m = registers.length;
  if (filled(registers) * 4 < m) {
    let next = 0;
    for (let i = 0; i < m; i++) {
      if (registers[i] === 0) continue;
      writer.varint((i - next) * 64 + (registers[i] as number));
      next = i + 1;
    }
    return;
  }
  for (let i = 0; i < m; i += 4) {
    let bits = 0;
    for (let j = i; j < i + 4; j++) bits = bits * 64 + (registers[j] as number);
    writer.byte(bits >>> 16);
    writer.byte((bits >>> 8) & 0xff);
    writer.byte(bits & 0xff);
  }
}

export function readRegisters(reader: ByteReader, precision: number, filled: number): Registers {
  const registers = new Uint8Array(2 ** precision);
  if (filled * 4 < registers.length) {
    for (let next = 0, left = filled; left > 0; left--) {
      const gapAndRank = reader.varint();
      next += gapAndRank >>> 6;
      registers[next++] = gapAndRank & 63;
    }
    return registers;
  }
  for (let i = 0; i < registers.length; i += 4) {
    const bits = (reader.byte() << 16) | (reader.byte() << 8) | reader.byte();
    for (let j = 0; j < 4; j++) registers[i + j] = (bits >>> (18 - 6 * j)) & 63;
  }
  return registers;
}

/** Three bytes for each of a quarter of the registers, or 6 bits for each of them all. */
export function registersBytes(precision: number): number {
  return (2 ** precision * 3) / 4;
}
