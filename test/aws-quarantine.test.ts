import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FirehoseClient } from "@aws-sdk/client-firehose";
import { S3Client } from "@aws-sdk/client-s3";
import {
  firehoseQuarantine,
  firehoseReturns,
  fromPayload,
  type Payload,
  type Sourced,
  unloadedRecords,
} from "@millrace/aws";
import type { Rejection } from "@millrace/engine";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

const START = Date.UTC(2026, 0, 2);
const LIMITS = { records: 500, callBytes: 4 * 1024 * 1024, recordBytes: 1000 * 1024 };

/** Firehose and S3 as far as quarantine needs them, on one port, with the limits that AWS enforces. */
const rows: string[] = [];
const objects = new Map<string, string>();
let refusals: (n: number) => "no" | "entry" | "call" = () => "no";
let objectsRefused = false;
let offered = 0;
let server: Server;
let firehose: FirehoseClient;
let s3: S3Client;

describe("unloadedRecords", () => {
  const unloaded = (object: object) => {
    const { subSequence, dataBase64, ...row } = object as Record<string, unknown>;
    const own = { ...row, subsequence: subSequence, ...(dataBase64 !== undefined && { database64: dataBase64 }) };
    return `${JSON.stringify(Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null)))}\n`;
  };
  const readBack = async (lines: readonly string[]) => {
    objects.set("/lake/work/rows", lines.map((line) => unloaded(JSON.parse(line))).join(""));
    const found: Sourced[] = [];
    for await (const one of unloadedRecords(s3, { bucket: "lake", key: "work/rows" })) found.push(one);
    return found;
  };

  it("gives each record with its exact bytes and verdict, those that were too large for Firehose too", async () => {
    const binary = Buffer.alloc(900_000, 0xff);
    const verdicts = [
      rejected(1, Buffer.from("x")),
      rejected(2, binary, { view: "by_user", stage: "fold", reason: "entity_over_limit" }),
      rejected(3, binary),
    ];
    expect(await quarantine().put(verdicts)).toEqual([]);
    expect(objects.size).toBe(2);
    const found = await readBack(rows);
    expect(found.map(({ record }) => record?.position)).toEqual(verdicts.map(({ record }) => record.position));
    expect(found.map(({ record }) => Buffer.compare(record?.data ?? new Uint8Array(), Buffer.from("x")))).toEqual([
      0, 1, 1,
    ]);
    expect(Buffer.from(found[2]?.record?.data ?? []).equals(binary)).toBe(true);
    expect(found[1]?.quarantined).toEqual({ reason: "entity_over_limit", stage: "fold", view: "by_user", attempt: 1 });
  });

  it("gives no record where the bytes are nowhere", async () => {
    await quarantine().put([{ ...rejected(1, Buffer.alloc(0)), bytes: "lost" }, rejected(2, Buffer.alloc(0))]);
    expect((await readBack(rows)).map(({ record }) => record?.data.length ?? null)).toEqual([null, 0]);
  });

  it("returns what is too large with its new verdict: the object has it, and the table", async () => {
    const returns = firehoseReturns({ firehose, s3, deliveryStream: "quarantine", bucket: "lake" });
    await returns.put([{ ...rejected(3, Buffer.alloc(900_000, 0xff)), reason: "recovered", attempt: 2 }]);
    expect(JSON.parse(rows[0] ?? "")).toMatchObject({ reason: "recovered", attempt: 2 });
    expect([...objects.values()].map((text) => JSON.parse(text))).toMatchObject([{ reason: "recovered", attempt: 2 }]);
    objectsRefused = true;
    await expect(returns.put([{ ...rejected(3, Buffer.alloc(900_000, 0xff)), attempt: 2 }])).rejects.toThrow(
      "quarantine did not take every row",
    );
  });
});

describe("firehoseQuarantine", () => {
  it("puts a row with reason, origin and the exact bytes", async () => {
    const rejection = rejected(7, Buffer.from([0xff, 0x00]), {
      view: "by_user",
      stage: "fold",
      reason: "out_of_horizon",
      timeMs: START - 5,
    });
    expect(await quarantine().put([rejection])).toEqual([]);
    expect(rows.map((row) => JSON.parse(row))).toEqual([
      {
        reason: "out_of_horizon",
        stage: "fold",
        view: "by_user",
        detail: "why",
        eventTime: START - 5,
        arrival: START,
        shard: "shardId-000000000000",
        sequence: "7",
        subSequence: 0,
        key: "u1",
        attempt: 1,
        dataBase64: "/wA=",
      },
    ]);
    expect(rows[0]?.endsWith("\n")).toBe(true);
  });

  it("puts each rejection once within Firehose's limits, however many and however large", async () => {
    const sizes = fc.array(fc.oneof(fc.nat(200), fc.integer({ min: 200_000, max: 1_100_000 })), {
      maxLength: 30,
      size: "max",
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        reset();
        const rejections = lengths.map((length, i) => rejected(i, Buffer.alloc(length, "x")));
        expect(await quarantine().put(rejections)).toEqual([]);
        expect(sequencesOf(rows)).toEqual(rejections.map(sequenceOf).sort());
        expect(sequencesOf([...rows.filter(hasBytes), ...objects.values()])).toEqual(sequencesOf(rows));
      }),
      { numRuns: 20 },
    );
  });

  it("splits more than 500 rows into several calls", async () => {
    const rejections = Array.from({ length: 1203 }, (_, i) => rejected(i, Buffer.from("x")));
    expect(await quarantine().put(rejections)).toEqual([]);
    expect(sequencesOf(rows)).toEqual(rejections.map(sequenceOf).sort());
  });

  it("offers only the refused entries again, until they are in", async () => {
    refusals = (n) => (n % 3 === 0 ? "entry" : "no");
    const rejections = Array.from({ length: 10 }, (_, i) => rejected(i, Buffer.from("x")));
    expect(await quarantine().put(rejections)).toEqual([]);
    expect(sequencesOf(rows)).toEqual(rejections.map(sequenceOf).sort());
  });

  it("tells which could not be put and why, when Firehose refuses to the end", async () => {
    const stubborn = rejected(4, Buffer.from("stubborn"));
    const unput = await quarantine().put([rejected(3, Buffer.from("x")), stubborn, rejected(5, Buffer.from("x"))]);
    expect(unput).toEqual([{ rejection: stubborn, cause: "ServiceUnavailableException" }]);
    expect(sequencesOf(rows)).toEqual(["3", "5"]);
  });

  it("tries again when a whole call fails, and gives all back when it never succeeds", async () => {
    let calls = 0;
    refusals = () => (calls++ === 0 ? "call" : "no");
    expect(await quarantine().put([rejected(1, Buffer.from("x"))])).toEqual([]);
    refusals = () => "call";
    const lost = rejected(2, Buffer.from("x"));
    expect(await quarantine().put([lost])).toMatchObject([{ rejection: lost }]);
    expect(sequencesOf(rows)).toEqual(["1"]);
  });

  it("makes an object, named by position and view, of a row that Firehose cannot take, and a row without bytes", async () => {
    const data = Buffer.alloc(1000 * 1024, "x");
    const oversize = [rejected(8, data), rejected(8, data, { view: "by_user", stage: "fold" })];
    expect(await quarantine().put([...oversize, ...oversize])).toEqual([]);
    expect([...objects.keys()].sort()).toEqual([
      "/lake/quarantine-oversize/dt=2026-01-02/shardId-000000000000-8-0-by_user.json",
      "/lake/quarantine-oversize/dt=2026-01-02/shardId-000000000000-8-0-decode.json",
    ]);
    const [text = ""] = objects.values();
    expect(Buffer.from(fromPayload(JSON.parse(text) as Payload)).equals(data)).toBe(true);
    expect(rows).toHaveLength(4);
    const { data: _, ...without } = JSON.parse(text) as { readonly data: string };
    expect(JSON.parse(rows[0] ?? "")).toEqual(without);
  });

  it("puts a row without bytes where they are lost, and the attempt where there was one before", async () => {
    await quarantine().put([{ ...rejected(8, Buffer.alloc(0)), bytes: "lost", attempt: 3 }]);
    expect(JSON.parse(rows[0] ?? "")).toMatchObject({ sequence: "8", attempt: 3 });
    expect(rows.filter(hasBytes)).toEqual([]);
  });

  it("sends through Firehose a row of exactly its limit, and makes an object of one byte more", async () => {
    await quarantine().put([rejected(1, Buffer.alloc(0))]);
    const room = LIMITS.recordBytes - Buffer.byteLength(rows[0] ?? "");
    reset();
    expect(
      await quarantine().put([rejected(1, Buffer.alloc(room, "x")), rejected(2, Buffer.alloc(room + 1, "x"))]),
    ).toEqual([]);
    expect(rows.filter(hasBytes).map((row) => Buffer.byteLength(row))).toEqual([LIMITS.recordBytes]);
    expect(sequencesOf([...objects.values()])).toEqual(["2"]);
  });

  it("tells when such an object could not be written", async () => {
    objectsRefused = true;
    const oversize = rejected(8, Buffer.alloc(1_100_000, "x"));
    const unput = await quarantine().put([oversize, rejected(9, Buffer.from("x"))]);
    expect(unput).toMatchObject([{ rejection: oversize }]);
    expect(sequencesOf(rows)).toEqual(["9"]);
  });
});

beforeAll(async () => {
  server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { status, answer } = answerTo(request, body);
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(answer);
    });
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const local = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "x", secretAccessKey: "y" },
    maxAttempts: 1,
  };
  firehose = new FirehoseClient(local);
  s3 = new S3Client({ ...local, requestChecksumCalculation: "WHEN_REQUIRED" });
});

afterAll(() => {
  firehose.destroy();
  s3.destroy();
  server.close();
});

beforeEach(reset);

function reset() {
  rows.length = 0;
  objects.clear();
  refusals = () => "no";
  objectsRefused = false;
  offered = 0;
}

function quarantine() {
  const pause = () => Promise.resolve();
  return firehoseQuarantine({ firehose, s3, deliveryStream: "quarantine", bucket: "lake", pause });
}

function putRecordBatch(body: string): { status: number; answer: string } {
  const { Records } = JSON.parse(body) as { Records: { Data: string }[] };
  const data = Records.map(({ Data }) => Buffer.from(Data, "base64"));
  const callBytes = data.reduce((sum, { length }) => sum + length, 0);
  const tooLarge =
    data.length > LIMITS.records ||
    callBytes > LIMITS.callBytes ||
    data.some(({ length }) => length > LIMITS.recordBytes);
  if (tooLarge)
    return { status: 400, answer: JSON.stringify({ __type: "InvalidArgumentException", message: "limits" }) };
  const fates = data.map((row) => (row.includes('"stubborn"') ? "entry" : refusals(offered++)));
  if (fates.includes("call")) return { status: 503, answer: JSON.stringify({ __type: "ServiceUnavailableException" }) };
  const RequestResponses = data.map((row, i) => {
    if (fates[i] === "entry") return { ErrorCode: "ServiceUnavailableException", ErrorMessage: "slow down" };
    rows.push(row.toString("utf8"));
    return { RecordId: String(rows.length) };
  });
  return {
    status: 200,
    answer: JSON.stringify({ FailedPutCount: fates.filter((fate) => fate === "entry").length, RequestResponses }),
  };
}

function answerTo(request: IncomingMessage, body: string): { status: number; answer: string } {
  if (request.method === "GET") return getObject(request);
  return request.method === "PUT" ? putObject(request, body) : putRecordBatch(body);
}

function getObject({ url = "" }: IncomingMessage): { status: number; answer: string } {
  const object = objects.get(keyIn(url));
  if (object !== undefined) return { status: 200, answer: object };
  return { status: 404, answer: "<Error><Code>NoSuchKey</Code><Message>nothing is there</Message></Error>" };
}

function keyIn(url: string): string {
  return url.split("?")[0]?.replaceAll("%3D", "=") ?? "";
}

function putObject({ url = "" }: IncomingMessage, body: string): { status: number; answer: string } {
  if (objectsRefused) return { status: 503, answer: "" };
  objects.set(keyIn(url), body);
  return { status: 200, answer: "" };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function rejected(sequence: number, data: Uint8Array, fields: Partial<Rejection> = {}): Rejection {
  const position = { shard: "shardId-000000000000", sequence: String(sequence), subSequence: 0 };
  const record = { position, partitionKey: "u1", arrivalMs: START, data };
  return { reason: "malformed_json", stage: "decode", view: null, detail: "why", record, ...fields };
}

function hasBytes(row: string): boolean {
  return /"data(Base64)?":/.test(row);
}

function sequencesOf(texts: readonly string[]): string[] {
  return texts.map((text) => JSON.parse(text).sequence as string).sort();
}

function sequenceOf({ record }: Rejection): string {
  return record.position.sequence;
}
