/**
 * MD5 (RFC 1321), because DuckDB and Athena compute it too: a fingerprint made here equals one made in SQL. It is used to tell
 * events and values apart, never for security. Plain JavaScript, because the engine imports nothing.
 */
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 0x1_0000_0000));

const utf8 = new TextEncoder();
let padded = new Uint8Array(256);
let words = new DataView(padded.buffer);
const block = new Int32Array(16);
const digest = new Int32Array(4);

/** The first 64 bits of the digest of a text's UTF-8 form, as two unsigned 32-bit numbers (the first 16 hex digits). */
export function fingerprint(text: string): { readonly high: number; readonly low: number } {
  hash(padText(text));
  return { high: bigEndian(digest[0] as number), low: bigEndian(digest[1] as number) };
}

/** The first 48 bits of the digest of a text's UTF-8 form, as a number (the first 12 hex digits). */
export function hash48(text: string): number {
  hash(padText(text));
  return bigEndian(digest[0] as number) * 0x1_0000 + (bigEndian(digest[1] as number) >>> 16);
}

/** The 32 hex digits of the digest. */
export function md5Hex(bytes: Uint8Array): string {
  grow(bytes.length);
  padded.set(bytes);
  hash(pad(bytes.length));
  return Array.from(digest, (word) => bigEndian(word).toString(16).padStart(8, "0")).join("");
}

function padText(text: string): number {
  grow(text.length * 3);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return pad(utf8.encodeInto(text, padded).written);
    padded[i] = code;
  }
  return pad(text.length);
}

function grow(length: number): void {
  if (length + 72 <= padded.length) return;
  padded = new Uint8Array((length + 72) * 2);
  words = new DataView(padded.buffer);
}

/** Appends the padding of RFC 1321 to `length` bytes; the padded size. */
function pad(length: number): number {
  const size = ((length + 8) >> 6) * 64 + 64;
  padded.fill(0, length, size);
  padded[length] = 0x80;
  words.setUint32(size - 8, (length << 3) >>> 0, true);
  words.setUint32(size - 4, Math.floor(length / 0x2000_0000), true);
  return size;
}

function hash(size: number): void {
  digest[0] = 0x67452301;
  digest[1] = 0xefcdab89 | 0;
  digest[2] = 0x98badcfe | 0;
  digest[3] = 0x10325476;
  for (let from = 0; from < size; from += 64) {
    for (let i = 0; i < 16; i++) block[i] = words.getInt32(from + i * 4, true);
    rounds();
  }
}

function rounds(): void {
  let a = digest[0] as number;
  let b = digest[1] as number;
  let c = digest[2] as number;
  let d = digest[3] as number;
  for (let i = 0; i < 64; i++) {
    let f: number;
    let g: number;
    if (i < 16) {
      f = (b & c) | (~b & d);
      g = i;
    } else if (i < 32) {
      f = (d & b) | (~d & c);
      g = (5 * i + 1) & 15;
    } else if (i < 48) {
      f = b ^ c ^ d;
      g = (3 * i + 5) & 15;
    } else {
      f = c ^ (b | ~d);
      g = (7 * i) & 15;
    }
    const sum = (a + f + (SINES[i] as number) + (block[g] as number)) | 0;
    const shift = SHIFTS[((i >> 4) << 2) | (i & 3)] as number;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  digest[0] = ((digest[0] as number) + a) | 0;
  digest[1] = ((digest[1] as number) + b) | 0;
  digest[2] = ((digest[2] as number) + c) | 0;
  digest[3] = ((digest[3] as number) + d) | 0;
}

/** The unsigned number that a little-endian word spells in the printed digest. */
function bigEndian(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
