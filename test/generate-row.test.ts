import {
  type ColumnType,
  compile,
  count,
  decode,
  defineFeatures,
  defineView,
  type EventSchema,
  minutes,
  type Pipeline,
  parseTime,
  type Row,
  scaleDecimal,
  toCuratedRow,
  toCuratedTexts,
  tumbling,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileSchema } from "../cli/schema/compile.ts";
import { readSchema } from "../cli/schema/read-schema.ts";
import { schemas, valuesAround } from "./schema-arbitraries.ts";
import { entityOf, importSource } from "./schema-fixtures.ts";

describe.each(Object.entries(schemas))("the compiled row of %s", (_name, text) => {
  it("is what walking the columns gives, for every valid event", async () => {
    const { validate, toRow, eventSchema } = await importSource(compileSchema(text).eventSource);
    let rows = 0;
    fc.assert(
      fc.property(valuesAround(readSchema(text)), (value) => {
        if (validate(value) !== null) return;
        rows += 1;
        const row = toRow(value);
        expect(row).toEqual(naiveRow(value, eventSchema, JSON.parse(text)));
        expect(Object.keys(row)).toEqual(eventSchema.columns.map(({ name }) => name));
        for (const { name, type, minimum = Number.NEGATIVE_INFINITY } of eventSchema.columns) {
          const least = typeof type === "object" ? minimum * 10 ** type.decimal.scale : minimum;
          if (row[name] !== null && least > Number.NEGATIVE_INFINITY)
            expect(Number(row[name])).toBeGreaterThanOrEqual(Math.round(least));
        }
      }),
      { numRuns: 3000 },
    );
    expect(rows).toBeGreaterThan(300);
  });

  it("holds nothing that JSON or UTF-8 would change on the way to the lake", async () => {
    const { validate, toRow } = await importSource(compileSchema(text).eventSource);
    fc.assert(
      fc.property(valuesAround(readSchema(text)), (value) => {
        if (validate(value) !== null) return;
        const row = toRow(value);
        const written = new TextDecoder().decode(new TextEncoder().encode(JSON.stringify(row)));
        // toStrictEqual tells -0 from 0.
        expect(JSON.parse(written)).toStrictEqual(row);
        for (const cell of Object.values(row)) if (typeof cell === "string") expect(cell.isWellFormed()).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("is the same through the quick ways as through the slow ones, from the bytes to the text for the lake", async () => {
    const { eventSchema } = await importSource(compileSchema(text).eventSource);
    const { readRow: _read, toLakeColumns: _write, ...slowSchema } = eventSchema;
    const [quick, slow] = [pipelineOf(eventSchema), pipelineOf(slowSchema)];
    const seen = { rows: 0, plain: 0 };
    fc.assert(
      fc.property(valuesAround(readSchema(text)), (value) => {
        const json = JSON.stringify(value);
        const record = recordOf(json);
        const decoded = decode(slow, record);
        expect(decode(quick, record)).toEqual(decoded);
        const row = toCuratedRow(slow, decoded, 3);
        expect(toCuratedTexts(quick, [record], 3)[0]?.text ?? null).toBe(row === null ? null : JSON.stringify(row));
        if (row !== null) seen.rows += 1;
        if (row !== null && !json.includes("\\")) seen.plain += 1;
      }),
      { numRuns: 2000 },
    );
    // Both ways have to have been gone.
    expect(seen.plain).toBeGreaterThan(50);
    expect(seen.rows - seen.plain).toBeGreaterThan(10);
  });
});

it("a column has the least number that its field may be, unless it may come as text", async () => {
  const number = (limits: object, type: unknown = "integer") => ({ type, maximum: 100, ...limits });
  const properties = {
    event_id: { type: "string" },
    event_time: { type: "string", format: "date-time" },
    user_id: { type: "string", maxLength: 10 },
    atLeast: number({ minimum: -3 }),
    above: number({ minimum: -9, exclusiveMinimum: -1 }),
    fraction: number({ exclusiveMinimum: -0.5 }, ["number", "null"]),
    listed: { type: ["integer", "null"], enum: [7, 5, null] },
    open: number({}, "number"),
    money: number({ minimum: 0, "x-scale": 2 }, ["number", "string"]),
    exact: number({ minimum: 0, "x-scale": 2 }, "number"),
  };
  const schema = { title: "E", type: "object", required: ["event_id", "event_time", "user_id"], properties };
  const { eventSchema } = await importSource(compileSchema(JSON.stringify(schema)).eventSource);
  const least = eventSchema.columns.flatMap(({ name, minimum }) => (minimum === undefined ? [] : [[name, minimum]]));
  expect(Object.fromEntries(least)).toEqual({ at_least: -3, above: 0, fraction: -0.5, listed: 5, exact: 0 });
});

describe("a row", () => {
  it("has a null for every column that the event lacks, also below an absent object", async () => {
    const { toRow } = await importSource(compileSchema(schemas.clickstream).eventSource);
    const row = toRow({ event_id: "e", event_type: "view_item", event_time: 5, user_id: "u", page: null });
    expect(row).toMatchObject({
      event_id: "e",
      event_time: 5,
      amount: null,
      page_url: null,
      device_os: null,
      properties: null,
    });
  });

  it("keeps money exact, whether it came as a number or as text", async () => {
    const { toRow } = await importSource(compileSchema(schemas.clickstream).eventSource);
    const amounts = [19.99, "19.99", "19.9900", 0.1, "-0.0001", 99999999999.9999];
    expect(
      amounts.map((amount) => toRow({ amount, event_id: "e", event_type: "t", event_time: 0, user_id: "u" }).amount),
    ).toEqual([199900, 199900, 199900, 1000, -1, 999999999999999]);
  });

  it("takes a field from the event only, not from what every object inherits", async () => {
    const { validate, toRow } = await importSource(compileSchema(schemas.nasty).eventSource);
    expect(validate({ event_id: "e1", event_time: 0, class: "b" })).toBe("constructor: expected a string, got nothing");
    expect(toRow({ event_id: "e1", event_time: 0, class: "b", constructor: "a" })).toMatchObject({
      constructor: "a",
      to_string_has_own_property: null,
    });
  });
});

function pipelineOf(schema: EventSchema): Pipeline {
  const features = [count("n", { windows: [tumbling(minutes(1))] })];
  const views = [defineView("events", { entity: entityOf(schema), features })];
  return compile(
    defineFeatures({ partitionKey: "event_id", allowedLatenessMs: 60_000, maxSkewMs: 60_000, views }),
    schema,
  );
}

function recordOf(json: string) {
  const position = { shard: "shardId-000000000000", sequence: "49", subSequence: 0 };
  return { position, partitionKey: "e1", arrivalMs: 1_772_366_400_000, data: new TextEncoder().encode(json) };
}

/** The oracle: look up each column's path, convert by type. Slow and obvious. */
function naiveRow(value: unknown, schema: EventSchema, source: Source): Row {
  return Object.fromEntries(
    schema.columns.map(({ name, path, type }) => {
      let found: unknown = value;
      for (const key of path) found = Object.entries(found ?? {}).find(([own]) => own === key)?.[1];
      const isJson = path.reduce<Source>((node, key) => node.properties?.[key] ?? {}, source)["x-flatten"] === "json";
      if (found === undefined || found === null) return [name, null];
      return [name, isJson ? JSON.stringify(found) : naiveCell(found, type)];
    }),
  );
}

function naiveCell(value: unknown, type: ColumnType): string | number | boolean | null {
  if (typeof type === "object") return scaleDecimal(value as string | number, type.decimal.scale);
  if (type === "timestamp" && typeof value === "string") return parseTime(value);
  if (type === "string") return typeof value === "string" ? value.toWellFormed() : JSON.stringify(value);
  return value === 0 ? 0 : (value as number | boolean);
}

interface Source {
  readonly properties?: { readonly [name: string]: Source };
  readonly "x-flatten"?: string;
}
