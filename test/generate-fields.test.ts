import {
  compile,
  count,
  type Decoded,
  decode,
  decodeForViews,
  defineFeatures,
  defineView,
  type EventSchema,
  minutes,
  type Pipeline,
  type StreamRecord,
  tumbling,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileSchema } from "../cli/schema/compile.ts";
import { readSchema } from "../cli/schema/read-schema.ts";
import { FieldReader } from "../layers/engine/field-reader.ts";
import { schemas, valuesAround } from "./schema-arbitraries.ts";
import { entityOf, importSource } from "./schema-fixtures.ts";

/** Reading what the views need from the bytes, against JSON.parse and `readRow`. */
describe.each(Object.entries(schemas))("an event of %s, read field by field", (_name, text) => {
  it("is what JSON.parse and the validator make of it, however it is written and whatever stands before and behind it", async () => {
    const { pipeline, everything } = await pipelinesOf(text);
    const quick = countingRows(everything);
    let events = 0;
    const batches = fc.array(fc.tuple(valuesAround(readSchema(text)), writers), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(batches, (values) => {
        const records = values.map(([value, write]) => recordOf(write(value)));
        const expected = records.map((record) => decode(pipeline, record));
        expect(decodeForViews(quick.pipeline, records)).toStrictEqual(expected);
        events += expected.filter(({ event }) => event !== null).length;
      }),
      { numRuns: 600 },
    );
    // Both ways have to have been gone.
    expect(quick.rows()).toBeGreaterThan(20);
    expect(events - quick.rows()).toBeGreaterThan(30);
  });

  it("is never read where a byte too many, too few or another one makes it something else", async () => {
    const { pipeline, everything } = await pipelinesOf(text);
    const damaged = fc.tuple(valuesAround(readSchema(text)), fc.nat(), fc.nat(2), fc.constantFrom(...TELLING));
    fc.assert(
      fc.property(fc.array(damaged, { minLength: 1, maxLength: 4 }), (values) => {
        const records = values.map(([value, place, cut, put]) => {
          const json = JSON.stringify(value);
          const at = place % (json.length + 1);
          return recordOf(json.slice(0, at) + put + json.slice(at + cut));
        });
        expect(decodeForViews(everything, records)).toStrictEqual(records.map((record) => decode(pipeline, record)));
      }),
      { numRuns: 1200 },
    );
  });

  it("has null for texts that no view looks at, and is accepted and refused all the same", async () => {
    const { pipeline } = await pipelinesOf(text);
    fc.assert(
      fc.property(valuesAround(readSchema(text)), (value) => {
        const record = recordOf(JSON.stringify(value));
        const [seen, whole] = [decodeForViews(pipeline, [record])[0] as Decoded, decode(pipeline, record)];
        expect({ ...seen, event: { ...seen.event, row: null } }).toEqual({
          ...whole,
          event: { ...whole.event, row: null },
        });
        for (const [column, cell] of Object.entries(seen.event?.row ?? {})) {
          const isLeftOut = cell === null && !["event_id", "event_time"].includes(column);
          if (!isLeftOut) expect(cell).toEqual(whole.event?.row[column]);
        }
      }),
      { numRuns: 400 },
    );
  });
});

describe("reading field by field", () => {
  const known = '"event_id":"e1","event_type":"t","event_time":1772366400000,"user_id":"e1"';

  it.each([
    ["nothing", ""],
    ["a list", "[]"],
    ["a number that begins with zero", `{${known},"quantity":01}`],
    ["a number that ends with its point", `{${known},"quantity":1.}`],
    ["a number without digits", `{${known},"quantity":-}`],
    ["a number with a plus", `{${known},"quantity":+1}`],
    ["an exponent without digits", `{${known},"quantity":1e}`],
    ["a number beyond all numbers", `{${known},"quantity":1e999}`],
    ["minus zero", `{${known},"quantity":-0}`],
    ["a word cut short", `{${known},"item_id":nul}`],
    ["a word too long", `{${known},"item_id":nulls}`],
    ["a comma too many", `{${known},}`],
    ["a comma at first", `{,${known}}`],
    ["no colon", `{${known},"session_id"="s"}`],
    ["a name like the expected one", `{${known},"session_ie":5}`],
    ["two commas", `{${known},,"a":1}`],
    ["something behind it", `{${known}} {}`],
    ["a tab in a text", `{${known},"item_id":"a\tb"}`],
    ["a form feed between fields", `{\f${known}}`],
    ["an escape in a text", `{${known},"item_id":"a\\u0062"}`],
    ["an escape in a name", `{${known},"item\\u005fid":"i"}`],
    ["letters beyond ASCII", `{${known},"item_id":"\u00e9"}`],
    ["letters beyond ASCII where nobody looks", `{${known},"\u00e9":["\u20ac"]}`],
    ["a field twice", `{${known},"item_id":"a","item_id":"b"}`],
    ["an object twice", `{${known},"page":{"url":"a"},"page":{}}`],
    ["a text for an object", `{${known},"page":"a"}`],
    ["a list for an object", `{${known},"page":[]}`],
    ["a field of every object", `{${known},"__proto__":{"item_id":"i"},"constructor":1}`],
    ["deep lists", `{${known},"deep":${"[".repeat(40)}${"]".repeat(40)}}`],
    ["more than a load holds", `{${known},"item_id":"i","long":"${"x".repeat(20_000)}"}`],
    ["white space everywhere", ` \n\r\t{ ${known.replaceAll(":", " :\n").replaceAll(",", "\t, ")} } `],
  ])("is right for %s", async (_what, json) => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    const records = [json, `{${known}}`, json].map(recordOf);
    expect(decodeForViews(everything, records)).toStrictEqual(records.map((record) => decode(pipeline, record)));
  });

  it("reads times and numbers as they are written, whatever came before", async () => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    const list = fc.array(fc.tuple(times, numbers), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(list, (values) => {
        const records = values.map(([time, number]) =>
          recordOf(`{"event_id":"e1","event_type":"t","event_time":${time},"user_id":"e1","amount":${number}}`),
        );
        expect(decodeForViews(everything, records)).toStrictEqual(records.map((record) => decode(pipeline, record)));
      }),
      { numRuns: 1500 },
    );
  });

  it("makes of every number the one that JSON.parse makes of it, to the last bit and the sign of zero", () => {
    const column = { name: "n", path: ["n"], type: "double", required: true, sensitive: false } as const;
    const reader = new FieldReader([column], new Set(["n"]), "n", "n");
    fc.assert(
      fc.property(numbers, (number) => {
        reader.load([recordOf(`{"n":${number}}`)], 0);
        expect(reader.find(0)).toBe(true);
        expect(reader.value(0)).toBe(JSON.parse(number));
      }),
      { numRuns: 2000 },
    );
  });

  it("is right for every byte at any place, also for those that UTF-8 has not", async () => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    const json = new TextEncoder().encode(
      `{${known},"item_id":"\u20ac\u00e9a\ufeff","page":{"url":"\ud83d\ude80"},"\u00e9":"\u00e9"}`,
    );
    const places = fc.tuple(fc.nat(json.length), fc.nat(2), fc.constantFrom(...ODD_BYTES));
    let events = 0;
    fc.assert(
      fc.property(fc.array(places, { maxLength: 3 }), (changes) => {
        const records = changes.map(([at, cut, put]) => {
          const data = Uint8Array.from([...json.subarray(0, at), ...put, ...json.subarray(at + cut)]);
          return { ...recordOf(""), data };
        });
        const expected = records.map((record) => decode(pipeline, record));
        expect(decodeForViews(everything, records)).toStrictEqual(expected);
        events += expected.filter(({ kind }) => kind === "event").length;
      }),
      { numRuns: 1500 },
    );
    expect(events).toBeGreaterThan(50);
  });

  it("counts code points where a length is bounded, whatever bytes and units they take", async () => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    for (const letter of ["i", "\u00e9", "\u20ac", "\ud83d\ude80"])
      for (const length of [63, 64, 65]) {
        const event = {
          event_id: "e1",
          event_type: letter.repeat(length),
          event_time: 1_772_366_400_000,
          user_id: "e1",
        };
        const records = [recordOf(JSON.stringify(event))];
        expect(decodeForViews(everything, records)).toStrictEqual(records.map((record) => decode(pipeline, record)));
        expect(decodeForViews(everything, records)[0]?.kind).toBe(length === 65 ? "rejection" : "event");
      }
  });

  it.each([
    ["texts", {}, {}],
    ["texts, the id kept as JSON", JSON_TEXT, {}],
    ["texts, the key kept as JSON", {}, JSON_TEXT],
    ["texts, both kept as JSON", JSON_TEXT, JSON_TEXT],
  ])("gives an event the identity that its key, its id and its time have: %s", async (_what, id, key) => {
    const { pipeline, everything } = await pipelinesOf(identitySchema(id, key), "user_id");
    const texts = fc.stringMatching(/^[ -!#-[\]-~]{1,120}$/);
    fc.assert(
      fc.property(texts, texts, fc.constantFrom(0, 999, 1_772_366_400_000, -5), (id, user, timeMs) => {
        const json = JSON.stringify({ event_id: id, event_time: timeMs, user_id: user, kind: "t" });
        const record = { ...recordOf(json), partitionKey: key === JSON_TEXT ? JSON.stringify(user) : user };
        const expected = decode(pipeline, record);
        expect(expected.event).not.toBeNull();
        expect(decodeForViews(everything, [record])[0]).toStrictEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["its own", '"":', "event"],
    ["that of none", "", "rejection"],
    ["four bytes without a meaning", "\u0000\u0000\u0000\u0000", "rejection"],
    ["four spaces", "    ", "rejection"],
  ])("knows a field without a name by its quotes: %s", async (_what, name, kind) => {
    const { pipeline, everything } = await pipelinesOf(schemas.untidy, "user_id");
    // Where the field has stood once it is expected.
    const records = ['"":', name].map((written) =>
      recordOf(`{${written}"x","event_id":"e1","event_time":"2026-03-01T12:00:00Z","user_id":"e1"}`),
    );
    const [, decoded] = decodeForViews(everything, records);
    expect(decoded).toStrictEqual(decode(pipeline, records[1] as StreamRecord));
    expect(decoded?.kind).toBe(kind);
  });

  it("does not let a record go on in the next", async () => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    const records = [`{${known}`, "}", `{${known},"item_id":`, '"i"}', `{${known},"item_id":"`, '"}'].map(recordOf);
    const decoded = decodeForViews(everything, records);
    expect(decoded.map(({ kind }) => kind)).toEqual(new Array(6).fill("rejection"));
    expect(decoded).toStrictEqual(records.map((record) => decode(pipeline, record)));
  });

  it("reads any number of records, of any size", async () => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    const sizes = fc.array(fc.constantFrom(0, 300, 3_000, 16_300, 30_000), { maxLength: 250, size: "max" });
    fc.assert(
      fc.property(sizes, (list) => {
        const records = list.map((size, i) => recordOf(`{${known},"item_id":"i${i}","more":"${"x".repeat(size)}"}`));
        expect(decodeForViews(everything, records)).toStrictEqual(records.map((record) => decode(pipeline, record)));
      }),
      { numRuns: 10 },
    );
  });

  it("is given up for a while where most events cannot be read so, and tried again", async () => {
    const { pipeline, everything } = await pipelinesOf(schemas.clickstream);
    const quick = countingRows(everything);
    const foreign = new Array(150).fill(recordOf(`{${known},"item_id":"\\u0069"}`));
    const plain = new Array(5_000).fill(recordOf(`{${known},"item_id":"i"}`));
    const rows = () => {
      const before = quick.rows();
      expect(decodeForViews(quick.pipeline, plain)).toEqual(plain.map((record) => decode(pipeline, record)));
      return quick.rows() - before;
    };
    expect(rows()).toBe(5_000);
    const decoded = decodeForViews(quick.pipeline, foreign);
    expect(decoded).toEqual(foreign.map((record) => decode(pipeline, record)));
    const afterwards = rows();
    expect(afterwards).toBeGreaterThan(1_000);
    expect(afterwards).toBeLessThan(4_000);
    expect(rows()).toBe(5_000);
  });

  it("leaves texts alone that no view looks at", async () => {
    const { pipeline } = await pipelinesOf(schemas.clickstream);
    const [decoded] = decodeForViews(pipeline, [recordOf(`{${known},"item_id":"i","page":{"url":"u"}}`)]);
    expect(decoded?.event?.row).toMatchObject({ event_id: "e1", event_type: null, item_id: null, page_url: null });
  });
});

const JSON_TEXT = { "x-flatten": "json" };

function identitySchema(id: object, key: object): string {
  return JSON.stringify({
    title: "Event",
    type: "object",
    required: ["event_id", "event_time", "user_id"],
    properties: {
      event_id: { type: "string", ...id },
      event_time: { type: ["string", "integer"], format: "date-time", minimum: -10, maximum: 2e12 },
      user_id: { type: "string", ...key },
      kind: { type: "string", maxLength: 8 },
    },
  });
}

/** Of few minutes, so that one comes again: right times, leap seconds, and what is none. */
const times = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        "2026-03-01T12:00:",
        "2026-03-01T12:01:",
        "2026-06-30T23:59:",
        "2026-02-29T12:00:",
        "2026-03-01 12:00:",
      ),
      fc.constantFrom("00", "07", "59", "60", "61", "5", "0x"),
      fc.constantFrom(".000", ".250", ".999", ",250", ".25", ".2500", ".25a", ""),
      fc.constantFrom("Z", "z", "+01:00", "", "ZZ"),
    )
    .map((parts) => JSON.stringify(parts.join(""))),
  fc.constantFrom("0", "-1", "1772366400000", "1772366400000.5", "1e3", "null"),
);

const numbers = fc.oneof(
  fc.double().map((value) => JSON.stringify(value)),
  fc.stringMatching(/^-?(0|[1-9]\d{0,17})(\.\d{1,18})?([eE][+-]?\d{1,3})?$/),
  fc.stringMatching(/^-?(0|[1-9]\d{0,10})\.\d{1,4}$/),
);

/** What can turn one JSON text into another, or into none. */
const TELLING = [
  "",
  ...'"{}[],:0-1.eE+ntf\\ \t\n',
  "\u0000",
  "\u007f",
  "\u00e9",
  '",',
  '":',
  '"":1,',
  "{}",
  "null",
  "tru",
];

/** Nothing, ASCII, and UTF-8 whole, cut, too long for what it spells, and of a surrogate. */
const ODD_BYTES = [
  [],
  [0x61],
  [0xc3, 0xa9],
  [0xc3],
  [0xa9],
  [0xc0, 0x80],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xef, 0xbb, 0xbf],
  [0xf0, 0x9f, 0x9a, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xff],
];

const shuffled = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).reverse())
    : value;

/** Escapes, and what is no printable ASCII. */
const BEYOND_PLAIN = /\\u....|\\.|[^ -~\n]/g;

/** Ways in which a producer may write an event. */
const writers = fc.constantFrom<(value: unknown) => string>(
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value).replace(BEYOND_PLAIN, "x"),
  (value) => JSON.stringify(value, null, 1).replace(BEYOND_PLAIN, "y"),
  (value) => JSON.stringify(shuffled(value)),
  (value) => ` ${JSON.stringify(value, null, "\t")}\r\n`,
);

function countingRows(pipeline: Pipeline): { readonly pipeline: Pipeline; readonly rows: () => number } {
  let rows = 0;
  const readFields: NonNullable<EventSchema["readFields"]> = (fields) => {
    const row = pipeline.schema.readFields?.(fields) ?? null;
    if (row !== null && typeof row !== "string") rows++;
    return row;
  };
  return { pipeline: { ...pipeline, schema: { ...pipeline.schema, readFields } }, rows: () => rows };
}

interface Pipelines {
  readonly pipeline: Pipeline;
  readonly everything: Pipeline;
}

const made = new Map<string, Promise<Pipelines>>();

function pipelinesOf(text: string, partitionKey = "event_id"): Promise<Pipelines> {
  const pipelines = made.get(partitionKey + text) ?? compiled(text, partitionKey);
  made.set(partitionKey + text, pipelines);
  return pipelines;
}

/** One whose views look at hardly more than the identity, and the same as if they looked at every column. */
async function compiled(text: string, partitionKey: string): Promise<Pipelines> {
  const { eventSchema } = await importSource(compileSchema(text).eventSource);
  const { columns } = eventSchema;
  const counted = [count("n", { windows: [tumbling(minutes(1))] })];
  const views = [defineView("events", { entity: entityOf(eventSchema), features: counted })];
  const features = defineFeatures({ partitionKey, allowedLatenessMs: 60_000, maxSkewMs: 60_000, views });
  const pipeline = compile(features, eventSchema);
  const fields = new FieldReader(columns, new Set(columns.map(({ name }) => name)), partitionKey, eventSchema.idColumn);
  return { pipeline, everything: { ...pipeline, fields } };
}

function recordOf(json: string): StreamRecord {
  const position = { shard: "shardId-000000000000", sequence: "49", subSequence: 0 };
  return { position, partitionKey: "e1", arrivalMs: 1_772_366_400_000, data: new TextEncoder().encode(json) };
}
