/** Schemas to try the compiler on, and random values that fit them or nearly do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { projectDir } from "../cli/definitions.ts";
import type { SchemaNode } from "../cli/schema/read-schema.ts";
import { shopDir } from "./shop.ts";

export const schemas = {
  clickstream: readFileSync(join(shopDir, "event.schema.json"), "utf8"),
  sensors: readFileSync(join(projectDir, "examples", "definitions-sensors", "event.schema.json"), "utf8"),
  // Every keyword and every odd name at once.
  nasty: JSON.stringify(nastySchema()),
  // What makes the identity is a text or a number, kept as JSON text; and a field without a name.
  untidy: JSON.stringify(untidySchema()),
};

/** Mostly right values, each with a chance of something else at any place, and with fields that nobody declared. */
export function valuesAround(node: SchemaNode): fc.Arbitrary<unknown> {
  return node.path.length === 0
    ? fc.oneof({ weight: 3, arbitrary: right(node, 0) }, { weight: 7, arbitrary: right(node, 1) })
    : right(node, 1);
}

/** `wrongness` 0: nearly always valid. */
function right(node: SchemaNode, wrongness: number): fc.Arbitrary<unknown> {
  const fitting = fc.oneof(...node.types.map((type) => ofType(type, node, wrongness)));
  return wrongness === 0 ? fitting : fc.oneof({ weight: 40, arbitrary: fitting }, { weight: 1, arbitrary: anything });
}

function ofType(type: SchemaNode["types"][number], node: SchemaNode, wrongness: number): fc.Arbitrary<unknown> {
  if (type === "null") return fc.constant(null);
  if (node.constants !== null) return fc.constantFrom(...node.constants);
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return numbers(node, fc.maxSafeInteger(), wrongness);
  if (type === "number") return numbers(node, fc.oneof(decimals.map(Number), fc.double({ noNaN: true })), wrongness);
  if (type === "string") return texts(node, wrongness);
  if (type === "array") {
    const item = node.items === null ? fc.jsonValue({ maxDepth: 2 }) : right(node.items, wrongness);
    const { minItems = 0, maxItems = 4 } = node.limits;
    return fc.array(item, { minLength: Math.max(0, minItems - wrongness), maxLength: maxItems + wrongness });
  }
  return objects(node, wrongness);
}

function objects(node: SchemaNode, wrongness: number): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    node.properties.map((property) => [String(property.path.at(-1)), right(property, wrongness)]),
  );
  const requiredKeys = wrongness === 0 ? [...node.required] : [...node.required].slice(0, -1);
  const declared = fc.record(fields, { requiredKeys });
  const undeclared = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 });
  return fc.tuple(undeclared, declared).map(([more, own]) => ({ ...more, ...own }));
}

function numbers({ limits }: SchemaNode, any: fc.Arbitrary<number>, wrongness: number): fc.Arbitrary<number> {
  const edges = [limits.minimum, limits.maximum, limits.exclusiveMinimum, limits.exclusiveMaximum].filter(
    (edge) => edge !== undefined,
  );
  const within = fc.integer({
    min: Math.ceil(Math.max(limits.minimum ?? (limits.exclusiveMinimum ?? -10) + 1, -90)),
    max: Math.floor(Math.min(limits.maximum ?? 9, 90)),
  });
  if (wrongness === 0) return within;
  return fc.oneof(
    within,
    any,
    fc.constantFrom(0, -0, 1e21, 0.1 + 0.2, ...edges.flatMap((edge) => [edge, edge - 1, edge + 1, edge + 0.5])),
  );
}

function texts({ limits, annotations }: SchemaNode, wrongness: number): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = 20 } = limits;
  if (annotations["x-scale"] !== undefined)
    return wrongness === 0 ? fc.constantFrom("0", "-12") : fc.oneof(decimals, oddTexts);
  if (limits.format !== undefined) return wrongness === 0 ? plainTimes : fc.oneof(plainTimes, oddTimes);
  if (limits.pattern !== undefined) {
    const matching = fc.stringMatching(new RegExp(limits.pattern, "u"), { maxLength: Math.min(maxLength, 60) });
    return wrongness === 0 ? matching : fc.oneof(matching, oddTexts);
  }
  const unit = fc
    .constantFrom("grapheme", "binary", "binary-ascii", "grapheme-composite")
    .chain((kind) => fc.string({ unit: kind, minLength, maxLength: Math.min(maxLength, minLength + 30) }));
  const wellSized = unit.filter((text) => [...text].length >= minLength && [...text].length <= maxLength);
  const atTheEdge = fc.tuple(
    fc.constantFrom("a", "😀", "\ud800", "é"),
    fc.integer({ min: -1, max: 1 }),
    fc.constantFrom(minLength, maxLength),
  );
  return wrongness === 0
    ? wellSized
    : fc.oneof(
        unit,
        oddTexts,
        atTheEdge.map(([letter, step, length]) => letter.repeat(Math.max(0, length + step))),
      );
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, "", 0, -0, 1.5, 1e300, Infinity, true, [], {}, { toString: 1 }, "\udc00"),
);
const oddTexts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    " ",
    "\u0000",
    "\ud800",
    "a\udfff",
    "EUR\n",
    "__proto__",
    "1e3",
    "+1",
    ".5",
    "1.",
    "007",
    "-0",
    "-0.0000",
    "٣",
    "999999999999999.9",
  ),
);
const decimals = fc
  .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 8 }))
  .map(([digits, places]) => (digits / 10 ** places).toFixed(places));
const plainTimes = fc
  .date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T00:00:00Z"), noInvalidDate: true })
  .map((date) => date.toISOString());
const oddTimes = fc.oneof(
  fc
    .tuple(
      plainTimes,
      fc.constantFrom("T", "t", " ", "\n", "\u00a0", "", "_"),
      fc.constantFrom("Z", "z", "+02:00", "-23:59", "+24:00", "+0200", "", "Z "),
    )
    .map(([time, separator, offset]) => time.replace("T", separator).replace("Z", offset)),
  fc.tuple(...[9999, 13, 32, 25, 61, 61].map((max) => fc.integer({ min: 0, max }))).map(
    ([year, ...rest]) =>
      `${pad(year, 4)}-${rest
        .slice(0, 2)
        .map((n) => pad(n, 2))
        .join("-")}T${rest
        .slice(2)
        .map((n) => pad(n, 2))
        .join(":")}Z`,
  ),
  fc.constantFrom(
    "2016-12-31T23:59:60Z",
    "2017-01-01T01:59:60+02:00",
    "2016-12-31T22:59:60Z",
    "2026-02-29T00:00:00Z",
    "2024-02-29T00:00:00.123456789+05:30",
  ),
);

function pad(number: number | undefined, width: number): string {
  return String(number).padStart(width, "0");
}

function nastySchema(): unknown {
  return {
    title: "Nasty event",
    type: "object",
    required: ["event_id", "event_time", "constructor", "class"],
    properties: {
      event_id: { type: "string", minLength: 2, maxLength: 5 },
      event_time: { type: ["integer", "string"], format: "date-time", minimum: -1e12, exclusiveMaximum: 4e12 },
      constructor: { type: "string", enum: ["a", "b", 'quote " and \\ and \n'] },
      class: { description: "ends a comment */ here", type: "string", const: "b" },
      toString: { type: "object", properties: { hasOwnProperty: { type: "integer", minimum: 0, maximum: 9 } } },
      "odd name-1": { type: ["boolean", "null"], "x-column": "odd_one" },
      "1st": { type: ["string", "null"], enum: ["x", null], "x-column": "first" },
      "`${i}`": {
        type: "array",
        minItems: 1,
        maxItems: 3,
        items: { type: ["string", "null", "number"], maxLength: 2, maximum: 5 },
        "x-column": "ticks",
      },
      grid: {
        type: "array",
        items: {
          type: "array",
          items: { type: "object", required: ["n"], properties: { n: { type: "integer", exclusiveMinimum: -3 } } },
        },
      },
      item: { type: "array", items: { type: "boolean" } },
      level: { type: "integer", enum: [1, 2, 3] },
      ratio: { type: "number", exclusiveMinimum: 0, maximum: 1 },
      price: { type: ["string", "integer"], "x-scale": 0 },
      seen: { type: ["string", "null"], format: "date-time" },
      either: {
        type: ["string", "object", "array", "integer"],
        "x-flatten": "json",
        properties: { a: { type: "string", pattern: "^/[\\p{L}]+/$" } },
        items: { type: "integer" },
        maxItems: 2,
        maxLength: 3,
      },
      secret: {
        type: "object",
        "x-sensitive": true,
        properties: { code: { type: "string", pattern: "^[a-z]*$" }, code_violation: { type: "string" } },
      },
      secret_violation: { type: "integer", minimum: 0, maximum: 3 },
    },
  };
}

function untidySchema(): unknown {
  return {
    title: "Untidy event",
    type: "object",
    required: ["event_id", "event_time", "user_id"],
    properties: {
      event_id: { type: ["string", "integer"], "x-flatten": "json", maxLength: 8 },
      event_time: { type: "string", format: "date-time" },
      user_id: { type: "string", maxLength: 8 },
      "": { type: ["string", "null"], maxLength: 8, "x-column": "nameless" },
    },
  };
}
