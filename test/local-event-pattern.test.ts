import { describe, expect, it } from "vitest";
import { PatternError, parseJson, readPattern } from "../local/event-pattern.ts";

const matches = (pattern: unknown, event: unknown) => readPattern(parseJson(asText(pattern)))(parseJson(asText(event)));
const asText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

describe("a pattern matches", () => {
  it.each([
    ["an equal text", { a: ["x"] }, { a: "x" }],
    ["one of several", { a: ["x", "y"] }, { a: "y" }],
    ["all of several fields", { a: ["x"], b: [true] }, { a: "x", b: true }],
    ["null", { a: [null] }, { a: null }],
    ["an empty text", { a: [""] }, { a: "" }],
    ["nested fields", { a: { b: ["x"] } }, { a: { b: "x", c: 1 } }],
    ["one value of a list", { a: ["x"] }, { a: ["w", "x"] }],
    ["one object of a list", { a: { b: ["x"], c: ["y"] } }, { a: [{ b: "w" }, { b: "x", c: "y" }] }],
    ["either branch of $or", { $or: [{ a: ["x"] }, { b: ["y"] }], c: [1] }, { b: "y", c: 1 }],
    ["any case", { a: [{ "equals-ignore-case": "ALICE" }] }, { a: "alice" }],
    ["a prefix", { a: [{ prefix: "us-" }] }, { a: "us-east-1" }],
    ["a prefix in any case", { a: [{ prefix: { "equals-ignore-case": "US-" } }] }, { a: "us-east-1" }],
    ["a suffix", { a: [{ suffix: ".png" }] }, { a: "x.png" }],
    ["anything but a text", { a: [{ "anything-but": "x" }] }, { a: "y" }],
    ["anything but several", { a: [{ "anything-but": ["x", 1] }] }, { a: 2 }],
    ["anything but a prefix", { a: [{ "anything-but": { prefix: "init" } }] }, { a: "done" }],
    ["a number in a range", { a: [{ numeric: [">", 0, "<=", 5] }] }, { a: 5 }],
    ["a number by its value", { a: [{ numeric: ["=", 300] }] }, '{"a":3.0e2}'],
    ["what is there", { a: [{ exists: true }] }, { a: null }],
    ["what is not there", { a: { b: [{ exists: false }] } }, { c: 1 }],
    ["no value where an object is", { a: [{ exists: false }] }, { a: { b: 1 } }],
  ])("%s", (_, pattern, event) => {
    expect(matches(pattern, event)).toBe(true);
  });
});

describe("a pattern does not match", () => {
  it.each([
    ["another text", { a: ["x"] }, { a: "y" }],
    ["a part of its fields", { a: ["x"], b: [true] }, { a: "x", b: false }],
    ["what is not there", { a: ["x"] }, {}],
    ["a number written as a text", { a: [1] }, { a: "1" }],
    ["a number written in another way", { a: [300] }, '{"a":300.0}'],
    ["fields of two objects of a list together", { a: { b: ["x"], c: ["y"] } }, { a: [{ b: "x" }, { c: "y" }] }],
    ["neither branch of $or", { $or: [{ a: ["x"] }, { b: ["y"] }] }, { a: "y", b: "x" }],
    ["anything but, where nothing is", { a: [{ "anything-but": "x" }] }, {}],
    ["anything but what is there", { a: [{ "anything-but": ["x", 1] }] }, { a: 1 }],
    ["anything but its prefix", { a: [{ "anything-but": { prefix: "init" } }] }, { a: "initial" }],
    ["a number out of the range", { a: [{ numeric: [">", 0, "<=", 5] }] }, { a: 0 }],
    ["a text as a number", { a: [{ numeric: [">", 0] }] }, { a: "1" }],
    ["an object as a leaf that exists", { a: [{ exists: true }] }, { a: { b: 1 } }],
    ["what an object inherits", { constructor: [{ exists: true }] }, {}],
    ["a text as an object", { a: { length: [1] } }, { a: "x" }],
  ])("%s", (_, pattern, event) => {
    expect(matches(pattern, event)).toBe(false);
  });
});

it.each([
  [[]],
  ["null"],
  [{}],
  [{ a: "x" }],
  [{ a: [] }],
  [{ a: {} }],
  [{ a: [["x"]] }],
  [{ a: [{ like: "x" }] }],
  [{ a: [{ prefix: "x", suffix: "y" }] }],
  [{ a: [{ prefix: 1 }] }],
  [{ a: [{ exists: "true" }] }],
  [{ a: [{ numeric: [">"] }] }],
  [{ a: [{ numeric: ["~", 1] }] }],
  [{ a: [{ numeric: [">", "1"] }] }],
  [{ a: [{ "anything-but": [] }] }],
  [{ a: [{ "anything-but": { exists: true } }] }],
  [{ $or: {} }],
  [{ $or: ["x"] }],
])("%j is refused as a pattern", (pattern) => {
  expect(() => readPattern(parseJson(asText(pattern)))).toThrow(PatternError);
});
