import { decode, decodeAll, type StreamRecord, toCuratedRow, toCuratedTexts } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrivals, pipeline, START, toRecords } from "./histories.ts";

describe("reading a batch", () => {
  it("says of each record what reading it alone says, whatever the others hold and however many they are", () => {
    fc.assert(
      fc.property(batch, (records) => {
        const together = decodeAll(pipeline, records);
        expect(together.length).toBe(records.length);
        for (const [i, record] of records.entries()) expect(together[i]).toEqual(decode(pipeline, record));
      }),
    );
  });

  it("tells of what it refuses when it happened, where that could be read", () => {
    fc.assert(
      fc.property(batch, fc.boolean(), (records, areMoved) => {
        const moved = areMoved ? records.map((one) => ({ ...one, partitionKey: "another" })) : records;
        for (const decoded of decodeAll(pipeline, moved))
          if (decoded.kind === "rejection") expect(decoded.rejection.timeMs).toBe(decoded.event?.timeMs);
      }),
    );
    const late = { ...record(JSON.stringify({ id: "a", time: START, user: "u1" })), arrivalMs: START + 1e9 };
    expect(decode(pipeline, late)).toMatchObject({ rejection: { reason: "too_late", timeMs: START } });
  });

  it("for the lake gives the text of each record's row, and null where it is none", () => {
    fc.assert(
      fc.property(batch, (records) => {
        const rows = records.map((record) => toCuratedRow(pipeline, decode(pipeline, record), 7));
        const texts = toCuratedTexts(pipeline, records, 7).map((curated) => curated?.text ?? null);
        expect(texts.length).toBe(records.length);
        for (const [i, row] of rows.entries()) expect(texts[i]).toBe(row === null ? null : JSON.stringify(row));
      }),
    );
  });
});

describe("the bytes of a record", () => {
  const fact = { id: "a", time: START, user: "u1" };

  it("may start with a byte order mark", () => {
    expect(decode(pipeline, record(`\ufeff${JSON.stringify(fact)}`)).kind).toBe("event");
  });

  it.each([
    ["a byte that UTF-8 has not", Buffer.from([...Buffer.from('{"user":"'), 0xff, ...Buffer.from('"}')])],
    ["a surrogate in UTF-8", Buffer.from([...Buffer.from('{"user":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')])],
    ["a character cut short", Buffer.from([...Buffer.from('{"user":"é"}').subarray(0, -3)])],
  ])("are refused for %s", (_what, data) => {
    expect(decode(pipeline, record(data)).kind).toBe("rejection");
    expect(decode(pipeline, record(data))).toMatchObject({
      rejection: { reason: "malformed_json", detail: "the bytes are not UTF-8 text" },
    });
  });
});

/** Events and things that are none, up to a few times as many as are parsed ahead. */
const batch = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: arrivals.map((list) => toRecords(list)) },
      { weight: 1, arbitrary: fc.array(fc.uint8Array().map(record), { minLength: 90, maxLength: 130 }) },
      { weight: 1, arbitrary: fc.json().map((text) => [record(text)]) },
    ),
    { maxLength: 6 },
  )
  .map((parts): readonly StreamRecord[] => parts.flat());

function record(data: string | Uint8Array): StreamRecord {
  const position = { shard: "shardId-000000000000", sequence: "1", subSequence: 0 };
  return { position, partitionKey: "u1", arrivalMs: START, data: Buffer.from(data) };
}
