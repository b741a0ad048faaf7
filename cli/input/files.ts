/**
 * People's files as one stream of records, in the order given. What can be checked before anything starts is checked before
 * anything starts: a run of minutes should not end at a misspelt name.
 */
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import { createGunzip } from "node:zlib";
import { UserError } from "../user-error.ts";
import { readCsv } from "./csv.ts";
import { readJsonArray } from "./json-array.ts";
import { readNdjson } from "./ndjson.ts";
import type { SourceRecord } from "./record.ts";

export interface InputFile {
  /** As the person wrote it: what messages call it. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly gzip: boolean;
}

export interface InputFiles {
  readonly files: readonly InputFile[];
  records(): AsyncGenerator<SourceRecord>;
  /** The share of all bytes read so far, from 0 to 1. */
  readShare(): number;
}

export function openInput(inputs: readonly { readonly name: string; readonly path: string }[]): InputFiles {
  const files = inputs.map(({ name, path }) => inspect(name, path));
  const totalBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let readBytes = 0;
  return {
    files,
    readShare: () => Math.min(1, readBytes / totalBytes),
    async *records() {
      for (const file of files) {
        yield* readFile(file, (sizeBytes) => {
          readBytes += sizeBytes;
        });
      }
    },
  };
}

function inspect(name: string, path: string): InputFile {
  const stats = attempt(name, () => statSync(path));
  if (!stats.isFile())
    throw new UserError(`${name} is not a file. Name the files one by one, or let the shell do it: ${name}/*`);
  if (stats.size === 0) throw new UserError(`${name} is empty. Expected NDJSON, a JSON array or CSV, plain or .gz.`);
  const start = attempt(name, () => readStart(path));
  const gzip = start[0] === 0x1f && start[1] === 0x8b;
  if (name.endsWith(".gz") && !gzip)
    throw new UserError(`${name} is called .gz but is not gzip. Rename it to what it is.`);
  return { name, path, sizeBytes: stats.size, gzip };
}

async function* readFile(file: InputFile, onRead: (sizeBytes: number) => void): AsyncGenerator<SourceRecord> {
  let count = 0;
  try {
    const chunks = fromFirst(bytesOf(file, onRead));
    const reader = readerFor(file, await chunks.first());
    for await (const record of reader(file.name, chunks.all())) {
      count++;
      yield record;
    }
  } catch (error) {
    throw error instanceof UserError ? error : unreadable(file.name, error);
  }
  if (count === 0)
    throw new UserError(`${file.name} holds no records. Expected NDJSON, a JSON array or CSV with a header line.`);
}

async function* bytesOf(file: InputFile, onRead: (sizeBytes: number) => void): AsyncGenerator<Buffer> {
  const plain = createReadStream(file.path, { highWaterMark: 256 * 1024 });
  plain.on("data", (chunk) => onRead(chunk.length));
  if (!file.gzip) return yield* plain as AsyncIterable<Buffer>;
  const unzipped = createGunzip();
  plain.on("error", (error) => unzipped.destroy(error));
  yield* plain.pipe(unzipped) as AsyncIterable<Buffer>;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Lets the first bytes be looked at before they are read, and leaves out a byte order mark, which is no part of any record. */
function fromFirst(chunks: AsyncGenerator<Buffer>) {
  const first = chunks.next().then((start) => {
    if (start.done !== true && start.value.subarray(0, 3).equals(BYTE_ORDER_MARK))
      start.value = start.value.subarray(3);
    return start;
  });
  return {
    first: async () => (await first).value ?? Buffer.alloc(0),
    async *all() {
      const start = await first;
      if (start.done !== true) yield start.value;
      yield* chunks;
    },
  };
}

function readerFor(file: InputFile, start: Buffer) {
  const name = basename(file.name).toLowerCase().replace(/\.gz$/, "");
  if (name.endsWith(".csv")) return readCsv;
  const text = start.toString("latin1").trimStart();
  if (text.startsWith("[")) return readJsonArray;
  if (/\.(json|jsonl|ndjson)$/.test(name) || text.startsWith("{")) return readNdjson;
  throw new UserError(
    `${file.name}: cannot tell what this is. Expected a name ending in .ndjson, .jsonl, .json or .csv, with or without .gz.`,
  );
}

function readStart(path: string): Buffer {
  const handle = openSync(path, "r");
  try {
    const start = Buffer.alloc(2);
    readSync(handle, start, 0, 2, 0);
    return start;
  } finally {
    closeSync(handle);
  }
}

function attempt<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unreadable(name, error);
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "you may not read it",
  EISDIR: "it is a folder",
  Z_BUF_ERROR: "the gzip data ends too early",
  Z_DATA_ERROR: "the gzip data is damaged",
};

function unreadable(name: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return new UserError(
    `Cannot read ${name}: ${MEANINGS[code] ?? (error instanceof Error ? error.message : String(error))}.`,
  );
}
