import { parseTime, scaleDecimal } from "@millrace/engine";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileSchema } from "../cli/schema/compile.ts";
import { readSchema } from "../cli/schema/read-schema.ts";
import { schemas, valuesAround } from "./schema-arbitraries.ts";
import { importSource } from "./schema-fixtures.ts";

describe.each(Object.entries(schemas))("the compiled validator of %s", (_name, text) => {
  it("agrees with Ajv on values from and around the schema", async () => {
    const { validate } = await importSource(compileSchema(text).eventSource);
    const reference = ajvFor(text);
    let valid = 0;
    fc.assert(
      fc.property(valuesAround(readSchema(text)), (value) => {
        const expected = reference(value);
        if (expected) valid += 1;
        expect(validate(value) === null, `${validate(value)} for ${JSON.stringify(value)}`).toBe(expected);
      }),
      { numRuns: 4000 },
    );
    // A generator that only ever makes invalid values would prove little.
    expect(valid).toBeGreaterThan(400);
  });

  it("says of any JSON value at all what Ajv says, and never throws", async () => {
    const { validate } = await importSource(compileSchema(text).eventSource);
    const reference = ajvFor(text);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(validate(value) === null).toBe(reference(value));
      }),
      { numRuns: 500 },
    );
  });
});

describe("what the validator says", () => {
  it.each([
    ["no object", [], "event: expected an object, got an array"],
    ["a missing field", without("event_id"), "event_id: expected a string, got nothing"],
    [
      "a wrong type below an object",
      { ...event(), page: { url: 7 } },
      "page.url: expected a string or null, got a number",
    ],
    [
      "a text too long",
      { ...event(), event_type: "x".repeat(65) },
      "event_type: expected at most 64 characters, got 65",
    ],
    [
      "no time",
      { ...event(), event_time: "yesterday" },
      'event_time: expected a time such as 2026-01-02T03:04:05.678Z, got "yesterday"',
    ],
    [
      "a time without offset",
      { ...event(), event_time: "2026-01-02T03:04:05" },
      'event_time: expected a time such as 2026-01-02T03:04:05.678Z, got "2026-01-02T03:04:05"',
    ],
    [
      "too many places",
      { ...event(), amount: "1.23456" },
      'amount: expected a decimal with at most 4 places and 15 digits, got "1.23456"',
    ],
    ["a fraction", { ...event(), quantity: 1.5 }, "quantity: expected an integer or null, got a fraction"],
    ["a pattern", { ...event(), currency: "eur" }, 'currency: expected a string that matches ^[A-Z]{3}$, got "eur"'],
  ])("names the path, what was expected and what came: %s", async (_what, value, message) => {
    const { validate } = await importSource(compileSchema(schemas.clickstream).eventSource);
    expect(validate(value)).toBe(message);
  });

  it("names the item of an array", async () => {
    const { validate } = await importSource(compileSchema(schemas.nasty).eventSource);
    expect(validate({ ...nastyEvent(), grid: [[{ n: 1 }], [{ n: 1 }, { n: "x" }]] })).toBe(
      "grid[1][1].n: expected an integer, got a string",
    );
  });

  it("does not repeat what is sensitive", async () => {
    const { validate } = await importSource(compileSchema(schemas.nasty).eventSource);
    expect(validate({ ...nastyEvent(), secret: { code: "4711" } })).toBe(
      "secret.code: expected a string that matches ^[a-z]*$, got a string",
    );
  });

  it("counts characters as code points, a lone surrogate as one", async () => {
    const { validate } = await importSource(compileSchema(schemas.clickstream).eventSource);
    expect(validate({ ...event(), event_id: "😀".repeat(256) })).toBeNull();
    expect(validate({ ...event(), event_id: "😀".repeat(257) })).toBe(
      "event_id: expected at most 256 characters, got 257",
    );
    expect(validate({ ...event(), event_id: "\ud800".repeat(256) })).toBeNull();
    const { validate: validateNasty } = await importSource(compileSchema(schemas.nasty).eventSource);
    expect(validateNasty({ ...nastyEvent(), event_id: "😀" })).toBe("event_id: expected at least 2 characters, got 1");
    expect(validateNasty({ ...nastyEvent(), event_id: "😀😀" })).toBeNull();
  });

  it("refuses a free-form object that is nested too deep to be written, where JSON Schema has no word for it", async () => {
    const { validate, toRow } = await importSource(compileSchema(schemas.clickstream).eventSource);
    const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
    expect(validate({ ...event(), properties: nested(200_000) })).toBe(
      "properties: expected at most 100 levels of nesting, got more",
    );
    expect(validate({ ...event(), properties: nested(101) })).not.toBeNull();
    expect(validate({ ...event(), properties: nested(100) })).toBeNull();
    expect(String(toRow({ ...event(), properties: nested(100) }).properties)).toHaveLength(601);
  });
});

/** Ajv with our two additions: x-scale means exact decimals, and a time is what the engine can read. */
function ajvFor(text: string): (value: unknown) => boolean {
  const ajv = new Ajv2020.default({ strict: false, strictNumbers: true, ownProperties: true });
  addFormats.default(ajv);
  const dateTime = ajv.formats["date-time"] as { validate: (text: string) => boolean };
  ajv.addFormat("date-time", (time) => {
    // Ajv is looser than RFC 3339: any white space for the T, offsets without a colon.
    const expected = dateTime.validate(time) && !/[^\S ]/.test(time) && /(?:z|[+-]\d\d:\d\d)$/i.test(time);
    expect(parseTime(time) !== null, time).toBe(expected);
    return expected;
  });
  ajv.addKeyword({
    keyword: "x-scale",
    validate: (scale: number, value: unknown) =>
      (typeof value !== "string" && typeof value !== "number") || scaleDecimal(value, scale) !== null,
  });
  return ajv.compile(JSON.parse(text)) as (value: unknown) => boolean;
}

function event(): Record<string, unknown> {
  return { event_id: "e1", event_type: "view", event_time: "2026-01-02T03:04:05.678Z", user_id: "u1" };
}

function without(field: string): Record<string, unknown> {
  const { [field]: _gone, ...rest } = event();
  return rest;
}

function nastyEvent(): Record<string, unknown> {
  return { event_id: "e1", event_time: 0, constructor: "a", class: "b" };
}
