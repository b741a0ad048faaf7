import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { S3Client } from "@aws-sdk/client-s3";
import { objectLines } from "@millrace/aws";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const place = { bucket: "raw", key: "raw/a.gz" };

describe("the lines of an object", () => {
  it("are its lines, however the bytes come, packed whole, in members, or not at all", async () => {
    const line = fc.string({ unit: fc.constantFrom("a", "é", "\u2028", "\r", '"', "𝄞"), minLength: 1, maxLength: 8 });
    const lines = fc.array(line, { maxLength: 30, size: "max" });
    const pieces = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(lines, pieces, fc.nat(2), fc.boolean(), async (lines, sizes, members, ends) => {
        const text = lines.join("\n") + (ends && lines.length > 0 ? "\n" : "");
        const middle = Math.floor(text.length / 2);
        const parts = members === 2 ? [text.slice(0, middle), text.slice(middle)] : [text];
        const bytes = members === 0 ? Buffer.from(text) : Buffer.concat(parts.map((part) => gzipSync(part)));
        // A character may be cut in two by the member's end only where its text is whole.
        fc.pre(parts.every((part) => part.isWellFormed()));
        expect(await all(objectLines(s3Of(bytes, sizes), place))).toEqual(lines);
      }),
    );
  });

  it("are none of an empty object", async () => {
    expect(await all(objectLines(s3Of(Buffer.alloc(0), [1]), place))).toEqual([]);
  });

  it("break off with an error where the object does", async () => {
    const packed = gzipSync("one\ntwo\n".repeat(1000));
    await expect(all(objectLines(s3Of(packed.subarray(0, packed.length - 9), [50]), place))).rejects.toThrow(
      "unexpected end of file",
    );
  });

  it("do not leave anything open when nobody reads on", async () => {
    let closed = false;
    const packed = gzipSync(Buffer.alloc(1_000_000, "line\n"), { level: 0 });
    const s3 = s3Of(packed, [40], () => {
      closed = true;
    });
    for await (const line of objectLines(s3, place)) {
      expect(line).toBe("line");
      break;
    }
    await setImmediate();
    expect(closed).toBe(true);
  });
});

function s3Of(bytes: Buffer, sizes: readonly number[], onEnd = () => {}): Pick<S3Client, "send"> {
  const Body = (async function* () {
    try {
      for (let from = 0, n = 0; from < bytes.length; n++) {
        const to = from + (sizes[n % sizes.length] as number);
        yield bytes.subarray(from, to);
        from = to;
      }
    } finally {
      onEnd();
    }
  })();
  return { send: async () => ({ Body }) } as unknown as Pick<S3Client, "send">;
}

async function all(lines: AsyncIterable<string>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}
