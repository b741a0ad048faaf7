import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { readCsv, splitRow } from "../cli/input/csv.ts";
import { openInput } from "../cli/input/files.ts";
import { readJsonArray } from "../cli/input/json-array.ts";
import { readNdjson } from "../cli/input/ndjson.ts";
import type { SourceRecord } from "../cli/input/record.ts";

describe("reading people's files", () => {
  it("reads NDJSON line by line, counts blank lines, and keeps a broken line as the bytes it is", async () => {
    const records = await collect(readNdjson("a", chunks('{"a":1}\r\n\n{"a":\n[2]')));
    expect(records.map(({ line, bytes }) => [line, Buffer.from(bytes).toString()])).toEqual([
      [1, '{"a":1}'],
      [3, '{"a":'],
      [4, "[2]"],
    ]);
    expect(records.map(({ content }) => content.kind)).toEqual(["value", "problem", "value"]);
  });

  it("calls a line that is not UTF-8 a problem and keeps its bytes", async () => {
    const bytes = Buffer.from([0x22, 0xff, 0x22]);
    const [record] = await collect(readNdjson("a", Readable.from([bytes])));
    expect(record?.content).toEqual({ kind: "problem", problem: "not UTF-8 text" });
    expect(Buffer.from(record?.bytes ?? [])).toEqual(bytes);
  });

  it("gives the same records however the bytes are cut into chunks", async () => {
    const samples = [
      { read: readNdjson, text: '{"a":"é"}\nnonsense\n\n{"b":[1,2]}\n' },
      { read: readJsonArray, text: '[{"a":"],}"},\n {"b":"\\""},\n 5, "x,y", [1,[2]]]' },
      { read: readCsv, text: 'a,b\n1,"x\ny"\n2,é\n"open,1\n3,4\n' },
    ];
    for (const { read, text } of samples) {
      const whole = await collect(read("f", chunks(text)));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
          expect(await collect(read("f", cut(Buffer.from(text), sizes)))).toEqual(whole);
        }),
      );
    }
  });

  it("cuts a JSON array into its elements with their lines, digits and all, and passes over none that is broken", async () => {
    const records = await collect(
      readJsonArray("a", chunks('[\n{"n":12345678901234567890},\n{"a":tru},\n\n{"b":"]"}\n,{"c":')),
    );
    expect(records.map(({ line, bytes, content }) => [line, Buffer.from(bytes).toString(), content.kind])).toEqual([
      [2, '{"n":12345678901234567890}', "value"],
      [3, '{"a":tru}', "problem"],
      [5, '{"b":"]"}', "value"],
      [6, '{"c":', "problem"],
    ]);
  });

  it("reads any array that JSON.stringify wrote, plain or indented", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { minLength: 1 }), fc.constantFrom(0, 2), async (values, indent) => {
        const records = await collect(readJsonArray("a", chunks(JSON.stringify(values, null, indent))));
        const read = records.map(({ content }) => (content.kind === "value" ? content.value : content));
        expect(read).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });

  it("reads CSV with quotes, commas and lines inside cells, and names the line where a record starts", async () => {
    const records = await collect(readCsv("a", chunks('a,b\n"x, ""y""","two\nlines"\n1,\n')));
    expect(records.map(({ line, content }) => [line, content])).toEqual([
      [2, { kind: "value", value: { a: 'x, "y"', b: "two\nlines" } }],
      [4, { kind: "value", value: { a: "1", b: "" } }],
    ]);
  });

  it("does not guess which cell is missing: a row of another length is a problem with its line", async () => {
    const records = await collect(readCsv("a", chunks("a,b,c\n1,2,3\n1,2\n1,2,3,4\n4,5,6\n")));
    expect(records.map(({ line, content }) => [line, content.kind === "problem" ? content.problem : "fine"])).toEqual([
      [2, "fine"],
      [3, "2 cells where the header has 3"],
      [4, "4 cells where the header has 3"],
      [5, "fine"],
    ]);
  });

  it("loses only the line with a quote that nobody closes", async () => {
    const records = await collect(readCsv("a", chunks('a,b\n1,"2\n3,4\n5,6\n')));
    expect(records.map(({ line, content }) => [line, content.kind])).toEqual([
      [2, "problem"],
      [3, "value"],
      [4, "value"],
    ]);
  });

  it("splits any row that was joined by the rules of CSV", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (cells) => {
        expect(splitRow(cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(","))).toEqual(cells);
      }),
    );
  });
});

describe("opening people's files", () => {
  it("reads the same records plain and gzipped, and tells the share that it has read", async () => {
    const text = 'a,b\n1,2\n"3",4\n';
    const plain = file("plain.csv", text);
    const zipped = file("zipped.csv.gz", gzipSync(text));
    const input = openInput([plain, zipped]);
    expect(input.readShare()).toBe(0);
    const records = await collect(input.records());
    expect(records.map(({ content }) => content).slice(0, 2)).toEqual(records.map(({ content }) => content).slice(2));
    expect(input.readShare()).toBe(1);
  });

  it.each([
    ["marked.ndjson", '{"a":1}\n{"a":2}\n', [{ a: 1 }, { a: 2 }]],
    ["marked.json", '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ["marked.csv", "a\n1\n", [{ a: "1" }]],
  ])("leaves out the byte order mark of %s", async (name, text, values) => {
    const records = await collect(openInput([file(name, `\uFEFF${text}`)]).records());
    expect(records.map(({ content }) => content)).toEqual(values.map((value) => ({ kind: "value", value })));
  });

  it.each([
    ["missing.csv", null, "Cannot read missing.csv: there is no such file."],
    ["empty.csv", "", "empty.csv is empty."],
    ["header.csv", "a,b\n", "header.csv holds no records."],
    ["plain.json.gz", "[1]", "plain.json.gz is called .gz but is not gzip."],
    ["damaged.json.gz", gzipSync("[1,2,3]").subarray(0, 20), "Cannot read damaged.json.gz: the gzip data"],
    ["cut.json", '[{"a":1},\n{"a":2},\n', 'cut.json ends at line 3 without the "]" of its array'],
    ["open.json", '[{"a":1}', 'open.json ends at line 1 without the "]"'],
    ["picture.png", "\x89PNG", "picture.png: cannot tell what this is."],
    ["twice.csv", "a,a\n1,2\n", 'twice.csv, line 1: the header names the column "a" twice.'],
  ])("says in one sentence what is wrong with %s", async (name, content, message) => {
    const path = content === null ? { name, path: join(folder, name) } : file(name, content);
    await expect((async () => collect(openInput([path]).records()))()).rejects.toThrow(message);
  });
});

const folder = mkdtempSync(join(tmpdir(), "millrace-input-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array) {
  writeFileSync(join(folder, name), content);
  return { name, path: join(folder, name) };
}

function chunks(text: string): AsyncIterable<Buffer> {
  return Readable.from([Buffer.from(text)]);
}

function cut(bytes: Buffer, sizes: readonly number[]): AsyncIterable<Buffer> {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Readable.from(pieces);
}

async function collect(records: AsyncIterable<SourceRecord>): Promise<SourceRecord[]> {
  const all: SourceRecord[] = [];
  for await (const record of records) all.push({ ...record, bytes: Buffer.from(record.bytes) });
  return all;
}
