/** The items in one object's bytes, as an ItemReader reads them. Compressed objects are known by their first bytes. */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Json } from "./json.ts";

export interface ReaderConfig {
  readonly InputType?: "CSV" | "JSON" | "JSONL" | "MANIFEST";
  readonly ManifestType?: "ATHENA_DATA" | "S3_INVENTORY";
  readonly Transformation?: "NONE" | "LOAD_AND_FLATTEN";
  readonly ItemsPointer?: string;
  readonly CSVHeaderLocation?: "FIRST_ROW" | "GIVEN";
  readonly CSVHeaders?: readonly string[];
  readonly CSVDelimiter?: keyof typeof csvDelimiters;
}

export const csvDelimiters = { COMMA: ",", PIPE: "|", SEMICOLON: ";", SPACE: " ", TAB: "\t" };
export const inputTypes = ["CSV", "JSON", "JSONL", "MANIFEST"];

/** Throws a SyntaxError that names the object, and the line where there are lines. */
export function itemsIn(stored: Buffer, config: ReaderConfig, source: string): readonly Json[] {
  const bytes = unpacked(stored);
  if (config.InputType === "CSV") return csvItems(bytes, config);
  if (config.InputType === "JSONL") return lineItems(bytes, source);
  return jsonItems(bytes, config.ItemsPointer ?? "", source);
}

function unpacked(bytes: Buffer): Buffer {
  const magic = bytes.subarray(0, 4).toString("hex");
  if (magic.startsWith("1f8b")) return gunzipSync(bytes);
  return magic === "28b52ffd" ? zstdDecompressSync(bytes) : bytes;
}

function lineItems(bytes: Buffer, source: string): readonly Json[] {
  const items: Json[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(10, start);
    const end = found === -1 ? bytes.length : found;
    const text = bytes.toString("utf8", start, end).trim();
    line++;
    if (text !== "") items.push(parsed(text, `${source}, line ${line}`));
    start = end + 1;
  }
  return items;
}

/** A pointer (RFC 6901) leads to the list inside. */
function jsonItems(bytes: Buffer, pointer: string, source: string): readonly Json[] {
  let value = parsed(bytes.toString(), source);
  for (const token of pointer.split("/").slice(1)) {
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    value = (value as Record<string, Json> | null)?.[name] ?? null;
  }
  if (Array.isArray(value)) return value as readonly Json[];
  throw new SyntaxError(`${source}: expected a list${pointer === "" ? "" : ` at ${pointer}`}.`);
}

function parsed(text: string, place: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new SyntaxError(`${place}: this is no JSON: ${(error as Error).message}`);
  }
}

/** Values stay texts; a field that a row does not have is empty. */
function csvItems(bytes: Buffer, { CSVHeaderLocation, CSVHeaders, CSVDelimiter = "COMMA" }: ReaderConfig) {
  const rows = rowsOf(bytes, csvDelimiters[CSVDelimiter]);
  const isGiven = CSVHeaderLocation === "GIVEN";
  const headers = (isGiven ? CSVHeaders : rows[0]) ?? [];
  return rows
    .slice(isGiven ? 0 : 1)
    .map((row) => Object.fromEntries(headers.map((header, at) => [header, row[at] ?? ""])));
}

/** RFC 4180: fields in quotes may hold the delimiter, line ends, and quotes written twice. */
export function rowsOf(stored: Buffer, delimiter: string): readonly (readonly string[])[] {
  const text = unpacked(stored)
    .toString()
    .replace(/^\uFEFF/, "");
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    const { value, end } = text[at] === '"' ? quoted(text, at) : plain(text, at, delimiter);
    row.push(value);
    const isLineEnd = text[end] !== delimiter;
    if (isLineEnd && end < text.length && !"\r\n".includes(text[end] as string))
      throw new SyntaxError(`After the CSV field "${value}" a delimiter or the end of its line must come.`);
    if (isLineEnd) {
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
    }
    at = text.startsWith("\r\n", end) ? end + 2 : end + 1;
    // A delimiter at the very end has an empty field after it.
    if (!isLineEnd && at >= text.length) rows.push([...row, ""]);
  }
  return rows;
}

function plain(text: string, start: number, delimiter: string): { readonly value: string; readonly end: number } {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && text[end] !== "\r") end++;
  return { value: text.slice(start, end), end };
}

function quoted(text: string, start: number): { readonly value: string; readonly end: number } {
  let value = "";
  for (let from = start + 1; ; ) {
    const close = text.indexOf('"', from);
    if (close === -1) throw new SyntaxError('A CSV field that begins with " does not end with one.');
    value += text.slice(from, close);
    if (text[close + 1] !== '"') return { value, end: close + 1 };
    value += '"';
    from = close + 2;
  }
}

/** Of `s3://bucket/key`. */
export function insideBucket(address: string): { readonly bucket: string; readonly key: string } {
  const match = /^s3:\/\/([^/]+)\/(.+)$/.exec(address);
  if (match === null) throw new SyntaxError(`Expected the address of an object, s3://bucket/key, got ${address}.`);
  return { bucket: match[1] as string, key: match[2] as string };
}
