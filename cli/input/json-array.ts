/**
 * A JSON array as a stream of its elements: the text of each is cut out by counting brackets outside strings, so that a file of
 * any size is read with one element in memory, numbers keep all their digits, and one broken element does not hide the next.
 */
import { UserError } from "../user-error.ts";
import { tooLong } from "./lines.ts";
import { parseJson } from "./ndjson.ts";
import { MAX_RECORD_BYTES, type SourceRecord } from "./record.ts";

export async function* readJsonArray(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<SourceRecord> {
  const scanner = createScanner();
  for await (const chunk of chunks) {
    yield* scanner.scan(chunk).map((element) => toRecord(file, element));
    if (scanner.heldBytes() > MAX_RECORD_BYTES) throw tooLong(file, scanner.line());
  }
  // An array that ends inside an element: what was begun is a record that cannot be read, not nothing.
  yield* scanner.end().map((element) => toRecord(file, element));
  if (scanner.endsBetweenElements()) {
    throw new UserError(
      `${file} ends at line ${scanner.line()} without the "]" of its array: it was cut off, and what followed is missing. Get the whole file.`,
    );
  }
}

interface Element {
  readonly line: number;
  readonly bytes: Buffer;
}

function toRecord(file: string, { line, bytes }: Element): SourceRecord {
  return { file, line, bytes, isJson: true, content: parseJson(bytes) };
}

const [NEWLINE, QUOTE, COMMA, BACKSLASH] = [0x0a, 0x22, 0x2c, 0x5c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

function createScanner() {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let line = 1;
  let startLine = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;

  const hold = (piece: Buffer) => {
    if (piece.length === 0) return;
    held.push(piece);
    heldBytes += piece.length;
  };
  const release = (): Element[] => {
    const whole = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    const text = whole.toString("latin1");
    const lead = text.length - text.trimStart().length;
    const leadLines = text.slice(0, lead).split("\n").length - 1;
    const element = { line: startLine + leadLines, bytes: whole.subarray(lead, lead + text.trim().length) };
    startLine = line;
    return element.bytes.length === 0 ? [] : [element];
  };

  return {
    line: () => line,
    heldBytes: () => heldBytes,
    end: release,
    endsBetweenElements: () => depth === 1,
    scan(chunk: Buffer): Element[] {
      const elements: Element[] = [];
      let start = 0;
      for (let i = 0; i < chunk.length; i++) {
        const byte = chunk[i];
        if (byte === NEWLINE) line++;
        if (inString) {
          if (escaped) escaped = false;
          else if (byte === BACKSLASH) escaped = true;
          else if (byte === QUOTE) inString = false;
          continue;
        }
        if (byte === QUOTE) inString = true;
        else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
          if (depth++ === 0) start = i + 1;
        } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || byte === COMMA) {
          if (byte !== COMMA) depth--;
          // At depth 1 a comma, at depth 0 the array's own end: an element is complete.
          if (depth > 1 || (depth === 1 && byte !== COMMA)) continue;
          hold(chunk.subarray(start, i));
          elements.push(...release());
          start = i + 1;
        }
      }
      hold(chunk.subarray(start));
      return elements;
    },
  };
}
