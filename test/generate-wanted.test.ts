import {
  all,
  argMax,
  type Condition,
  compile,
  count,
  countBy,
  type Decoded,
  decodeAll,
  decodeForViews,
  defineFeatures,
  defineView,
  distinct,
  type EventSchema,
  type FeatureSpec,
  first,
  fold,
  funnel,
  hopping,
  last,
  lastEvents,
  lastK,
  type Pipeline,
  ratio,
  type StreamRecord,
  session,
  sum,
  sumBy,
  topK,
  tumbling,
  type View,
} from "@millrace/engine";
import fc from "fast-check";
import { expect, it } from "vitest";
import { compileSchema } from "../cli/schema/compile.ts";
import { importSource } from "./schema-fixtures.ts";

/**
 * What no view looks at is not read. So every word by which a definition can name a column has to count as looking at it: each takes
 * its own columns here, and nothing else in the definitions names them.
 */
const TEXTS = ["a", "b", "c", "d", "e"];

it("leaves out nothing that definitions look at: the same states as from whole rows", async () => {
  const { eventSchema } = await importSource(compileSchema(schemaText()).eventSource);
  let leftOut = 0;
  fc.assert(
    fc.property(fc.array(views, { minLength: 1, maxLength: 2 }), batches, (some, events) => {
      const pipeline = pipelineOf(some, eventSchema);
      const records = events.map(recordOf);
      const [read, whole] = [decodeForViews(pipeline, records), decodeAll(pipeline, records)];
      expect(folded(pipeline, read)).toEqual(folded(pipeline, whole));
      leftOut += TEXTS.filter((name) => read[0]?.event?.row[name] !== whole[0]?.event?.row[name]).length;
    }),
    { numRuns: 600 },
  );
  // With everything read there would be nothing to compare.
  expect(leftOut).toBeGreaterThan(300);
});

const texts = fc.constantFrom(...TEXTS);
const values = fc.constantFrom("x", "y", "z", null);
/** Also of nothing: no condition. */
const conditions: fc.Arbitrary<Condition> = fc.dictionary(texts, fc.oneof(values, fc.constant(["x", "y"])), {
  maxKeys: 2,
});
const oneCondition = conditions.filter((condition) => Object.keys(condition).length > 0);

type Options = { readonly where: Condition; readonly windows: View["features"][number]["windows"] };

/** A feature in the given windows, of a kind that names columns in its own way. */
function featuresIn(options: Options): fc.Arbitrary<FeatureSpec> {
  return fc.oneof(
    fc.constant(count("f", options)),
    fc.constant(sum("f", "n", options)),
    texts.map((column) => first("f", column, options)),
    texts.map((column) => last("f", column, options)),
    texts.map((column) => distinct("f", column, { ...options, limit: 2 })),
    texts.map((column) => topK("f", column, { ...options, k: 1, limit: 3 })),
    texts.map((column) => countBy("f", column, { ...options, limit: 3 })),
    texts.map((column) => argMax("f", column, "n", options)),
    texts.map((by) => sumBy("f", "n", by, { ...options, limit: 3 })),
    oneCondition.map((of) => all("f", of, options)),
    fc.array(oneCondition, { minLength: 1, maxLength: 3 }).map((steps) => funnel("f", { ...options, steps, limit: 4 })),
  );
}

const windows = fc.constantFrom(
  tumbling(60_000),
  hopping(60_000, 10_000),
  session(20_000, { longestMs: 600_000 }),
  lastEvents(3),
);
const features = fc.tuple(conditions, windows).chain(([where, window]) => featuresIn({ where, windows: [window] }));

/** What does not go with every window. */
const choosy = fc.oneof(
  texts.map((column) => lastK("f", column, { k: 2, windows: [hopping(60_000, 10_000)] })),
  fc.constant(distinct("f", "o", { limit: 5, windows: [tumbling(60_000)] })),
);

/** Two counts in the same window, and the one over the other. */
const ratios = fc
  .tuple(conditions, conditions, windows)
  .map(([over, under, window]) => [
    count("over", { where: over, windows: [window] }),
    count("under", { where: under, windows: [window] }),
    ratio("share", "over", "under", { windows: [window] }),
  ]);

const views: fc.Arbitrary<View> = fc
  .record({
    entity: fc.constantFrom("user_id", "user_id", ...TEXTS),
    where: conditions,
    listed: fc.oneof(
      fc.array(fc.oneof({ weight: 4, arbitrary: features }, { weight: 1, arbitrary: choosy }), {
        minLength: 1,
        maxLength: 3,
      }),
      ratios,
    ),
    behind: fc.constantFrom("count", "quarantine"),
    reorder: fc.option(fc.nat(2)),
  })
  .map(({ entity, where, listed, behind, reorder }) => {
    // An event with an object of any size is not held back.
    const isBounded = !listed.some((spec) => "column" in spec && spec.column === "o");
    const numbered = { sequence: { column: "seq", behind, reorder: isBounded ? (reorder ?? 0) : 0 } };
    const sequence = reorder === null || entity !== "user_id" ? {} : numbered;
    const named = listed.map((spec, i) => (spec.name === "f" ? { ...spec, name: `f${i}` } : spec));
    return defineView("v", { entity, where, features: named, ...sequence });
  });

/** What a shop might send, with few values, so that they meet. */
const batches = fc.array(
  fc.record({
    ...Object.fromEntries(TEXTS.map((name) => [name, values])),
    n: fc.integer({ min: -3, max: 3 }),
    seq: fc.option(fc.integer({ min: 1, max: 8 })),
    o: fc.constantFrom({}, { p: 1 }, null),
    ageMs: fc.integer({ min: 0, max: 50_000 }),
  }),
  { minLength: 1, maxLength: 12, size: "max" },
);

function pipelineOf(list: readonly View[], schema: EventSchema): Pipeline {
  const views = list.map((view, i) => ({ ...view, name: `v${i}` }));
  return compile(
    defineFeatures({ partitionKey: "user_id", allowedLatenessMs: 60_000, maxSkewMs: 60_000, views }),
    schema,
  );
}

function folded(pipeline: Pipeline, list: readonly Decoded[]) {
  const events = list.flatMap((decoded) => (decoded.kind === "event" ? [decoded.event] : []));
  expect(events).toHaveLength(list.length);
  const { states, rejections } = fold(pipeline, { items: new Map(), siblings: new Map() }, events);
  return { states: states.map(({ id, bytes }) => [id, Buffer.from(bytes).toString("hex")]), rejections };
}

function recordOf({ ageMs, ...event }: { readonly ageMs: number }, i: number): StreamRecord {
  const arrivalMs = 1_772_366_400_000 + i;
  const time = new Date(arrivalMs - ageMs).toISOString();
  const json = JSON.stringify({ event_id: `e${i}`, event_time: time, user_id: "u", ...event });
  const position = { shard: "shardId-000000000000", sequence: String(100 + i), subSequence: 0 };
  return { position, partitionKey: "u", arrivalMs, data: new TextEncoder().encode(json) };
}

function schemaText(): string {
  const text = { type: ["string", "null"], maxLength: 4 };
  const whole = { type: ["integer", "null"], minimum: -100, maximum: 100 };
  return JSON.stringify({
    title: "Event",
    type: "object",
    required: ["event_id", "event_time", "user_id"],
    properties: {
      event_id: { type: "string", maxLength: 8 },
      event_time: { type: "string", format: "date-time" },
      user_id: { type: "string", maxLength: 8 },
      ...Object.fromEntries(TEXTS.map((name) => [name, text])),
      n: whole,
      seq: whole,
      o: { type: ["object", "null"] },
    },
  });
}
