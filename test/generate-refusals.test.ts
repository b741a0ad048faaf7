import { describe, expect, it } from "vitest";
import { toSnakeCase } from "../cli/schema/columns.ts";
import { compileSchema } from "../cli/schema/compile.ts";
import { UserError } from "../cli/user-error.ts";

describe("a schema that cannot be kept is refused by name and path", () => {
  it.each([
    [
      "an unsupported keyword",
      { a: { type: "string", contentEncoding: "base64" } },
      'a: the keyword "contentEncoding" is not supported',
    ],
    [
      "one deep inside",
      { a: { type: "array", items: { type: "object", properties: { b: { type: "string", not: {} } } } } },
      'a[].b: the keyword "not" is not supported',
    ],
    ["another format", { a: { type: "string", format: "email" } }, "a: expected format to be"],
    [
      "closed objects",
      { a: { type: "object", additionalProperties: false } },
      "a: expected additionalProperties to be true",
    ],
    [
      "a pattern that is none",
      { a: { type: "string", pattern: "[" } },
      "a: expected pattern to be a regular expression",
    ],
    ["no type", { a: { enum: ["x"] } }, 'a: expected a "type"'],
    [
      "two fields, one column",
      { aB: { type: "string" }, a_b: { type: "string" } },
      "a_b: its column a_b is also the column of aB: set x-column",
    ],
    [
      "the same by case",
      { URL: { type: "string" }, url: { type: "string" } },
      "url: its column url is also the column of URL: set x-column",
    ],
    [
      "the same through an object",
      { page_url: { type: "string" }, page: { type: "object", properties: { url: { type: "string" } } } },
      "page.url: its column page_url is also the column of page_url",
    ],
    [
      "a leading underscore",
      { _id: { type: "string" } },
      '_id: its column would be called "_id"; a column starts with a letter',
    ],
    ["a name without letters", { 日付: { type: "string" } }, "set x-column"],
    ["a name that the lake needs", { dt: { type: "string" } }, "dt: the column dt is a partition key of the lake"],
    [
      "a column name in capitals",
      { a: { type: "string", "x-column": "Alpha" } },
      "a: expected x-column to be a column name in lower snake case",
    ],
    [
      "types without one column type",
      { a: { type: ["string", "boolean"] } },
      "a: string and boolean together have no column type",
    ],
    [
      "whole numbers without bounds",
      { a: { type: "integer" } },
      "a: expected minimum and maximum within -9007199254740991 and 9007199254740991",
    ],
    [
      "an enum without its null",
      { a: { type: ["string", "null"], enum: ["x"] } },
      "a: the type allows null and the enum does not",
    ],
    [
      "an enum of another type",
      { a: { type: "string", enum: ["x", 1] } },
      "a: expected enum or const to list values of its type, got 1",
    ],
    [
      "an annotation without effect",
      { a: { type: "array", items: { type: "string", "x-sensitive": true } } },
      "a[]: x-sensitive has no effect here",
    ],
    [
      "an optional partition key",
      { a: { type: "string", enum: ["x"], "x-partition": true } },
      "a: x-partition is for a required string",
    ],
  ])("%s", (_what, properties, message) => {
    expect(() => compileSchema(schemaWith(properties))).toThrow(UserError);
    expect(() => compileSchema(schemaWith(properties))).toThrow(message);
  });

  it.each(["^.{1,9}$", "^[a-z=]+$", "^[a-z]*$"])("a partition key whose pattern %s lets a path break", (pattern) => {
    const a = { type: "string", pattern, "x-partition": true };
    expect(() => compileSchema(schemaWith({ a }, ["a"]))).toThrow(
      "a: x-partition needs values that are safe in a path",
    );
    const safe = { ...a, pattern: "^[a-z]{1,9}$" };
    expect(() => compileSchema(schemaWith({ a: safe }, ["a"]))).not.toThrow();
  });

  it("an event without identity", () => {
    const { event_id, ...rest } = identity;
    expect(() => compileSchema(schemaOf(rest, ["event_time"]))).toThrow(
      'the event: expected a column event_id: set "x-column": "event_id"',
    );
    expect(() => compileSchema(schemaOf({ event_id, ...rest }, ["event_time"]))).toThrow(
      "event_id: the column event_id must be required",
    );
    expect(() =>
      compileSchema(schemaOf({ ...rest, event_id: { type: "boolean" } }, ["event_id", "event_time"])),
    ).toThrow("must be a string");
  });

  it("a file that is no JSON, or no schema", () => {
    expect(() => compileSchema("{")).toThrow("event.schema.json: expected JSON");
    expect(() => compileSchema("[]")).toThrow("event.schema.json: the event: expected a schema object");
    expect(() => compileSchema('{"type":"object"}')).toThrow("expected properties");
  });
});

describe("columns", () => {
  it.each([
    ["pageURL", "page_url"],
    ["HTTPStatus", "http_status"],
    ["user-id", "user_id"],
    ["Geo Point ", "geo_point"],
    ["sha256Sum", "sha256_sum"],
    ["_private", "_private"],
  ])("are named in lower snake case: %s is %s", (name, column) => {
    expect(toSnakeCase(name)).toBe(column);
  });

  it("take x-column as their name, and under an object as the first part", () => {
    const page = {
      type: "object",
      "x-column": "p",
      "x-sensitive": true,
      properties: { url: { type: "string" }, t: { type: "string", "x-column": "title" } },
    };
    const { columns } = compileSchema(schemaWith({ page, Other: { type: "object", "x-column": "rest" } }));
    expect(columns.slice(2).map(({ name, sensitive, type }) => [name, sensitive, type])).toEqual([
      ["p_url", true, "string"],
      ["p_title", true, "string"],
      ["rest", false, "string"],
    ]);
  });

  it("are required only where every object above is", () => {
    const inner = { type: "object", required: ["b"], properties: { b: { type: "string" } } };
    const { columns } = compileSchema(schemaWith({ sure: inner, perhaps: inner }, ["sure"]));
    expect(columns.slice(2).map(({ name, required }) => [name, required])).toEqual([
      ["sure_b", true],
      ["perhaps_b", false],
    ]);
  });
});

const identity = { event_id: { type: "string" }, event_time: { type: "string", format: "date-time" } };

function schemaWith(properties: object, required: readonly string[] = []): string {
  return schemaOf({ ...identity, ...properties }, ["event_id", "event_time", ...required]);
}

function schemaOf(properties: object, required: readonly string[]): string {
  return JSON.stringify({ title: "E", type: "object", required, properties });
}
