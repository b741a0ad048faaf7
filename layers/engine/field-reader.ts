import { expectInOrder, type FieldTree, fieldTree, longestToken, numberOf, type Token } from "./field-tree.ts";
import { CLOSE_OBJECT, COLON, COMMA, JsonScanner, OPEN_OBJECT, QUOTE } from "./json-scanner.ts";
import { identityFingerprintAt } from "./md5.ts";
import type { StreamRecord } from "./position.ts";
import type { Column, Fields, Scalar } from "./schema.ts";
import { parseTime } from "./time.ts";

/**
 * Finds the declared fields of an event in the bytes of its record. Half of what JSON.parse does for an event is to make texts and
 * objects that no view looks at: here a field is a place, and becomes a value when somebody asks.
 *
 * It reads what nearly every producer sends: plain ASCII, no escapes, no field twice. Of anything else it says that it cannot, and
 * JSON.parse has the word: what is read here is what JSON.parse would have read, never more.
 */

/** What stands in the place of a field. Absent is 0. */
const TEXT = 1;
const NULL = 2;
/** An object whose fields are declared. */
const OPENED = 3;
const NUMBER = 4;
/** Another object, a list, true or false. */
const OTHER = 5;

/** Bytes and records that are looked at in one go: their text is made by one call. */
const LOAD_BYTES = 64 * 1024;
const LOAD_RECORDS = 100;
/** A larger record is left to JSON.parse. */
const MOST_BYTES = 16 * 1024;
/** Where most records of a full load could not be read, the next are likely of the same kind: so many loads are left to JSON.parse. */
const SKIPPED_LOADS = 30;

const MINUS = 45;
const POINT = 46;
const ZULU = 90;
const USUAL_TIME = "2026-01-02T03:04:05.678Z";
const TENS = Array.from({ length: 16 }, (_, places) => 10 ** places);

/** One character for each byte, and ASCII for ASCII. */
const bytewise = new TextDecoder("latin1");

export class FieldReader extends JsonScanner implements Fields {
  private readonly root: FieldTree;
  private readonly kinds: Uint8Array;
  private readonly wanted: Uint8Array;
  /** A field's value is `text.slice(from, to)`, for a text without its quotes. */
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  /** The numbers of the two fields that an event's identity is made of, besides its time. */
  private readonly key: number;
  private readonly id: number;
  private readonly starts = new Int32Array(LOAD_RECORDS + 1);
  private readonly view: DataView;
  private source = "";
  /** How many records of the load could not be read. */
  private unread = 0;
  private loadsToSkip = 0;
  /** How the last usual time began, up to its minute and the colon behind it, and when that was (epoch ms). */
  private readonly minute = new Uint8Array(17);
  private minuteMs = 0;

  /** Fields are numbered in the order of the columns' paths, an object before what is in it. */
  constructor(columns: readonly Column[], wanted: ReadonlySet<string>, partitionKey: string, idColumn: string) {
    super();
    this.root = fieldTree();
    let count = 0;
    const numbers = columns.map(({ path }) => numberOf(this.root, path, () => count++));
    expectInOrder(this.root);
    this.kinds = new Uint8Array(count);
    this.from = new Int32Array(count);
    this.to = new Int32Array(count);
    this.wanted = new Uint8Array(count);
    columns.forEach(({ name }, i) => {
      if (wanted.has(name)) this.wanted[numbers[i] as number] = 1;
    });
    const numberOfColumn = (wantedName: string) => numbers[columns.findIndex(({ name }) => name === wantedName)] ?? -1;
    this.key = numberOfColumn(partitionKey);
    this.id = numberOfColumn(idColumn);
    // A token is compared without a look at where the bytes end.
    this.bytes = new Uint8Array(LOAD_BYTES + 1 + longestToken(this.root));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Takes in records from the one of a number on: the number of the first that must wait. */
  load(records: readonly StreamRecord[], first: number): number {
    if (this.unread * 2 > LOAD_RECORDS) this.loadsToSkip = SKIPPED_LOADS;
    else if (this.loadsToSkip > 0) this.loadsToSkip--;
    const mostBytes = this.loadsToSkip > 0 ? 0 : MOST_BYTES;
    this.unread = 0;
    let size = 0;
    let next = first;
    for (; next < records.length && next - first < LOAD_RECORDS && size <= LOAD_BYTES - MOST_BYTES; next++) {
      const { data } = records[next] as StreamRecord;
      if (data.length <= mostBytes) {
        this.bytes.set(data, size);
        size += data.length;
      }
      this.starts[next - first + 1] = size;
    }
    this.bytes[size] = 0;
    this.source = bytewise.decode(this.bytes.subarray(0, size));
    return next;
  }

  /** Finds the fields of the record of a number among those that were taken in; false when JSON.parse has to. */
  find(record: number): boolean {
    this.at = this.starts[record] as number;
    this.end = this.starts[record + 1] as number;
    if (this.at === this.end) return false;
    const isFound = this.findAll();
    if (!isFound) this.unread++;
    return isFound;
  }

  /**
   * `identityFingerprint` of the record that was found, whose row has this key and this id; null where they are not what stands in
   * the bytes: a text of a column of JSON text is there without its quotes.
   */
  identity(rowKey: Scalar, rowId: Scalar, timeMs: number): { readonly high: number; readonly low: number } | null {
    const { key, id, from, to } = this;
    if (!this.isAsWritten(key, rowKey) || !this.isAsWritten(id, rowId)) return null;
    return identityFingerprintAt(
      this.bytes,
      from[key] as number,
      to[key] as number,
      from[id] as number,
      to[id] as number,
      timeMs,
    );
  }

  has(field: number): boolean {
    return this.kinds[field] !== 0;
  }

  isNull(field: number): boolean {
    return this.kinds[field] === NULL;
  }

  isText(field: number, least: number, most: number): boolean {
    const length = (this.to[field] as number) - (this.from[field] as number);
    return this.kinds[field] === TEXT && length >= least && length <= most;
  }

  text(field: number): string | null {
    return this.kinds[field] === TEXT && this.wanted[field] === 1 ? this.slice(field) : null;
  }

  isObject(field: number): boolean {
    return this.kinds[field] === OTHER && this.bytes[this.from[field] as number] === OPEN_OBJECT;
  }

  json(field: number): string | null {
    return this.wanted[field] === 1 && this.kinds[field] === OTHER ? JSON.stringify(this.value(field)) : null;
  }

  value(field: number): unknown {
    switch (this.kinds[field]) {
      case TEXT:
        return this.slice(field);
      case NUMBER:
        return this.number(field);
      case OTHER:
        return JSON.parse(this.slice(field));
      case OPENED:
        return OPENED_OBJECT;
      default:
        return this.has(field) ? null : undefined;
    }
  }

  time(field: number): number | null {
    const from = this.from[field] as number;
    const isUsual = (this.to[field] as number) - from === USUAL_TIME.length && this.bytes[from + 23] === ZULU;
    const ofMinuteMs = isUsual ? this.ofMinuteMs(from) : -1;
    if (ofMinuteMs >= 0 && this.isLastMinute(from)) return this.minuteMs + ofMinuteMs;
    const timeMs = parseTime(this.slice(field));
    if (timeMs === null || ofMinuteMs < 0) return timeMs;
    this.minuteMs = timeMs - ofMinuteMs;
    this.minute.set(this.bytes.subarray(from, from + this.minute.length));
    return timeMs;
  }

  /** Whether a row's text is the one in the bytes, of which it is made. */
  private isAsWritten(field: number, text: Scalar): boolean {
    if (this.kinds[field] !== TEXT || typeof text !== "string") return false;
    return text.length === (this.to[field] as number) - (this.from[field] as number);
  }

  /** Milliseconds since the minute began of a time of the usual length; -1 where they are written otherwise. */
  private ofMinuteMs(from: number): number {
    const { bytes } = this;
    let digits = 0;
    for (let i = 17; i < 23; i++) {
      const byte = bytes[from + i] as number;
      if (i === 19 ? byte !== POINT : byte < 48 || byte > 57) return -1;
      if (i !== 19) digits = digits * 10 + byte - 48;
    }
    // Second 60 is rare, and not in every minute.
    return digits < 60_000 ? digits : -1;
  }

  /** Whether a time begins as the last one did, up to its minute: events of a stream mostly do. */
  private isLastMinute(from: number): boolean {
    const { bytes, minute } = this;
    for (let i = 0; i < minute.length; i++) if (bytes[from + i] !== minute[i]) return false;
    return true;
  }

  /** Up to fifteen digits and a power of ten are whole numbers that a double holds, and so its division gives the nearest one. */
  private number(field: number): number {
    const { bytes } = this;
    const to = this.to[field] as number;
    const from = this.from[field] as number;
    if (to - from > 15) return Number(this.slice(field));
    const isNegative = bytes[from] === MINUS;
    let digits = 0;
    let point = to - 1;
    for (let at = isNegative ? from + 1 : from; at < to; at++) {
      const byte = bytes[at] as number;
      if (byte === POINT) point = at;
      else if (byte >= 48 && byte <= 57) digits = digits * 10 + byte - 48;
      else return Number(this.slice(field));
    }
    const magnitude = digits / (TENS[to - 1 - point] as number);
    return isNegative ? -magnitude : magnitude;
  }

  private findAll(): boolean {
    const { kinds } = this;
    for (let i = 0; i < kinds.length; i++) kinds[i] = 0;
    if (this.next() !== OPEN_OBJECT || !this.findIn(this.root)) return false;
    return this.at === this.end || (this.next() === 0 && this.at === this.end);
  }

  private slice(field: number): string {
    return this.source.slice(this.from[field], this.to[field]);
  }

  private findIn(node: FieldTree): boolean {
    const { tokens, following } = node;
    this.at++;
    if (this.next() === CLOSE_OBJECT) {
      this.at++;
      return true;
    }
    let before = tokens.length;
    while (this.at < this.end) {
      let which = following[before] as number;
      if (!this.isToken(tokens[which] as Token)) {
        which = this.lookUp(node);
        if (which === DAMAGED) return false;
        if (which !== UNDECLARED) following[before] = which;
      }
      const first = this.next();
      if (which === UNDECLARED) {
        if (!this.skipValue(first)) return false;
      } else {
        if (!this.place(node, which, first)) return false;
        before = which;
      }
      const byte = this.next();
      this.at++;
      if (byte !== COMMA) return byte === CLOSE_OBJECT;
      this.next();
    }
    return false;
  }

  /** Notes where the value of a declared field stands. A field that comes twice is not for this reader. */
  private place({ fields, children }: FieldTree, which: number, first: number): boolean {
    const field = fields[which] as number;
    const { kinds, from, to } = this;
    if (kinds[field] !== 0) return false;
    const start = this.at;
    if (first === QUOTE) {
      kinds[field] = TEXT;
      from[field] = start + 1;
      const isWhole = this.skipText();
      to[field] = this.at - 1;
      return isWhole;
    }
    const child = children[which] as FieldTree | null;
    if (first === OPEN_OBJECT && child !== null) {
      kinds[field] = OPENED;
      return this.findIn(child);
    }
    kinds[field] = first === 110 ? NULL : first < 58 ? NUMBER : OTHER;
    from[field] = start;
    const isWhole = this.skipValue(first);
    to[field] = this.at;
    return isWhole;
  }

  private isToken({ words, size }: Token): boolean {
    const { view, at } = this;
    const last = words.length - 1;
    for (let i = 0; i < last; i++) if (view.getInt32(at + i * 4, true) !== words[i]) return false;
    if (view.getInt32(at + size - 4, true) !== words[last]) return false;
    this.at = at + size;
    return true;
  }

  /** Reads a name and the colon behind it: which of the node's fields it is. */
  private lookUp({ names }: FieldTree): number {
    const from = this.at + 1;
    if (this.bytes[this.at] !== QUOTE || !this.skipText()) return DAMAGED;
    const name = this.source.slice(from, this.at - 1);
    if (this.next() !== COLON) return DAMAGED;
    this.at++;
    return names.indexOf(name);
  }
}

const UNDECLARED = -1;
const DAMAGED = -2;
/** Stands for an object of which one asks by the numbers of its fields. */
const OPENED_OBJECT = Object.freeze({});
