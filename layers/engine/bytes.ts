/**
 * A growing byte buffer and its reader: the alphabet of the state's binary form. Every value has one encoding only, so equal
 * states have equal bytes. Numbers are unsigned varints up to 2^53 unless said otherwise. Both are made once and used again for
 * one state after the other, because a batch has thousands of them.
 */
export interface ByteWriter {
  /** Begins anew; what was taken with `bytes` stays as it is. */
  reset(): void;
  byte(value: number): void;
  uint32(value: number): void;
  /** A 48-bit unsigned integer in 6 bytes. */
  uint48(value: number): void;
  float64(value: number): void;
  /** A non-negative safe integer. */
  varint(value: number): void;
  /** A safe integer of either sign, below 2^52 in magnitude. */
  signed(value: number): void;
  /** An integer of any size and sign. */
  bigint(value: bigint): void;
  text(value: string): void;
  /** A text of decimal digits, two in a byte. */
  digits(value: string): void;
  /** Bytes as they are. */
  copy(source: Uint8Array, from: number, to: number): void;
  /** Begins a frame: what follows until `end` is given that frame's mark stands after its length. */
  begin(): number;
  end(mark: number): void;
  /** What was written, in a part of a larger buffer that is written to no more. */
  bytes(): Uint8Array;
}

export interface ByteReader {
  /** Begins at another buffer, or at a part of it. */
  open(buffer: Uint8Array, from?: number, to?: number): void;
  /** What is read from, and where in it the next byte stands. */
  buffer(): Uint8Array;
  at(): number;
  byte(): number;
  uint32(): number;
  uint48(): number;
  float64(): number;
  varint(): number;
  signed(): number;
  bigint(): bigint;
  text(): string;
  digits(): string;
  /** Passes over a frame's content: the place after it. `at` told where it begins once its length was read. */
  skip(size: number): number;
  /** Throws unless everything was read: left-over bytes mean that writer and reader disagree. */
  end(): void;
}

const SLAB_BYTES = 64 * 1024;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export function byteWriter(): ByteWriter {
  let buffer = new Uint8Array(4096);
  let view = new DataView(buffer.buffer);
  let length = 0;
  let slab = new Uint8Array(0);
  let slabUsed = 0;

  const room = (size: number) => {
    if (length + size <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, length + size));
    larger.set(buffer);
    buffer = larger;
    view = new DataView(buffer.buffer);
  };
  const varint = (value: number) => {
    room(8);
    let rest = value;
    if (value > 0x7fff_ffff || value < 0 || !Number.isInteger(value)) rest = writeHighBits(value);
    while (rest > 0x7f) {
      buffer[length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[length++] = rest;
  };
  /** The bytes of a large number, down to what bit operations can hold. */
  const writeHighBits = (value: number): number => {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`a varint must be a safe integer >= 0, got ${value}`);
    }
    let rest = value;
    while (rest > 0x7fff_ffff) {
      buffer[length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    return rest;
  };
  const copy = (source: Uint8Array, from: number, to: number) => {
    const size = to - from;
    room(size);
    // A call into native code costs more than a short loop.
    if (size < 24) for (let i = from; i < to; i++) buffer[length++] = source[i] as number;
    else {
      buffer.set(from === 0 && to === source.length ? source : source.subarray(from, to), length);
      length += size;
    }
  };

  return {
    reset() {
      length = 0;
    },
    byte(value) {
      room(1);
      buffer[length++] = value;
    },
    uint32(value) {
      room(4);
      view.setUint32(length, value);
      length += 4;
    },
    uint48(value) {
      room(6);
      view.setUint16(length, Math.floor(value / 0x1_0000_0000));
      view.setUint32(length + 2, value >>> 0);
      length += 6;
    },
    float64(value) {
      room(8);
      view.setFloat64(length, value);
      length += 8;
    },
    varint,
    signed: (value) => varint(value >= 0 ? value * 2 : -value * 2 - 1),
    bigint(value) {
      const magnitude = value < 0n ? -value : value;
      const hex = magnitude === 0n ? "" : magnitude.toString(16);
      const size = (hex.length + 1) >> 1;
      const even = hex.padStart(size * 2, "0");
      varint(size * 2 + (value < 0n ? 1 : 0));
      room(size);
      for (let i = 0; i < size; i++) buffer[length + i] = Number.parseInt(even.slice(i * 2, i * 2 + 2), 16);
      length += size;
    },
    text(value) {
      const start = length;
      varint(value.length);
      room(value.length);
      for (let i = 0; i < value.length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) {
          length = start;
          const bytes = utf8.encode(value);
          varint(bytes.length);
          copy(bytes, 0, bytes.length);
          return;
        }
        buffer[length++] = code;
      }
    },
    digits(value) {
      varint(value.length);
      room((value.length + 1) >> 1);
      for (let i = 0; i < value.length; i += 2) {
        const low = i + 1 < value.length ? value.charCodeAt(i + 1) - 48 : 0;
        buffer[length++] = ((value.charCodeAt(i) - 48) << 4) | low;
      }
    },
    copy,
    begin() {
      room(8);
      return length++;
    },
    end(mark) {
      // Most frames are short, so one byte was left for the length; a longer one is moved up to make room.
      const size = length - mark - 1;
      length = mark;
      if (size > 127) {
        const head = varintSize(size);
        room(size + head);
        buffer.copyWithin(mark + head, mark + 1, mark + 1 + size);
      }
      varint(size);
      length += size;
    },
    bytes() {
      // A small array of its own costs several times what a part of a larger one costs; those that come together go together.
      if (slabUsed + length > slab.length) {
        slab = new Uint8Array(Math.max(SLAB_BYTES, length));
        slabUsed = 0;
      }
      slab.set(buffer.subarray(0, length), slabUsed);
      slabUsed += length;
      return slab.subarray(slabUsed - length, slabUsed);
    },
  };
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

export function byteReader(first: Uint8Array = new Uint8Array(0)): ByteReader {
  let buffer = first;
  let at = 0;
  let stop = first.length;

  const take = (size: number) => {
    if (at + size > stop) throw new RangeError(`the state ends at byte ${stop}, ${size} more expected at ${at}`);
    at += size;
    return at - size;
  };
  const varint = () => {
    const first = buffer[take(1)] as number;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let unit = 128; ; unit *= 128) {
      const byte = buffer[take(1)] as number;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  };

  return {
    open(next, from = 0, to = next.length) {
      buffer = next;
      at = from;
      stop = to;
    },
    buffer: () => buffer,
    at: () => at,
    skip(size) {
      take(size);
      return at;
    },
    byte: () => buffer[take(1)] as number,
    uint32: () => bigEndian(buffer, take(4), 4),
    uint48: () => bigEndian(buffer, take(6), 6),
    float64() {
      const from = take(8);
      return new DataView(buffer.buffer, buffer.byteOffset + from, 8).getFloat64(0);
    },
    varint,
    signed() {
      const value = varint();
      if (value <= 0x7fff_ffff) return (value & 1) === 0 ? value >>> 1 : -(value >>> 1) - 1;
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    bigint() {
      const head = varint();
      const size = Math.floor(head / 2);
      const from = take(size);
      let magnitude = BigInt(bigEndian(buffer, from, Math.min(size, 6)));
      for (let i = from + 6; i < from + size; i++) magnitude = magnitude * 256n + BigInt(buffer[i] as number);
      return head % 2 === 1 ? -magnitude : magnitude;
    },
    text() {
      const size = varint();
      const from = take(size);
      let text = "";
      for (let i = from; i < from + size; i++) {
        const code = buffer[i] as number;
        if (code > 127) return fromUtf8.decode(buffer.subarray(from, from + size));
        text += String.fromCharCode(code);
      }
      return text;
    },
    digits() {
      const size = varint();
      const from = take((size + 1) >> 1);
      let text = "";
      for (let i = 0; i < size; i++) {
        const pair = buffer[from + (i >> 1)] as number;
        text += String.fromCharCode(48 + (i % 2 === 0 ? pair >> 4 : pair & 15));
      }
      return text;
    },
    end() {
      if (at !== stop) throw new RangeError(`the state has ${stop - at} bytes more than expected`);
    },
  };
}

function bigEndian(buffer: Uint8Array, from: number, size: number): number {
  let value = 0;
  for (let i = from; i < from + size; i++) value = value * 256 + (buffer[i] as number);
  return value;
}
