/**
 * A growing byte buffer and its reader: the alphabet of the state's binary form. Every value has one encoding only, so equal
 * states have equal bytes. Numbers are unsigned varints up to 2^53 unless said otherwise.
 */
export interface ByteWriter {
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
  bytes(): Uint8Array;
}

export interface ByteReader {
  byte(): number;
  uint32(): number;
  uint48(): number;
  float64(): number;
  varint(): number;
  signed(): number;
  bigint(): bigint;
  text(): string;
  /** Throws unless everything was read: left-over bytes mean that writer and reader disagree. */
  end(): void;
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export function byteWriter(): ByteWriter {
  let buffer = new Uint8Array(256);
  let view = new DataView(buffer.buffer);
  let length = 0;

  const room = (size: number) => {
    if (length + size <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, length + size));
    larger.set(buffer);
    buffer = larger;
    view = new DataView(buffer.buffer);
  };
  const varint = (value: number) => {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER))
      throw new RangeError(`a varint must be a safe integer >= 0, got ${value}`);
    room(8);
    let rest = value;
    while (rest > 0x7f) {
      buffer[length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    buffer[length++] = rest;
  };
  const raw = (bytes: Uint8Array) => {
    varint(bytes.length);
    room(bytes.length);
    buffer.set(bytes, length);
    length += bytes.length;
  };

  return {
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
      const hex = (value < 0n ? -value : value).toString(16);
      const even = hex.length % 2 === 0 ? hex : `0${hex}`;
      const size = value === 0n ? 0 : even.length / 2;
      varint(size * 2 + (value < 0n ? 1 : 0));
      room(size);
      for (let i = 0; i < size; i++) buffer[length++] = Number.parseInt(even.slice(i * 2, i * 2 + 2), 16);
    },
    text: (value) => raw(utf8.encode(value)),
    bytes: () => buffer.slice(0, length),
  };
}

export function byteReader(buffer: Uint8Array): ByteReader {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let at = 0;

  const take = (size: number) => {
    if (at + size > buffer.length)
      throw new RangeError(`the state ends at byte ${buffer.length}, ${size} more expected at ${at}`);
    at += size;
    return at - size;
  };
  const varint = () => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = view.getUint8(take(1));
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  };

  return {
    byte: () => view.getUint8(take(1)),
    uint32: () => view.getUint32(take(4)),
    uint48() {
      const from = take(6);
      return view.getUint16(from) * 0x1_0000_0000 + view.getUint32(from + 2);
    },
    float64: () => view.getFloat64(take(8)),
    varint,
    signed() {
      const value = varint();
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    },
    bigint() {
      const head = varint();
      const size = Math.floor(head / 2);
      let hex = "0";
      for (let i = 0; i < size; i++) hex += view.getUint8(take(1)).toString(16).padStart(2, "0");
      const magnitude = BigInt(`0x${hex}`);
      return head % 2 === 1 ? -magnitude : magnitude;
    },
    text() {
      const size = varint();
      const from = take(size);
      return fromUtf8.decode(buffer.subarray(from, from + size));
    },
    end() {
      if (at !== buffer.length) throw new RangeError(`the state has ${buffer.length - at} bytes more than expected`);
    },
  };
}
