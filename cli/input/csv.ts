/**
 * CSV (RFC 4180): a header line, then records, which may span lines inside quotes. Every value is text; a map turns text into
 * numbers. A row that does not have exactly the header's cells is a record that cannot be read: guessing which cell is missing
 * would put values under the wrong names.
 */
import { isUtf8 } from "node:buffer";
import { UserError } from "../user-error.ts";
import { type Line, readLines } from "./lines.ts";
import { isBlank } from "./ndjson.ts";
import type { Content, SourceRecord } from "./record.ts";

/** A quote that is still open after so many lines was never meant to be one. */
const MAX_LINES_PER_RECORD = 1_000;

export async function* readCsv(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<SourceRecord> {
  let header: readonly string[] | null = null;
  for await (const row of readRows(file, chunks)) {
    if (header === null) header = toHeader(file, row);
    else yield { file, line: row.number, bytes: row.bytes, isJson: false, content: toContent(header, row) };
  }
}

interface Row extends Line {
  /** A quote was opened on this line and nobody closed it. */
  readonly openQuote: boolean;
}

async function* readRows(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  const assembler = createAssembler();
  for await (const line of readLines(file, chunks)) yield* assembler.add(line);
  yield* assembler.end();
}

/** Puts lines together until every quote is closed. */
function createAssembler() {
  let open: Line[] = [];
  let inQuotes = false;

  function* add(line: Line): Generator<Row> {
    if (open.length === 0 && isBlank(line)) return;
    open.push(line);
    inQuotes = inQuotes !== hasOddQuotes(line.bytes);
    if (!inQuotes) {
      yield { ...join(open), openQuote: false };
      open = [];
    } else if (open.length >= MAX_LINES_PER_RECORD) yield* giveUp();
  }

  // Only the line with the open quote is lost to reading; those after it get their own chance.
  function* giveUp(): Generator<Row> {
    const [first, ...others] = open;
    open = [];
    inQuotes = false;
    if (first !== undefined) yield { ...first, openQuote: true };
    for (const line of others) yield* add(line);
  }

  function* end(): Generator<Row> {
    while (open.length > 0) yield* giveUp();
  }
  return { add, end };
}

function join(lines: readonly Line[]): Line {
  const [first] = lines as [Line, ...Line[]];
  if (lines.length === 1) return first;
  const newline = Buffer.from("\n");
  const pieces = lines.flatMap((line, i) => (i === 0 ? [line.bytes] : [newline, line.bytes]));
  return { number: first.number, bytes: Buffer.concat(pieces) };
}

function hasOddQuotes(bytes: Buffer): boolean {
  let quotes = 0;
  for (let at = bytes.indexOf(0x22); at >= 0; at = bytes.indexOf(0x22, at + 1)) quotes++;
  return quotes % 2 === 1;
}

function toHeader(file: string, row: Row): readonly string[] {
  const names = splitRow(row.bytes.toString("utf8"));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UserError(
      `${file}, line ${row.number}: the header names the column "${twice}" twice. Rename one of them.`,
    );
  return names;
}

function toContent(header: readonly string[], row: Row): Content {
  if (row.openQuote) return { kind: "problem", problem: "a quote is opened and never closed" };
  if (!isUtf8(row.bytes)) return { kind: "problem", problem: "not UTF-8 text" };
  const cells = splitRow(row.bytes.toString("utf8"));
  if (cells.length !== header.length) {
    return { kind: "problem", problem: `${cells.length} cells where the header has ${header.length}` };
  }
  return { kind: "value", value: Object.fromEntries(header.map((name, i) => [name, cells[i]])) };
}

/** The cells of one row: `a,"b,""c""",d` gives `a`, `b,"c"`, `d`. */
export function splitRow(text: string): string[] {
  if (!text.includes('"')) return text.split(",");
  const cells: string[] = [];
  let cell = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '"' && quoted && text[i + 1] === '"') {
      cell += '"';
      i++;
    } else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) {
      cells.push(cell);
      cell = "";
    } else cell += char;
  }
  return [...cells, cell];
}
