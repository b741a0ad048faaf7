import { fromPayload, type Payload, packLine, toRawLine } from "@millrace/aws";
import { decode, type Pipeline } from "@millrace/engine";
import type { FirehoseTransformationEvent, FirehoseTransformationEventRecord } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { archiveRaw } from "../functions/archive-raw/archive-raw.ts";
import { flattenEvents } from "../functions/flatten-events/flatten-events.ts";
import { toPartitionKeys } from "../functions/flatten-events/partition-keys.ts";
import { memoryTelemetry } from "./functions/fakes.ts";
import { pipeline, SHARD, START } from "./functions/shop.ts";

const REPLY_LIMIT_BYTES = 6 * 1024 * 1024;

describe.each([
  ["flatten-events", flatten],
  ["archive-raw", archive],
])("%s", (_, transform) => {
  it("answers every record id exactly once and in order, whatever the records hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(garbage, { selector: ({ recordId }) => recordId }), async (records) => {
        const reply = await transform(records);
        expect(reply.records.map(({ recordId }) => recordId)).toEqual(records.map(({ recordId }) => recordId));
        for (const { result, data } of reply.records) expect(result === "Ok").toBe(data !== undefined);
      }),
    );
  });

  it("keeps its reply below Lambda's 6 MB and fails only what does not fit", async () => {
    const large = "é".repeat(600_000);
    const records = Array.from({ length: 8 }, (_, i) =>
      record(i, event({ id: `e${i}`, item: i === 7 ? "small" : large })),
    );
    const reply = await transform(records);
    expect(Buffer.byteLength(JSON.stringify(reply))).toBeLessThan(REPLY_LIMIT_BYTES);
    const results = reply.records.map(({ result }) => result);
    const fit = results.indexOf("ProcessingFailed");
    expect(fit).toBeGreaterThan(1);
    expect(results).toEqual(results.map((_, i) => (i < fit || i === 7 ? "Ok" : "ProcessingFailed")));
  });

  it("fails a record without a position in a stream, because nothing could ever be rebuilt from it", async () => {
    const { kinesisRecordMetadata: _, ...directPut } = record(1, event());
    expect(await transform([directPut, record(2, event())])).toMatchObject({
      records: [{ result: "ProcessingFailed" }, { result: "Ok" }],
    });
  });

  it.each([
    { sequenceNumber: "x" },
    { subsequenceNumber: "x" },
    { approximateArrivalTimestamp: 8.64e15 + 1 },
    { shardId: null },
    { partitionKey: undefined },
  ])("fails a record with metadata such as %j instead of making something up", async (damage) => {
    const metadata = { ...metadataOf(1), ...damage } as ReturnType<typeof metadataOf>;
    expect((await transform([record(1, event(), metadata)])).records).toMatchObject([{ result: "ProcessingFailed" }]);
  });

  it("takes the sub-sequence as text or as a number, and needs no key but records", async () => {
    const metadata = metadataOf(1);
    const records = [
      record(1, event(), { ...metadata, subsequenceNumber: "12" }),
      record(2, event(), { ...metadata, subsequenceNumber: 12 as unknown as string }),
    ];
    const [text, number] = (await transform(records)).records;
    expect(JSON.parse(decoded(text?.data))).toEqual(JSON.parse(decoded(number?.data)));
    expect(decoded(text?.data)).toMatch(/"_?sub[sS]equence":12/);
  });
});

describe("flatten-events", () => {
  it("makes a typed row with its origin and verdict, partitioned by event time and not by arrival", async () => {
    const late = START - 3_600_000;
    const { records } = await flatten([record(7, event({ time: late, item: "i1", amount: 1234 }))]);
    expect(JSON.parse(decoded(records[0]?.data))).toEqual({
      id: "a",
      time: "2026-01-02T02:00:00.000Z",
      user: "u1",
      item: "i1",
      amount: 12.34,
      _arrival: "2026-01-02T03:00:00.000Z",
      _shard: SHARD,
      _sequence: "7",
      _subsequence: 0,
      _verdict: "too_late",
      _pipeline_version: 3,
    });
    expect(records[0]?.metadata).toEqual({ partitionKeys: { dt: "2026-01-02", hour: "02" } });
  });

  it("makes of an archived line the row that its record made, with the version deployed now", async () => {
    const times = fc.integer({ min: -200_000, max: 200_000 });
    await fc.assert(
      fc.asyncProperty(times, fc.nat(3), fc.boolean(), async (aheadMs, subsequence, large) => {
        const item = large ? "é".repeat(520_000) : "i1";
        const metadata = { ...metadataOf(7), subsequenceNumber: String(subsequence) };
        const [live] = (await flatten([record(1, event({ time: START + aheadMs, item }), metadata)])).records;
        const source = {
          position: { shard: SHARD, sequence: "7", subSequence: subsequence },
          partitionKey: "u1",
          arrivalMs: START,
          data: Buffer.from(event({ time: START + aheadMs, item })),
        };
        const line = packLine(toRawLine(source)) as Buffer;
        const [again] = (await flatten([directPut(line)])).records;
        expect({ ...again, recordId: "" }).toEqual({ ...live, recordId: "" });
      }),
      { numRuns: 30 },
    );
  });

  it("fails what comes by Direct PUT and is no line of the archive", async () => {
    const sound = JSON.parse(toRawLine({ ...kinesis, data: Buffer.from(event()) })) as object;
    const bad = ["{", "[]", "null", event(), Buffer.from([0x1f, 0x8b, 1]), JSON.stringify({ ...sound, arrival: "x" })];
    for (const data of [...bad, JSON.stringify({ ...sound, sequence: "-1" }), JSON.stringify({ ...sound, data: 1 })]) {
      expect((await flatten([directPut(data)])).records, String(data)).toMatchObject([{ result: "ProcessingFailed" }]);
    }
    expect((await flatten([directPut(JSON.stringify(sound))])).records).toMatchObject([{ result: "Ok" }]);
    const damaged = { ...directPut(JSON.stringify(sound)), kinesisRecordMetadata: { ...metadataOf(1), shardId: 1 } };
    expect((await flatten([damaged as unknown as FirehoseTransformationEventRecord])).records).toMatchObject([
      { result: "ProcessingFailed" },
    ]);
  });

  it("has a row for whatever the online features accept, also when lateness and skew are beyond the partition bound", async () => {
    const patient = { ...pipeline, allowedLatenessMs: 72 * 3_600_000, maxSkewMs: 2 * 3_600_000 };
    const times = [START - 50 * 3_600_000, START + 1.5 * 3_600_000];
    const { records } = await flatten(
      times.map((time, i) => record(i, event({ time }))),
      patient,
    );
    expect(records.map(({ data }) => JSON.parse(decoded(data))._verdict)).toEqual(["accepted", "accepted"]);
  });

  it("gives every row the verdict that the online features gave its record", async () => {
    const times = fc.integer({ min: -200_000, max: 200_000 });
    await fc.assert(
      fc.asyncProperty(times, fc.constantFrom("u1", "u2"), async (aheadMs, user) => {
        const source = record(1, event({ time: START + aheadMs, user }));
        const [answer] = (await flatten([source])).records;
        const online = decode(pipeline, {
          position: { shard: SHARD, sequence: "1", subSequence: 0 },
          partitionKey: "u1",
          arrivalMs: START,
          data: Buffer.from(source.data, "base64"),
        });
        const verdict = online.kind === "event" ? "accepted" : online.rejection.reason;
        expect(JSON.parse(decoded(answer?.data))._verdict).toBe(verdict);
      }),
    );
  });

  it("fails what is no event: no JSON, no UTF-8, no valid event, nothing at all", async () => {
    const bad = ["no json", Buffer.from([0xff, 0xfe]), '{"id":"a"}', "", "null", "[]"];
    const { records } = await flatten(bad.map((data, i) => record(i, data)));
    expect(records.map(({ result }) => result)).toEqual(bad.map(() => "ProcessingFailed"));
  });

  it("fails an event time beyond the bounds from arrival, to the millisecond, so that partitions stay few", async () => {
    const at = async (timeMs: number) => (await flatten([record(1, event({ time: timeMs }))])).records[0]?.result;
    expect(await at(START - 48 * 3_600_000)).toBe("Ok");
    expect(await at(START - 48 * 3_600_000 - 1)).toBe("ProcessingFailed");
    expect(await at(START + 3_600_000)).toBe("Ok");
    expect(await at(START + 3_600_000 + 1)).toBe("ProcessingFailed");
  });

  it("adds the schema's own partition columns as Hive writes them, so that no value leaves its folder", async () => {
    const withRegion: Pipeline = { ...pipeline, schema: { ...pipeline.schema, partitionColumns: ["region"] } };
    const folder = async (region: string | null) => {
      const { records } = await flatten([record(1, event({ region }))], withRegion);
      return records[0]?.metadata?.partitionKeys.region ?? records[0]?.result;
    };
    expect(await folder("eu-west")).toBe("eu-west");
    expect(await folder("a/b=c%")).toBe("a%2Fb%3Dc%25");
    expect(await folder("Köln 1")).toBe("K%C3%B6ln 1");
    expect(await folder(null)).toBe("__HIVE_DEFAULT_PARTITION__");
    expect(await folder("")).toBe("__HIVE_DEFAULT_PARTITION__");
    expect(await folder("x".repeat(129))).toBe("ProcessingFailed");
  });

  it("never gives two different values one folder", () => {
    const folder = (region: string) => toPartitionKeys({ partitionColumns: ["region"] }, START, { region })?.region;
    const text = fc.string({ unit: fc.constantFrom("a", "/", "%", "2", "F", "é", " "), minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(folder(a) === folder(b)).toBe(a === b);
      }),
    );
  });

  it("says how many records became rows, and how many did not and why", async () => {
    const telemetry = memoryTelemetry();
    const large = "x".repeat(5_000_000);
    await flatten([record(1, event()), record(2, "{"), record(3, event({ item: large }))], pipeline, telemetry);
    expect(telemetry.reports).toEqual([{ counts: { Received: 3, Rows: 1, Unusable: 1, ReplyFull: 1 } }]);
  });
});

describe("archive-raw", () => {
  it("archives a large record of control characters, which JSON would write six times as long", async () => {
    const bytes = Buffer.alloc(1_000_000, 1);
    const { records } = await archive([record(1, bytes)]);
    expect(records[0]?.result).toBe("Ok");
    expect(Buffer.from(JSON.parse(decoded(records[0]?.data)).dataBase64, "base64").equals(bytes)).toBe(true);
  });

  it("keeps the exact bytes of every record, with arrival, position and key, one line each", async () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.string({ minLength: 1 }), async (data, key) => {
        const source = record(5, data, { ...metadataOf(5), partitionKey: key });
        const line = decoded((await archive([source])).records[0]?.data);
        expect(line.endsWith("\n") && !line.slice(0, -1).includes("\n")).toBe(true);
        const { arrival, shard, sequence, subSequence, key: kept, ...payload } = JSON.parse(line);
        expect({ arrival, shard, sequence, subSequence, kept }).toEqual({
          arrival: START,
          shard: SHARD,
          sequence: "5",
          subSequence: 0,
          kept: key,
        });
        expect(Buffer.from(fromPayload(payload as Payload)).equals(Buffer.from(data))).toBe(true);
      }),
    );
  });

  it("keeps text readable, and bytes that are not UTF-8 in base64", async () => {
    const { records } = await archive([record(1, "{ broken: ✓"), record(2, Buffer.from([0xff]))]);
    expect(JSON.parse(decoded(records[0]?.data)).data).toBe("{ broken: ✓");
    expect(JSON.parse(decoded(records[1]?.data)).dataBase64).toBe("/w==");
  });
});

/** Records as damaged as an envelope can be. */
const garbage: fc.Arbitrary<FirehoseTransformationEventRecord> = fc
  .record({
    recordId: fc.string({ minLength: 1 }),
    data: fc.oneof(
      fc.base64String(),
      fc.string(),
      fc.constant(undefined),
      fc.json().map((text) => Buffer.from(text).toString("base64")),
      fc.constant(Buffer.from(event()).toString("base64")),
    ),
    kinesisRecordMetadata: fc.oneof(
      fc.constant(metadataOf(1)),
      fc.constant(undefined),
      fc.record({
        sequenceNumber: fc.oneof(fc.constant("7"), fc.constant("x"), fc.constant(undefined)),
        subsequenceNumber: fc.oneof(fc.constant("x"), fc.constant(null), fc.nat()),
        partitionKey: fc.oneof(fc.string(), fc.constant(undefined)),
        shardId: fc.oneof(fc.constant(SHARD), fc.constant(undefined)),
        approximateArrivalTimestamp: fc.oneof(fc.double(), fc.constant(START), fc.constant(undefined)),
      }),
    ),
  })
  .map((record) => record as unknown as FirehoseTransformationEventRecord);

function flatten(
  records: readonly FirehoseTransformationEventRecord[],
  over = pipeline,
  telemetry = memoryTelemetry(),
) {
  const transform = flattenEvents({ pipeline: over, pipelineVersion: 3, pastHours: 48, futureHours: 1, telemetry });
  return transform(eventOf(records));
}

function archive(records: readonly FirehoseTransformationEventRecord[]) {
  return archiveRaw({ telemetry: memoryTelemetry() })(eventOf(records));
}

/** As little as SAM's own sample has: a misspelt ARN key and no source. */
function eventOf(records: readonly FirehoseTransformationEventRecord[]): FirehoseTransformationEvent {
  const sample = { invocationId: "i", deliverySteamArn: "arn:aws:kinesis:EXAMPLE", region: "us-east-1" };
  return { ...sample, records: [...records] } as unknown as FirehoseTransformationEvent;
}

function record(
  n: number,
  data: string | Uint8Array,
  kinesisRecordMetadata = metadataOf(n),
): FirehoseTransformationEventRecord {
  const recordId = `shardId-000000000000-${String(n).padStart(56, "4")}`;
  return {
    recordId,
    approximateArrivalTimestamp: START,
    data: Buffer.from(data).toString("base64"),
    kinesisRecordMetadata,
  };
}

const kinesis = {
  position: { shard: SHARD, sequence: "7", subSequence: 0 },
  partitionKey: "u1",
  arrivalMs: START,
};

function directPut(data: string | Uint8Array): FirehoseTransformationEventRecord {
  const { kinesisRecordMetadata: _, ...put } = record(1, data);
  return put;
}

type Metadata = NonNullable<FirehoseTransformationEventRecord["kinesisRecordMetadata"]>;

function metadataOf(n: number): Metadata {
  return {
    sequenceNumber: String(n),
    subsequenceNumber: "0",
    partitionKey: "u1",
    shardId: SHARD,
    approximateArrivalTimestamp: START,
  };
}

function event(fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ id: "a", time: START, user: "u1", ...fields });
}

function decoded(data: string | undefined): string {
  return Buffer.from(data ?? "", "base64").toString("utf8");
}
