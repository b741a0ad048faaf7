import { createHash } from "node:crypto";
import {
  byteReader,
  byteWriter,
  comparePositions,
  deaggregate,
  fromScaled,
  isoTime,
  md5Hex,
  parseTime,
  type StreamRecord,
  scaleDecimal,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint, identityFingerprint } from "../../layers/engine/md5.ts";

describe("positions", () => {
  it("compares sequence numbers as numbers, whatever their length", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 190n }), fc.bigInt({ min: 0n, max: 2n ** 190n }), (a, b) => {
        const sign = comparePositions(at(a.toString()), at(b.toString()));
        expect(Math.sign(sign)).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
    expect(comparePositions(at("9"), at("10"))).toBeLessThan(0);
  });

  it("compares the sub-sequence last", () => {
    expect(comparePositions(at("5", 1), at("5", 0))).toBeGreaterThan(0);
    expect(comparePositions(at("5", 9), at("6", 0))).toBeLessThan(0);
  });
});

describe("times", () => {
  it("reads what Date reads, for every instant of four-digit years", () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9999, 11, 31) }), (ms) => {
        expect(parseTime(new Date(ms).toISOString())).toBe(ms);
      }),
    );
  });

  it.each([
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
    ["2026-03-01T01:02:03+05:30", Date.UTC(2026, 1, 28, 19, 32, 3)],
    ["2026-03-01T01:02:03.9999-00:30", Date.UTC(2026, 2, 1, 1, 32, 3, 999)],
    ["2016-12-31T23:59:60Z", Date.UTC(2017, 0, 1)],
    ["2016-12-31t18:59:60-05:00", Date.UTC(2017, 0, 1)],
    ["0000-01-01T00:00:00Z", -62_167_219_200_000],
  ])("reads %s", (text, ms) => expect(parseTime(text)).toBe(ms));

  it.each([
    "",
    "2026-03-01",
    "2026-03-01T01:02:03",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-03-01T24:00:00Z",
    "2026-03-01T12:59:60Z",
    "2026-03-01T00:00:00.Z",
    "2026-03-01T00:00:00+5:30",
    "2026-03-01T00:00:00Zx",
    "2026-03-01\u000000:00:00Z",
    "+026-03-01T00:00:00Z",
  ])("refuses %j", (text) => expect(parseTime(text)).toBeNull());
});

describe("printed times", () => {
  it("are what Date prints, for every instant that a Date can hold, also when minutes share a slot", () => {
    const anchor = fc.constantFrom(0, -1, 8.64e15, -8.64e15, -62_198_755_200_000, 1_772_366_400_000);
    const step = fc.constantFrom(0, 1, 59_999, 60_000, 64 * 60_000, -1, -60_000);
    const near = fc.tuple(anchor, step).map(([at, by]) => Math.max(-8.64e15, Math.min(8.64e15, at + by)));
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            near,
            fc.integer({ min: -8.64e15, max: 8.64e15 }),
            fc.double({ min: -1e12, max: 1e12, noNaN: true }),
          ),
        ),
        (times) => {
          for (const ms of times) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
        },
      ),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1, -8.64e15 - 1])("refuse %s", (ms) =>
    expect(() => isoTime(ms)).toThrow(RangeError),
  );
});

describe("decimals", () => {
  it("scales exactly and prints what came, as number and as text", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 }),
        fc.integer({ min: 0, max: 6 }),
        (n, scale) => {
          const text = decimalText(n, scale);
          expect(scaleDecimal(text, scale)).toBe(n);
          expect(scaleDecimal(Number(text), scale)).toBe(n);
          expect(fromScaled(n, scale)).toBe(Number(text));
          expect(fromScaled(BigInt(n) * 10n ** 12n, scale + 12)).toBe(Number(text));
        },
      ),
    );
  });

  it.each([
    0.001,
    1e15,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "",
    "1.",
    ".5",
    "1e3",
    "01",
    "0.005",
    "1,5",
    "9999999999999999",
  ])("refuses %j at two decimals", (value) => expect(scaleDecimal(value, 2)).toBeNull());
});

describe("bytes", () => {
  it("reads back what was written", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.maxSafeNat().map((v) => ({ v, as: "varint" as const })),
            fc.integer().map((v) => ({ v, as: "signed" as const })),
            fc.string({ unit: "binary" }).map((v) => ({ v, as: "text" as const })),
            fc.bigInt().map((v) => ({ v, as: "bigint" as const })),
            fc.bigInt({ min: 0n }).map((v) => ({ v, as: "wideVarint" as const })),
            fc.bigInt().map((v) => ({ v, as: "wideSigned" as const })),
            fc.double().map((v) => ({ v, as: "float64" as const })),
            fc.integer({ min: 0, max: 2 ** 48 - 1 }).map((v) => ({ v, as: "uint48" as const })),
          ),
        ),
        (values) => {
          const writer = byteWriter();
          for (const { v, as } of values) (writer[as] as (v: unknown) => void)(v);
          const reader = byteReader(writer.bytes());
          expect(values.map(({ as }) => reader[as]())).toEqual(values.map(({ v }) => v));
          reader.end();
        },
      ),
    );
  });

  it("has one form for an integer, whether numbers of any size may come or not", () => {
    const bytesOf = (write: (writer: ReturnType<typeof byteWriter>) => void) => {
      const writer = byteWriter();
      write(writer);
      return writer.bytes();
    };
    const least = fc.nat(2 ** 31 - 1);
    fc.assert(
      fc.property(
        fc.oneof(least, fc.maxSafeNat()),
        fc.oneof(least, fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 })),
        (natural, whole) => {
          expect(bytesOf((writer) => writer.wideVarint(BigInt(natural)))).toEqual(
            bytesOf((writer) => writer.varint(natural)),
          );
          expect(bytesOf((writer) => writer.wideSigned(BigInt(whole)))).toEqual(
            bytesOf((writer) => writer.signed(whole)),
          );
        },
      ),
    );
  });

  it("reads back digits of any number, and frames of any size inside each other", () => {
    const digits = fc.stringMatching(/^\d{0,60}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(digits, fc.uint8Array({ maxLength: 300 }))), (values) => {
        const writer = byteWriter();
        const outer = writer.begin();
        for (const [text, bytes] of values) {
          writer.digits(text);
          const inner = writer.begin();
          writer.copy(bytes, 0, bytes.length);
          writer.end(inner);
        }
        writer.end(outer);
        const reader = byteReader(writer.bytes());
        const size = reader.varint();
        const end = reader.at() + size;
        for (const [text, bytes] of values) {
          expect(reader.digits()).toBe(text);
          const length = reader.varint();
          const from = reader.at();
          expect(writer.bytes().slice(from, reader.skip(length))).toEqual(bytes);
        }
        expect(reader.at()).toBe(end);
        reader.end();
      }),
    );
  });

  it("leaves what was taken as it is, whatever is written afterwards and however much", () => {
    const state = fc.array(fc.tuple(fc.string({ unit: "binary", maxLength: 40 }), fc.nat(40_000)), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(state, { minLength: 2, maxLength: 12 }), (states) => {
        const writer = byteWriter();
        const taken = states.map((parts, fill) => {
          writer.reset();
          for (const [text, size] of parts) {
            const mark = writer.begin();
            writer.text(text);
            writer.copy(new Uint8Array(size).fill(fill), 0, size);
            writer.text(text);
            writer.end(mark);
          }
          return writer.bytes();
        });
        states.forEach((parts, fill) => {
          const reader = byteReader(taken[fill]);
          for (const [text, size] of parts) {
            reader.varint();
            expect(reader.text()).toBe(text.toWellFormed());
            const from = reader.at();
            expect(taken[fill]?.slice(from, reader.skip(size)).every((byte) => byte === fill)).toBe(true);
            expect(reader.text()).toBe(text.toWellFormed());
          }
          reader.end();
        });
      }),
    );
  });

  it("says so when bytes are missing or left over", () => {
    expect(() => byteReader(new Uint8Array([5])).text()).toThrow("5 more expected");
    expect(() => byteReader(new Uint8Array([5])).end()).toThrow("1 bytes more");
  });
});

describe("md5", () => {
  it("equals node:crypto's for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(md5Hex(bytes)).toBe(createHash("md5").update(bytes).digest("hex"));
      }),
    );
  });
});

describe("fingerprints", () => {
  const first64 = (text: string) => createHash("md5").update(text.toWellFormed()).digest().subarray(0, 8);
  const bytes = ({ high, low }: { readonly high: number; readonly low: number }) => {
    const written = Buffer.alloc(8);
    written.writeUInt32BE(high, 0);
    written.writeUInt32BE(low, 4);
    return written;
  };
  const text = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 200 }),
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ maxLength: 3000 }),
    fc.constantFrom("", "\ud800", "é", "a\udfff", "😀"),
  );

  it("are the first 64 bits of node:crypto's digest, for any text", () => {
    fc.assert(
      fc.property(text, (any) => {
        expect(bytes(fingerprint(any))).toEqual(first64(any));
      }),
    );
  });

  it("of an identity are those of its text, for any key, id and time", () => {
    const time = fc.oneof(
      fc.integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 }),
      fc.integer({ min: -8.64e15, max: 8.64e15 }),
      fc.constantFrom(0, -1, 999_999_999_999, 1e12, 1_000_000_000_001, 9_999_999_999_999, 1e13, 1.5e12 + 0.5),
    );
    fc.assert(
      fc.property(text, text, time, (key, id, timeMs) => {
        const identity = `${key.toWellFormed()}\n${id.toWellFormed()}\n${timeMs}`;
        expect(bytes(identityFingerprint(key, id, timeMs))).toEqual(first64(identity));
      }),
      { numRuns: 500 },
    );
  });
});

describe("KPL aggregates", () => {
  it("opens an aggregate into its records, in order, with sub-sequences and the outer key", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 }), (payloads) => {
        const inner = deaggregate(record(aggregate(payloads)));
        expect(inner.map(({ data }) => Buffer.from(data))).toEqual(payloads.map((data) => Buffer.from(data)));
        expect(inner.map(({ position }) => position.subSequence)).toEqual(payloads.map((_, i) => i));
        expect(new Set(inner.map(({ partitionKey }) => partitionKey))).toEqual(new Set(["outer"]));
      }),
    );
  });

  it.each([
    ["no magic", (bytes: Buffer) => Buffer.concat([Buffer.from([0]), bytes.subarray(1)])],
    ["fewer than 20 bytes", (bytes: Buffer) => bytes.subarray(0, 19)],
    [
      "a wrong MD5",
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) as number) ^ 1])]),
    ],
    ["a body cut short under a right MD5", (bytes: Buffer) => sealed(bytes.subarray(4, -20))],
    ["a key index beyond the table", () => sealed(message(3, message(1, 7), message(3, Buffer.from("x"))))],
  ])("hands on as one ordinary record what has %s", (_, damage) => {
    const data = damage(aggregate([Buffer.from("hello")]));
    expect(deaggregate(record(data))).toEqual([record(data)]);
  });
});

function at(sequence: string, subSequence = 0) {
  return { shard: "shardId-000000000000", sequence, subSequence };
}

function decimalText(n: number, scale: number): string {
  const digits = String(Math.abs(n)).padStart(scale + 1, "0");
  return `${n < 0 ? "-" : ""}${digits.slice(0, digits.length - scale)}${scale > 0 ? `.${digits.slice(-scale)}` : ""}`;
}

function record(data: Uint8Array): StreamRecord {
  return { position: at("1"), partitionKey: "outer", arrivalMs: 0, data };
}

function aggregate(payloads: readonly Uint8Array[]): Buffer {
  const records = payloads.map((data) => message(3, message(1, 0), message(3, data)));
  return sealed(Buffer.concat([message(1, Buffer.from("key")), ...records]));
}

function sealed(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), body, createHash("md5").update(body).digest()]);
}

/** A protobuf field: a number as varint, bytes (or nested fields) with their length. */
function message(field: number, ...values: (number | Uint8Array)[]): Buffer {
  if (typeof values[0] === "number") return Buffer.from([field * 8, ...varint(values[0])]);
  const body = Buffer.concat(values as Uint8Array[]);
  return Buffer.concat([Buffer.from([field * 8 + 2, ...varint(body.length)]), body]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
