/**
 * A growing byte buffer and its reader: the alphabet of the state's binary form. Every value has one encoding only, so equal
 * states have equal bytes. Numbers are unsigned varints up to 2^53 unless said otherwise. Both are made once and used again for
 * one state after the other, because a batch has thousands of them.
 *
 * They are classes because that is a tenth of the fold's time: the fields of an object stay in registers from one inlined call to
 * the next, where the variables of a closure are read and written each time. For the same reason what is rare (long numbers, more
 * room, an error) has a method of its own: only small methods are inlined.
 */

/** States that come together go together: a part of a slab costs a fraction of a small array of its own. */
const SLAB_BYTES = 64 * 1024;
/** With less than this left of a slab, the next state begins another. */
const LEAST_BYTES = 4 * 1024;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

export function byteWriter(): ByteWriter {
  return new ByteWriter();
}

export function byteReader(buffer: Uint8Array = new Uint8Array(0)): ByteReader {
  const reader = new ByteReader();
  reader.open(buffer);
  return reader;
}

export class ByteWriter {
  private slab = new Uint8Array(SLAB_BYTES);
  private view = new DataView(this.slab.buffer);
  /** Where in the slab this state begins, where its next byte goes, and the end of what was given away. */
  private start = 0;
  private at = 0;
  private given = 0;

  /** Begins anew; what was taken with `bytes` stays as it is. */
  reset(): void {
    this.start = this.given;
    this.at = this.given;
    if (this.given + LEAST_BYTES > this.slab.length) this.moveTo(new Uint8Array(SLAB_BYTES));
  }

  byte(value: number): void {
    this.room(1);
    this.slab[this.at++] = value;
  }

  uint32(value: number): void {
    this.room(4);
    this.view.setUint32(this.at, value);
    this.at += 4;
  }

  /** A 48-bit unsigned integer in 6 bytes. */
  uint48(value: number): void {
    this.room(6);
    this.view.setUint16(this.at, Math.floor(value / 0x1_0000_0000));
    this.view.setUint32(this.at + 2, value >>> 0);
    this.at += 6;
  }

  float64(value: number): void {
    this.room(8);
    this.view.setFloat64(this.at, value);
    this.at += 8;
  }

  /** A non-negative safe integer. */
  varint(value: number): void {
    if ((value & 0x7f) === value) this.byte(value);
    else this.longVarint(value);
  }

  /** A safe integer of either sign, below 2^52 in magnitude. */
  signed(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /** A non-negative integer of any size; one that `varint` takes has the same bytes. */
  wideVarint(value: bigint): void {
    let rest = value;
    for (; rest > 127n; rest >>= 7n) this.byte(Number(rest & 127n) | 0x80);
    this.byte(Number(rest));
  }

  /** An integer of any size and sign; one that `signed` takes has the same bytes. */
  wideSigned(value: bigint): void {
    this.wideVarint(value >= 0n ? value * 2n : -value * 2n - 1n);
  }

  /** An integer of any size and sign. */
  bigint(value: bigint): void {
    const magnitude = value < 0n ? -value : value;
    const hex = magnitude === 0n ? "" : magnitude.toString(16);
    const size = (hex.length + 1) >> 1;
    const even = hex.padStart(size * 2, "0");
    this.varint(size * 2 + (value < 0n ? 1 : 0));
    for (let i = 0; i < size; i++) this.byte(Number.parseInt(even.slice(i * 2, i * 2 + 2), 16));
  }

  text(value: string): void {
    const mark = this.at - this.start;
    this.varint(value.length);
    this.room(value.length);
    const { slab, at } = this;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) {
        this.at = this.start + mark;
        const bytes = utf8.encode(value);
        this.varint(bytes.length);
        this.copy(bytes, 0, bytes.length);
        return;
      }
      slab[at + i] = code;
    }
    this.at = at + value.length;
  }

  /** A text of decimal digits, two in a byte. */
  digits(value: string): void {
    this.varint(value.length);
    this.room((value.length + 1) >> 1);
    const { slab } = this;
    let at = this.at;
    for (let i = 0; i < value.length; i += 2) {
      const low = i + 1 < value.length ? value.charCodeAt(i + 1) - 48 : 0;
      slab[at++] = ((value.charCodeAt(i) - 48) << 4) | low;
    }
    this.at = at;
  }

  /** Bytes as they are. */
  copy(source: Uint8Array, from: number, to: number): void {
    const size = to - from;
    this.room(size);
    const { slab, at } = this;
    // A call into native code costs more than a short loop.
    if (size < 24) for (let i = 0; i < size; i++) slab[at + i] = source[from + i] as number;
    else slab.set(from === 0 && to === source.length ? source : source.subarray(from, to), at);
    this.at = at + size;
  }

  /** Begins a frame: what follows until `end` is given that frame's mark stands after its length. */
  begin(): number {
    this.room(1);
    this.at++;
    return this.at - this.start - 1;
  }

  end(mark: number): void {
    // Most frames are short, so one byte was left for the length; a longer one is moved up to make room.
    const size = this.at - this.start - mark - 1;
    if (size > 127) {
      const head = varintSize(size);
      this.room(head);
      const from = this.start + mark + 1;
      this.slab.copyWithin(from + head - 1, from, from + size);
    }
    this.at = this.start + mark;
    this.varint(size);
    this.at += size;
  }

  /** What was written since `reset`, in a part of a larger buffer that is written to no more. */
  bytes(): Uint8Array {
    this.given = this.at;
    return this.slab.subarray(this.start, this.at);
  }

  private longVarint(value: number): void {
    this.room(8);
    let rest = value;
    if (value > 0x7fff_ffff || value < 0 || !Number.isInteger(value)) rest = this.highBits(value);
    const { slab } = this;
    let at = this.at;
    while (rest > 0x7f) {
      slab[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    slab[at++] = rest;
    this.at = at;
  }

  /** Writes the low bytes of a large number, down to what bit operations can hold. */
  private highBits(value: number): number {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`a varint must be a safe integer >= 0, got ${value}`);
    }
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.slab[this.at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    return rest;
  }

  private room(size: number): void {
    if (this.at + size > this.slab.length) this.grow(size);
  }

  private grow(size: number): void {
    this.moveTo(new Uint8Array(Math.max(SLAB_BYTES, (this.at - this.start + size) * 2)));
  }

  /** Takes along what was written of this state; what was given away stays behind. */
  private moveTo(slab: Uint8Array<ArrayBuffer>): void {
    slab.set(this.slab.subarray(this.start, this.at));
    this.slab = slab;
    this.view = new DataView(slab.buffer);
    this.at -= this.start;
    this.start = 0;
    this.given = 0;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

export class ByteReader {
  private source = new Uint8Array(0);
  private next = 0;
  private stop = 0;

  /** Begins at another buffer, or at a part of it. */
  open(buffer: Uint8Array, from = 0, to = buffer.length): void {
    this.source = buffer as Uint8Array<ArrayBuffer>;
    this.next = from;
    this.stop = to;
  }

  /** What is read from, */
  buffer(): Uint8Array {
    return this.source;
  }

  /** and where in it the next byte stands. */
  at(): number {
    return this.next;
  }

  /** Passes over a frame's content: the place after it. `at` told where it begins once its length was read. */
  skip(size: number): number {
    this.take(size);
    return this.next;
  }

  byte(): number {
    return this.source[this.take(1)] as number;
  }

  uint32(): number {
    return uint32At(this.source, this.take(4));
  }

  uint48(): number {
    const { source } = this;
    const at = this.take(6);
    return (((source[at] as number) << 8) | (source[at + 1] as number)) * 0x1_0000_0000 + uint32At(source, at + 2);
  }

  float64(): number {
    const { buffer, byteOffset } = this.source;
    return new DataView(buffer, byteOffset + this.take(8), 8).getFloat64(0);
  }

  varint(): number {
    const first = this.source[this.take(1)] as number;
    return first < 0x80 ? first : this.longVarint(first);
  }

  signed(): number {
    const value = this.varint();
    if (value <= 0x7fff_ffff) return (value & 1) === 0 ? value >>> 1 : -(value >>> 1) - 1;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  wideVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  wideSigned(): bigint {
    const value = this.wideVarint();
    return value % 2n === 0n ? value / 2n : -(value + 1n) / 2n;
  }

  bigint(): bigint {
    const head = this.varint();
    let magnitude = 0n;
    for (let left = Math.floor(head / 2); left > 0; left--) magnitude = magnitude * 256n + BigInt(this.byte());
    return head % 2 === 1 ? -magnitude : magnitude;
  }

  text(): string {
    const size = this.varint();
    const from = this.take(size);
    const { source } = this;
    let text = "";
    for (let i = from; i < from + size; i++) {
      const code = source[i] as number;
      if (code > 127) return fromUtf8.decode(source.subarray(from, from + size));
      text += String.fromCharCode(code);
    }
    return text;
  }

  digits(): string {
    const size = this.varint();
    const from = this.take((size + 1) >> 1);
    let text = "";
    for (let i = 0; i < size; i++) {
      const pair = this.source[from + (i >> 1)] as number;
      text += String.fromCharCode(48 + (i % 2 === 0 ? pair >> 4 : pair & 15));
    }
    return text;
  }

  /** Throws unless everything was read: left-over bytes mean that writer and reader disagree. */
  end(): void {
    const left = this.stop - this.next;
    if (left !== 0) throw new RangeError(`the state has ${left} bytes more than expected`);
  }

  private longVarint(first: number): number {
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    for (let unit = 2 ** 28; ; unit *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }

  private take(size: number): number {
    const at = this.next;
    if (at + size > this.stop) this.fail(size);
    this.next = at + size;
    return at;
  }

  private fail(size: number): never {
    throw new RangeError(`the state ends at byte ${this.stop}, ${size} more expected at ${this.next}`);
  }
}

function uint32At(buffer: Uint8Array, at: number): number {
  const high = ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
  const low = ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number);
  return ((high << 16) | low) >>> 0;
}
