import { compile, decodeForViews, type Event, fold, type Pipeline } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { boundWithJsonParse, boundWithOneLook } from "./engine-bound.ts";
import { makeEvents, type Sent } from "./events.ts";
import { FULL, measure, QUICK, table } from "./measure.ts";
import type { BenchOptions } from "./options.ts";

const EVENTS = 20_000;
const BATCH = 1_000;

const both = compile(features, eventSchema);
const one: Pipeline = { ...both, views: both.views.filter(({ name }) => name === "user_activity") };

/**
 * Decode, fold and encode against the floor: reading base64 and JSON, which no consumer of such a stream can avoid who needs whole
 * events; and against what is left when all is taken away that could be.
 */
export function* engineRows({ quick }: Pick<BenchOptions, "quick">): Generator<string> {
  const events = quick ? EVENTS / 5 : EVENTS;
  for (const perEntity of [1, 2, 5, 10]) {
    const batches = batchesOf(makeEvents(events, BATCH, perEntity));
    const items = new Map(
      [...foldAll(one, batches)].map(([id, bytes]) => [id.slice(id.lastIndexOf("\u0000") + 1), bytes]),
    );
    const rates = measure(
      [
        { name: "floor: base64 and JSON.parse", run: () => batches.map((batch) => parse(batch).length) },
        { name: "base64, decode", run: () => batches.map((batch) => decodeBatch(both, batch).length) },
        { name: "base64, decode, fold, encode: user_activity", run: () => foldAll(one, batches) },
        { name: "base64, decode, fold, encode: both views", run: () => foldAll(both, batches) },
        {
          name: "bound: floor, one MD5, user_activity's bytes in and out",
          run: () => boundWithJsonParse({ batches, items }),
        },
        { name: "bound: one look at each byte for JSON.parse", run: () => boundWithOneLook({ batches, items }) },
      ],
      events,
      quick ? QUICK : FULL,
    );
    yield table(`Engine, ${perEntity} event${perEntity === 1 ? "" : "s"} per user and batch of ${BATCH}`, rates);
  }
}

function parse(batch: readonly Sent[]): readonly unknown[] {
  return batch.map(({ data }) => JSON.parse(Buffer.from(data, "base64").toString()));
}

/** As the handler does it: the envelopes of the whole batch first, then its records. */
function decodeBatch(pipeline: Pipeline, batch: readonly Sent[]): readonly Event[] {
  const records = batch.map(({ data, record }) => ({ ...record, data: Buffer.from(data, "base64") }));
  return decodeForViews(pipeline, records).map((decoded) => {
    if (decoded.kind !== "event") throw new Error(`the bench's own event was rejected: ${decoded.rejection.detail}`);
    return decoded.event;
  });
}

function batchesOf(sent: readonly Sent[]): readonly (readonly Sent[])[] {
  return Array.from({ length: Math.ceil(sent.length / BATCH) }, (_, i) => sent.slice(i * BATCH, (i + 1) * BATCH));
}

/** Batch after batch into the states that the batches before have left, as the handler does with its table. */
function foldAll(pipeline: Pipeline, batches: readonly (readonly Sent[])[]): ReadonlyMap<string, Uint8Array> {
  const items = new Map<string, Uint8Array>();
  for (const batch of batches) {
    const { states } = fold(pipeline, { items, siblings: new Map() }, decodeBatch(pipeline, batch));
    for (const { id, bytes } of states) items.set(id, bytes);
  }
  return items;
}
