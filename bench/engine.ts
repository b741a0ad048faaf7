import { compile, decode, type Event, fold, type Pipeline, stateId } from "@millrace/engine";
import { features } from "#definitions/features.ts";
import { eventSchema } from "#definitions/generated/event.ts";
import { makeEvents, type Sent } from "./events.ts";
import { measure, table } from "./measure.ts";
import type { BenchOptions } from "./options.ts";

const EVENTS = 20_000;
const BATCH = 1_000;
const ROUNDS = 12;

const both = compile(features, eventSchema);
const one: Pipeline = { ...both, views: both.views.filter(({ name }) => name === "user_activity") };

/** Decode, fold and encode against the floor: reading base64 and JSON, which no consumer of such a stream can avoid. */
export function* engineRows({ quick }: Pick<BenchOptions, "quick">): Generator<string> {
  const events = quick ? EVENTS / 5 : EVENTS;
  for (const perEntity of [1, 2, 5, 10]) {
    const sent = makeEvents(events, BATCH, perEntity);
    const rates = measure(
      [
        {
          name: "floor: base64 and JSON.parse",
          run: () => sent.map(({ data }) => JSON.parse(Buffer.from(data, "base64").toString())),
        },
        { name: "base64, decode", run: () => sent.map((record) => decodeOne(both, record)) },
        { name: "base64, decode, fold, encode: user_activity", run: () => foldAll(one, sent) },
        { name: "base64, decode, fold, encode: both views", run: () => foldAll(both, sent) },
      ],
      events,
      quick ? 2 : ROUNDS,
    );
    yield table(`Engine, ${perEntity} event${perEntity === 1 ? "" : "s"} per user and batch of ${BATCH}`, rates);
  }
}

function decodeOne(pipeline: Pipeline, { data, record }: Sent): Event {
  const decoded = decode(pipeline, { ...record, data: Buffer.from(data, "base64") });
  if (decoded.kind !== "event") throw new Error(`the bench's own event was rejected: ${decoded.rejection.detail}`);
  return decoded.event;
}

/** Batch after batch into the states that the batches before have left, as the handler does with its table. */
function foldAll(pipeline: Pipeline, sent: readonly Sent[]): ReadonlyMap<string, Uint8Array> {
  const items = new Map<string, Uint8Array>();
  for (let from = 0; from < sent.length; from += BATCH) {
    const events = sent.slice(from, from + BATCH).map((record) => decodeOne(pipeline, record));
    const { states } = fold(pipeline, { items, siblings: new Map() }, events);
    for (const { key, bytes } of states) items.set(stateId(key), bytes);
  }
  return items;
}
