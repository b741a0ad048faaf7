import { UserError } from "../user-error.ts";
import { MAX_RECORD_BYTES } from "./record.ts";

export interface Line {
  readonly number: number;
  /** Without the line's end. */
  readonly bytes: Buffer;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Splits bytes into lines without decoding them: what a line holds stays exactly as it was found. */
export async function* readLines(file: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let number = 0;

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      yield { number: ++number, bytes: withoutReturn(rest.length === 0 ? piece : Buffer.concat([...rest, piece])) };
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      restBytes += chunk.length - start;
    }
    if (restBytes > MAX_RECORD_BYTES) throw tooLong(file, number + 1);
  }
  if (restBytes > 0) yield { number: ++number, bytes: withoutReturn(Buffer.concat(rest)) };
}

export function tooLong(file: string, line: number): UserError {
  const limit = MAX_RECORD_BYTES / 1024 / 1024;
  return new UserError(
    `${file}, line ${line}: a record of more than ${limit} MB. Expected one record per line: is this the right file?`,
  );
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}
