import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseDevOptions } from "../cli/dev/options.ts";
import type { SourceRecord } from "../cli/input/record.ts";
import { CALL_LIMIT_BYTES, CALL_LIMIT_RECORDS, inCalls, paced } from "../cli/send/calls.ts";
import { type Entry, sizeBytes, toEntry } from "../cli/send/entry.ts";
import { HELP } from "../cli/send/help.ts";
import { parseOptions } from "../cli/send/options.ts";
import { SEND_TRIES, sendInOrder } from "../cli/send/send-in-order.ts";
import { UserError } from "../cli/user-error.ts";
import { virtualClock } from "../local/clock.ts";
import { createKinesis, type Kinesis } from "../local/kinesis/service.ts";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import { type Server, startServer } from "../local/server.ts";
import { shopDir } from "./shop.ts";

describe("sending", () => {
  it("sends every record once, and what was refused again, so that records of one key change places only within one call", async () => {
    const keys = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        keys,
        fc.array(fc.boolean(), { maxLength: 100 }),
        fc.integer({ min: 1, max: 7 }),
        async (drawn, refusals, size) => {
          const stream: Entry[] = [];
          const put = async (entries: readonly Entry[]) =>
            entries.map((entry) => {
              if (refusals.pop() === true) return "ProvisionedThroughputExceededException";
              stream.push(entry);
              return null;
            });
          const entries = drawn.map((partitionKey, i) => entryOf(i, partitionKey));
          for (let from = 0; from < entries.length; from += size) {
            await sendInOrder(entries.slice(from, from + size), { put, pause: noPause });
          }
          const callOf = (entry: Entry) => Math.floor(entry.source.line / size);
          expect(stream.toSorted(byLine)).toEqual(entries.filter((entry) => stream.includes(entry)));
          expect(new Set(stream).size).toBe(stream.length);
          expect(stream.map(callOf)).toEqual(stream.map(callOf).toSorted((a, b) => a - b));
        },
      ),
    );
  });

  it("gives up after its tries and says which record was refused and why", async () => {
    let offers = 0;
    const put = async (entries: readonly Entry[]) =>
      entries.map(({ partitionKey }) => {
        if (partitionKey !== "hot") return null;
        offers++;
        return "ProvisionedThroughputExceededException";
      });
    const [cold, hot] = [entryOf(1, "cold"), entryOf(2, "hot")];
    expect(await sendInOrder([cold, hot], { put, pause: noPause })).toEqual({
      sent: 1,
      retried: SEND_TRIES - 1,
      failed: [{ entry: hot, cause: "ProvisionedThroughputExceededException" }],
    });
    expect(offers).toBe(SEND_TRIES);
  });

  it("fills calls in order within the limits of PutRecords, and holds no more than a second of the rate", async () => {
    const lengths = fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 400_000, max: 1_048_000 })), {
      maxLength: 30,
      size: "max",
    });
    await fc.assert(
      fc.asyncProperty(lengths, fc.option(fc.integer({ min: 1, max: 20 })), async (sizes, rate) => {
        const entries = sizes.map((size, i) => entryOf(i, "k", Buffer.alloc(size)));
        const calls = await collect(inCalls(streamOf(entries), rate));
        expect(calls.flat()).toEqual(entries);
        for (const call of calls) {
          expect(call.length).toBeLessThanOrEqual(rate ?? CALL_LIMIT_RECORDS);
          expect(call.reduce((sum, entry) => sum + sizeBytes(entry), 0)).toBeLessThanOrEqual(CALL_LIMIT_BYTES);
        }
      }),
    );
    const many = Array.from({ length: 1201 }, (_, i) => entryOf(i, "k"));
    expect((await collect(inCalls(streamOf(many), null))).map(({ length }) => length)).toEqual([500, 500, 201]);
  });

  it("keeps to the rate by the clock: no call goes before those ahead of it have had their time", async () => {
    let nowMs = 1_000;
    const sleep = async (ms: number) => {
      nowMs += ms;
    };
    const clock = { now: () => nowMs, sleep };
    const calls = [10, 10, 5, 10].map((length) => Array.from({ length }, (_, i) => entryOf(i, "k")));
    const wentMs: number[] = [];
    for await (const _ of paced(streamOf(calls), 10, clock)) {
      wentMs.push(nowMs);
      nowMs += 300;
    }
    expect(wentMs).toEqual([1000, 2000, 3000, 3500]);
  });
});

describe("an entry", () => {
  const schema = {
    columns: [{ name: "user_id", path: ["who", "id"], type: "string", required: true, sensitive: false }],
  } as const;
  const entry = (value: unknown, isJson = true) =>
    toEntry(
      { file: "f", line: 1, bytes: Buffer.from("as found"), isJson, content: { kind: "value", value } },
      { partitionKey: "user_id" },
      schema,
    );

  it("is keyed by the field that the definitions name, wherever it stands, and keeps the bytes of the file", () => {
    expect(entry({ who: { id: "u1" } })).toMatchObject({
      entry: { partitionKey: "u1", data: Buffer.from("as found") },
    });
  });

  it("is a JSON object where the file has none", () => {
    expect(entry({ who: { id: "u1" } }, false)).toMatchObject({ entry: { data: Buffer.from('{"who":{"id":"u1"}}') } });
  });

  it("is refused without a usable key, and above what Kinesis takes", () => {
    for (const value of [{}, null, [], "x", { who: "u1" }, { who: { id: 7 } }, { who: { id: "" } }]) {
      expect(entry(value)).toMatchObject({
        kind: "problem",
        problem: expect.stringContaining("expected text in who.id"),
      });
    }
    expect(entry({ who: { id: "ü".repeat(256) } }).kind).toBe("entry");
    expect(entry({ who: { id: "ü".repeat(257) } }).kind).toBe("problem");
    expect(entry({ who: { id: "u" }, text: "x".repeat(1024 * 1024) }, false)).toMatchObject({
      problem: expect.stringContaining("at most 1 MiB"),
    });
  });

  it("is refused with the reader's words where the file could not be read", () => {
    const record: SourceRecord = {
      file: "f",
      line: 1,
      bytes: Buffer.from("{"),
      isJson: true,
      content: { kind: "problem", problem: "not JSON" },
    };
    expect(toEntry(record, { partitionKey: "user_id" }, schema)).toEqual({ kind: "problem", problem: "not JSON" });
  });
});

describe("the options of npm run send", () => {
  const parse = (line: string) => parseOptions(line.split(" "), "/here");

  it("are explained with the port that npm run dev listens on", () => {
    expect(HELP).toContain(`http://127.0.0.1:${parseDevOptions([], "/", "/")?.port}`);
  });

  it("take a stack or an endpoint, and files from where the person stands", () => {
    expect(parse("--stack prod --input a.ndjson b.csv.gz --rate 50")).toEqual({
      destination: { kind: "stack", name: "prod", stream: null },
      inputs: [
        { name: "a.ndjson", path: "/here/a.ndjson" },
        { name: "b.csv.gz", path: "/here/b.csv.gz" },
      ],
      rate: 50,
      definitionsDir: null,
    });
    expect(parse("--endpoint http://127.0.0.1:4747 --input a")?.destination).toMatchObject({ stream: "event-stream" });
    expect(parse("--help")).toBeNull();
  });

  it.each([
    ["--input a", "Send to where?"],
    ["--stack s", "What should be sent?"],
    ["--stack s --endpoint http://x --input a", "two destinations"],
    ["--endpoint 127.0.0.1:4747 --input a", "expected a URL such as http://127.0.0.1:4747,"],
    ["--stack s --input a --rate 0", "--rate: expected a whole number"],
    ["--stack s a", 'What is "a"?'],
    ["--stak s --input a", "Unknown option '--stak'"],
  ])("refuse %j with one sentence and exit code 2", (line, message) => {
    expect(() => parse(line)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining(message) }),
    );
    expect(() => parse(line)).toThrow(UserError);
  });
});

describe("npm run send against the local runtime", () => {
  let kinesis: Kinesis;
  let server: Server;
  let stream: Stream;
  let folder: string;
  const clock = virtualClock(Date.UTC(2026, 0, 2));
  const none = { handle: () => {} };

  beforeAll(async () => {
    kinesis = createKinesis({ clock });
    server = await startServer({ clock, services: { kinesis, dynamodb: none, s3: none } });
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "millrace-send-"));
    const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream";
    stream = createStream({ name: "event-stream", arn, shardCount: 3, retentionHours: 24, clock });
    kinesis.add(stream);
  });
  afterEach(() => {
    kinesis.remove("event-stream");
    rmSync(folder, { recursive: true });
  });

  it("puts every event of every kind of file on the stream, in order within each shard, keyed by user", async () => {
    const lines = Array.from({ length: 1200 }, (_, i) => JSON.stringify({ event_id: `e${i}`, user_id: `u${i % 7}` }));
    writeFileSync(join(folder, "a.ndjson"), lines.join("\n"));
    writeFileSync(join(folder, "b.json.gz"), gzipSync('[{"event_id":"b1","user_id":"u1"}]'));
    writeFileSync(join(folder, "c.csv"), "event_id,user_id\nc1,u1\n");
    const { code, stdout } = await send(["--input", "a.ndjson", "b.json.gz", "c.csv"]);
    expect(stdout).toContain("1202 records sent to event-stream, 0 sent again, 0 refused, 0 that cannot be sent.");
    expect(code).toBe(0);

    const stored = stream.shards().map((shard) => shard.read(null, 10_000, 10_000_000));
    const sent = stored.flat().map(({ partitionKey, data }) => ({ partitionKey, text: data.toString() }));
    const expected = [...lines, '{"event_id":"b1","user_id":"u1"}', '{"event_id":"c1","user_id":"u1"}'];
    expect(sent.map(({ text }) => text).toSorted()).toEqual(expected.toSorted());
    for (const { partitionKey, text } of sent) expect(JSON.parse(text).user_id).toBe(partitionKey);
    for (const records of stored) {
      const order = records.map(({ data }) => expected.indexOf(data.toString()));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
  });

  it("sends what it can, names the lines that it cannot, and exits with 1", async () => {
    writeFileSync(join(folder, "a.ndjson"), '{"user_id":"u1"}\nno json\n{"user":"u2"}\n');
    const { code, stdout } = await send(["--input", "a.ndjson"]);
    expect(stdout).toContain("1 records sent to event-stream, 0 sent again, 0 refused, 2 that cannot be sent.");
    expect(stdout).toContain("a.ndjson, line 2: not JSON");
    expect(stdout).toContain("a.ndjson, line 3: no partition key: expected text in user_id, found nothing");
    expect(code).toBe(1);
  });

  it.each([
    [["--input", "missing.ndjson"], "Cannot read missing.ndjson: there is no such file"],
    [["--stream", "other", "--input", "a.ndjson"], "Cannot send to stream other"],
    [
      ["--endpoint", "http://127.0.0.1:9", "--input", "a.ndjson"],
      /nothing answers there \(.+\)\. Is the local runtime up \(npm run dev\), and http:\/\/127\.0\.0\.1:9 its address\?\n$/,
    ],
    [
      ["--stack", "nope", "--input", "a.ndjson"],
      /^Cannot ask AWS for stack nope: nothing answers there \(.+\)\. Check its name, your region, your credentials and your network\.\n$/,
    ],
  ])("says in one message what is wrong with %j, without a stack trace", async (args, message) => {
    writeFileSync(join(folder, "a.ndjson"), '{"user_id":"u1"}\n');
    const { code, stderr } = await send(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(1);
  });

  function send(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const endpoint = args.includes("--endpoint") || args.includes("--stack") ? [] : ["--endpoint", server.url];
    const child = spawn(process.execPath, ["cli/send.ts", "--definitions", shopDir, ...endpoint, ...args], {
      env: { ...process.env, MILLRACE_CWD: folder, ...awsWithoutNetwork },
    });
    const said = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (chunk) => {
        said[name] += chunk;
      });
    }
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...said })));
  }
});

function entryOf(line: number, partitionKey: string, data: Uint8Array = Buffer.from(String(line))): Entry {
  return { source: { file: "f", line }, partitionKey, data };
}

async function* streamOf<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** For what asks AWS: nothing listens there. */
const awsWithoutNetwork = {
  AWS_ENDPOINT_URL: "http://127.0.0.1:9",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "a",
  AWS_SECRET_ACCESS_KEY: "b",
};
const noPause = () => Promise.resolve();
const byLine = (a: Entry, b: Entry) => a.source.line - b.source.line;
