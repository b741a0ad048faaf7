import { isUtf8 } from "node:buffer";
import { type Line, readLines } from "./lines.ts";
import type { Content, SourceRecord } from "./record.ts";

/** One JSON value per line. Blank lines are nothing; any other line is a record, readable or not. */
export async function* readNdjson(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<SourceRecord> {
  for await (const line of readLines(file, chunks)) {
    if (!isBlank(line))
      yield { file, line: line.number, bytes: line.bytes, isJson: true, content: parseJson(line.bytes) };
  }
}

export function parseJson(bytes: Buffer): Content {
  if (!isUtf8(bytes)) return { kind: "problem", problem: "not UTF-8 text" };
  try {
    return { kind: "value", value: JSON.parse(bytes.toString("utf8")) as unknown };
  } catch (error) {
    return { kind: "problem", problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

export function isBlank(line: Line): boolean {
  return line.bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
