import { readFileSync } from "node:fs";
import { type Answer, fromFirehose, fromKinesis, toBase64, toBatchResponse, toFirehoseReply } from "@millrace/aws";
import type { FirehoseTransformationEvent, KinesisStreamEvent } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchOf, kinesisRecord, SHARD } from "./functions/shop.ts";

describe("the Kinesis envelope", () => {
  it("gives shard, sequence, key, bytes, and arrival in milliseconds where Lambda gives seconds", () => {
    const bytes = Buffer.from([0, 255, 10]);
    const [record] = fromKinesis(
      batchOf(
        kinesisRecord("49590338271490256608559692538361571095921575989136588898", bytes, { arrivalMs: 1545084650987 }),
      ),
    );
    expect(record).toEqual({
      position: { shard: SHARD, sequence: "49590338271490256608559692538361571095921575989136588898", subSequence: 0 },
      partitionKey: "nobody",
      arrivalMs: 1545084650987,
      data: bytes,
    });
  });

  it("keeps every millisecond of arrival through the seconds with a fraction", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (arrivalMs) => {
        expect(fromKinesis(batchOf(kinesisRecord(1, "x", { arrivalMs })))[0]?.arrivalMs).toBe(arrivalMs);
      }),
    );
  });

  it("takes a consumer's ARN, SAM's unparseable one, or none", () => {
    for (const eventSourceARN of [
      "arn:aws:kinesis:us-east-1:1:stream/s/consumer/c:17",
      "arn:aws:kinesis:EXAMPLE",
      undefined,
    ]) {
      const record = { ...kinesisRecord(1, "x"), eventSourceARN } as ReturnType<typeof kinesisRecord>;
      expect(fromKinesis(batchOf(record))[0]?.position.shard).toBe(SHARD);
    }
  });

  it("says what it expected when it is given something else", () => {
    expect(() => fromKinesis({ detail: 1 } as unknown as KinesisStreamEvent)).toThrow(
      'expected a Kinesis batch with "Records", got detail',
    );
    const strange = { ...kinesisRecord(1, "x"), eventID: "49590" };
    expect(() => fromKinesis(batchOf(strange))).toThrow("expected an eventID of the form <shardId>:<sequenceNumber>");
  });

  it("reports the lowest position as a number, whatever the lengths and the order", () => {
    const position = (sequence: bigint) => ({ shard: SHARD, sequence: String(sequence), subSequence: 0 });
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 10n ** 57n }), { minLength: 1 }), (sequences) => {
        const lowest = sequences.reduce((least, sequence) => (sequence < least ? sequence : least));
        expect(toBatchResponse(sequences.map(position))).toEqual({
          batchItemFailures: [{ itemIdentifier: String(lowest) }],
        });
      }),
    );
    expect(toBatchResponse([])).toEqual({ batchItemFailures: [] });
  });
});

describe("the Firehose envelope", () => {
  it("counts a reply to the byte: everything at exactly the limit, one answer less below it", () => {
    const answer: fc.Arbitrary<Answer> = fc.record({
      kind: fc.constant("ok" as const),
      recordId: fc.string({ unit: "grapheme" }),
      data: fc.base64String(),
      partitionKeys: fc.dictionary(fc.string(), fc.string()),
    });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1 }), (answers) => {
        const failures = (limitBytes: number) =>
          toFirehoseReply(answers, limitBytes).records.filter(({ result }) => result !== "Ok").length;
        // Every answer counts with its comma; the list has one comma less and two brackets.
        const wholeBytes =
          Buffer.byteLength(JSON.stringify(toFirehoseReply(answers, Number.MAX_SAFE_INTEGER).records)) - 1;
        expect(failures(wholeBytes)).toBe(0);
        expect(failures(wholeBytes - 1)).toBe(1);
      }),
    );
  });

  it("writes base64 as Buffer does, for any text", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom("", "é", "\ud800", "ÿ", "a€"));
    fc.assert(
      fc.property(text, (any) => {
        expect(toBase64(any)).toBe(Buffer.from(any).toString("base64"));
      }),
    );
  });

  it("still answers every record when not even one fits", () => {
    const answers: Answer[] = [1, 2].map((n) => ({ kind: "ok", recordId: String(n), data: "AAAA" }));
    expect(toFirehoseReply(answers, 0).records).toEqual([
      { recordId: "1", result: "ProcessingFailed" },
      { recordId: "2", result: "ProcessingFailed" },
    ]);
  });

  it("says what it expected when it is given something else", () => {
    expect(() => fromFirehose({ Records: [] } as unknown as FirehoseTransformationEvent)).toThrow(
      'expected a Firehose batch with "records", got Records',
    );
  });
});

describe("the samples in events/", () => {
  const sample = (name: string) => JSON.parse(readFileSync(`events/${name}.json`, "utf8"));

  it("are batches that the envelopes read, with a position for every record", () => {
    const batch = sample("update-features") as KinesisStreamEvent;
    expect(fromKinesis(batch).length).toBeGreaterThanOrEqual(batch.Records.length);
    for (const name of ["flatten-events", "archive-raw"]) {
      const records = fromFirehose(sample(name) as FirehoseTransformationEvent);
      expect(records.length).toBeGreaterThan(0);
      expect(records.filter(({ record }) => record === null)).toEqual([]);
    }
  });
});
