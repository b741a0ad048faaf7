/**
 * Walks over JSON in bytes without making anything of it: the grammar of RFC 8259, for plain text only. A backslash, a byte beyond
 * ASCII or a nesting deeper than `MOST_LEVELS` is not read: then, as for what is no JSON at all, it answers false, and somebody else
 * (JSON.parse) has to tell.
 *
 * The bytes of many records lie one behind the other, so a damaged record may be read beyond its end: whoever uses this checks that
 * it ended where the record does. A class for the same reason as in bytes.ts: its fields stay in registers.
 */
const MOST_LEVELS = 32;

/** What ends a text, or is not plain: the quote, the backslash, control characters, and bytes beyond ASCII. */
const ENDS_TEXT = Uint8Array.from({ length: 256 }, (_, code) =>
  code < 32 || code === 34 || code === 92 || code > 127 ? 1 : 0,
);

export const QUOTE = 34;
export const COMMA = 44;
export const COLON = 58;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
export const OPEN_OBJECT = 123;
export const CLOSE_OBJECT = 125;

export class JsonScanner {
  /** A zero byte must stand behind the last record. */
  protected bytes = new Uint8Array(1);
  protected at = 0;
  protected end = 0;

  /** Passes over white space: the byte that follows, or 0 at the end. */
  protected next(): number {
    const byte = this.bytes[this.at] as number;
    return byte > 32 ? byte : this.nextAfterSpace();
  }

  /** Passes over a value that begins with `first`, where the scanner stands. */
  protected skipValue(first: number, levels = MOST_LEVELS): boolean {
    if (first === QUOTE) return this.skipText();
    if (first === OPEN_OBJECT || first === OPEN_LIST) return levels > 0 && this.skipNested(first, levels - 1);
    if (first === 110) return this.skipWord("null");
    if (first === 116) return this.skipWord("true");
    if (first === 102) return this.skipWord("false");
    return this.skipNumber();
  }

  /** Passes over a text, from quote to quote. */
  protected skipText(): boolean {
    const { bytes } = this;
    let at = this.at + 1;
    while (ENDS_TEXT[bytes[at] as number] === 0) at++;
    this.at = at + 1;
    return bytes[at] === QUOTE;
  }

  private nextAfterSpace(): number {
    const { bytes, end } = this;
    for (; this.at < end; this.at++) {
      const byte = bytes[this.at] as number;
      if (byte > 32) return byte;
      if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return 0;
    }
    return 0;
  }

  private skipNested(open: number, levels: number): boolean {
    const close = open === OPEN_LIST ? CLOSE_LIST : CLOSE_OBJECT;
    this.at++;
    let byte = this.next();
    if (byte === close) {
      this.at++;
      return true;
    }
    while (this.at < this.end) {
      if (close === CLOSE_OBJECT) {
        if (byte !== QUOTE || !this.skipText() || this.next() !== COLON) return false;
        this.at++;
        byte = this.next();
      }
      if (!this.skipValue(byte, levels)) return false;
      byte = this.next();
      this.at++;
      if (byte !== COMMA) return byte === close;
      byte = this.next();
    }
    return false;
  }

  private skipWord(word: string): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
    this.at = at + word.length;
    return true;
  }

  private skipNumber(): boolean {
    const { bytes } = this;
    if (bytes[this.at] === 45) this.at++;
    if (bytes[this.at] === 48) this.at++;
    else if (!this.skipDigits()) return false;
    if (bytes[this.at] === 46) {
      this.at++;
      if (!this.skipDigits()) return false;
    }
    if (((bytes[this.at] as number) | 32) !== 101) return true;
    this.at++;
    const sign = bytes[this.at];
    if (sign === 43 || sign === 45) this.at++;
    return this.skipDigits();
  }

  private skipDigits(): boolean {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    for (let byte = bytes[at] as number; byte >= 48 && byte <= 57; byte = bytes[at] as number) at++;
    this.at = at;
    return at > from;
  }
}
