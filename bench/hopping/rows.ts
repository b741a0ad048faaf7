/** Hopping windows made of tiles, as the engine does it, against one accumulator per window: fold and encode, without decoding. */
import {
  compile,
  count,
  decode,
  defineFeatures,
  defineView,
  type Event,
  fold,
  hopping,
  hours,
  max,
  min,
  minutes,
  type Pipeline,
  readFeatures,
  seconds,
  stateId,
  sum,
} from "@millrace/engine";
import { eventSchema } from "../../examples/definitions-nexmark/generated/event.ts";
import { FULL, measure, QUICK, type Rate, table } from "../measure.ts";
import type { BenchOptions } from "../options.ts";
import { type Accumulator, decodeWindows, foldPerWindow, type Items, type WindowSettings } from "./per-window.ts";

const BATCH = 1_000;
const PER_ENTITY = 5;
const ENTITIES = BATCH / PER_ENTITY;
const START_MS = Date.UTC(2026, 2, 1, 12);

const shapes: readonly { readonly name: string; readonly sizeMs: number; readonly stepMs: number }[] = [
  { name: "10 s every 5 s", sizeMs: seconds(10), stepMs: seconds(5) },
  { name: "1 h every 5 min", sizeMs: hours(1), stepMs: minutes(5) },
  { name: "1 h every 1 min", sizeMs: hours(1), stepMs: minutes(1) },
  { name: "24 h every 5 min", sizeMs: hours(24), stepMs: minutes(5) },
];

export function* hoppingRows({ quick }: Pick<BenchOptions, "quick">): Generator<string> {
  for (const { name, ...shape } of shapes) {
    const input = makeHoppingInput(shape, quick ? 4_000 : 20_000);
    const peer = foldWindows(input);
    const ours = foldTiles(input);
    requireEqual(input, peer, ours);
    const rates = measure(
      [
        { name: "one accumulator per window", run: () => foldWindows(input) },
        { name: "tiles", run: () => foldTiles(input) },
      ],
      input.events.length,
      quick ? QUICK : FULL,
    );
    const sized = (rate: Rate, items: ReadonlyMap<string, Uint8Array>): Rate => ({
      ...rate,
      name: `${rate.name}, ${bytesPerItem(items)} bytes per item`,
    });
    const [windows, tiles] = rates as [Rate, Rate];
    yield table(`Hopping windows of ${name}, count, sum, min and max`, [sized(windows, peer), sized(tiles, ours)]);
  }
}

export interface HoppingInput {
  readonly pipeline: Pipeline;
  readonly settings: WindowSettings;
  readonly events: readonly Event[];
}

/** Twice as long as the window, so that the second half has items as full as they get. */
export function makeHoppingInput({ sizeMs, stepMs }: { sizeMs: number; stepMs: number }, events: number): HoppingInput {
  const features = defineFeatures({
    partitionKey: "person_id",
    allowedLatenessMs: seconds(5),
    maxSkewMs: seconds(1),
    views: [defineView("hops", { entity: "person_id", features: hoppingFeatures(sizeMs, stepMs) })],
  });
  const pipeline = compile(features, eventSchema);
  const behindMs = pipeline.allowedLatenessMs + pipeline.slackMs;
  return {
    pipeline,
    settings: { sizeMs, stepMs, behindMs, entity: "person_id", value: "price" },
    events: Array.from({ length: events }, (_, i) =>
      makeEvent(pipeline, i, START_MS + Math.floor((i * 2 * sizeMs) / events)),
    ),
  };
}

function hoppingFeatures(sizeMs: number, stepMs: number) {
  const windows = [hopping(sizeMs, stepMs)];
  return [
    count("bids", { windows }),
    sum("spend", "price", { windows }),
    min("lowest", "price", { windows }),
    max("highest", "price", { windows }),
  ];
}

function makeEvent(pipeline: Pipeline, i: number, timeMs: number): Event {
  const person = String(1000 + (i % ENTITIES));
  const price = 100 + ((i * 7919) % 100_000);
  const bid = { event_id: String(i), kind: "bid", event_time: timeMs, person_id: person, auction_id: "1", price };
  const position = { shard: "shardId-000000000000", sequence: String(10n ** 55n + BigInt(i)), subSequence: 0 };
  const data = Buffer.from(JSON.stringify(bid));
  const decoded = decode(pipeline, { position, partitionKey: person, arrivalMs: timeMs, data });
  if (decoded.kind !== "event") throw new Error(`the bench's own event was rejected: ${decoded.rejection.detail}`);
  return decoded.event;
}

export function foldWindows({ settings, events }: HoppingInput): Items {
  const items: Items = new Map();
  for (let from = 0; from < events.length; from += BATCH)
    foldPerWindow(settings, items, events.slice(from, from + BATCH));
  return items;
}

/** Items by entity. */
export function foldTiles({ pipeline, events }: HoppingInput): Items {
  const items = new Map<string, Uint8Array>();
  const byEntity: Items = new Map();
  for (let from = 0; from < events.length; from += BATCH) {
    const { states } = fold(pipeline, { items, siblings: new Map() }, events.slice(from, from + BATCH));
    for (const { key, bytes } of states) {
      items.set(stateId(key), bytes);
      byEntity.set(key.entity, bytes);
    }
  }
  return byEntity;
}

/** Throws unless both say the same of every entity at the end. */
export function requireEqual({ pipeline, settings, events }: HoppingInput, peer: Items, ours: Items): void {
  const { sizeMs, stepMs } = settings;
  const endMs = Math.ceil((events.at(-1) as Event).timeMs / stepMs) * stepMs;
  const empty: Accumulator = { count: 0, sum: 0, min: Number.NaN, max: Number.NaN };
  for (const [entity, bytes] of peer) {
    const acc = decodeWindows(bytes).windows.get((endMs - sizeMs) / stepMs) ?? empty;
    const own = Object.values(readFeatures(pipeline, "hops", [ours.get(entity) as Uint8Array], endMs));
    const expected = [acc.count, acc.sum, acc.min, acc.max].map((value) => (Number.isNaN(value) ? null : value));
    if (String(own) !== String(expected)) throw new Error(`${entity}: tiles say ${own}, windows say ${expected}`);
  }
}

function bytesPerItem(items: ReadonlyMap<string, Uint8Array>): string {
  const total = [...items.values()].reduce((sum, { length }) => sum + length, 0);
  return Math.round(total / items.size).toLocaleString("en");
}
