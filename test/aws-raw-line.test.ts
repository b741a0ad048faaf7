import { fromRawLine, packLine, toRawLine, unpackLine } from "@millrace/aws";
import type { StreamRecord } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const LIMIT_BYTES = 1000 * 1024;

const records: fc.Arbitrary<StreamRecord> = fc.record({
  position: fc.record({
    shard: fc.constantFrom("shardId-000000000000", "shardId-000000000017"),
    sequence: fc.bigInt({ min: 0n, max: 10n ** 57n }).map(String),
    subSequence: fc.nat(),
  }),
  partitionKey: fc.string({ unit: "binary" }).map((key) => key.toWellFormed()),
  arrivalMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 300, size: "max" }),
    fc.json().map((text) => Buffer.from(text)),
  ),
});

describe("a line of the archive", () => {
  it("leads back to the very record, packed or not", () => {
    fc.assert(
      fc.property(records, (record) => {
        const line = toRawLine(record);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(exact(fromRawLine(line))).toEqual(exact(record));
        expect(exact(unpackLine(packLine(line) as Buffer))).toEqual(exact(record));
      }),
    );
  });

  it("is packed only where Firehose would not take it, and then fits, unless its bytes are chance", () => {
    const of = (data: Uint8Array) => toRawLine({ ...sample, data });
    const small = of(Buffer.alloc(LIMIT_BYTES - 200, "x"));
    expect(packLine(small)?.toString()).toBe(small);
    const large = of(Buffer.alloc(1024 * 1024, "x"));
    expect(packLine(large)?.length).toBeLessThan(LIMIT_BYTES);
    expect(unpackLine(packLine(large) as Buffer)?.data.length).toBe(1024 * 1024);
    const chance = Buffer.alloc(1024 * 1024);
    for (let i = 0, state = 1; i < chance.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      chance[i] = state >>> 24;
    }
    expect(packLine(of(chance))).toBeNull();
  });

  it("is not made up of anything else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(fromRawLine(text)).toBeNull();
        expect(unpackLine(Buffer.from(text))).toBeNull();
      }),
    );
  });
});

const sample = {
  position: { shard: "shardId-000000000000", sequence: "7", subSequence: 0 },
  partitionKey: "u1",
  arrivalMs: Date.UTC(2026, 0, 2),
};

function exact(record: StreamRecord | null) {
  return record === null ? null : { ...record, data: Buffer.from(record.data).toString("base64") };
}
