import { compile, decode } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_START_MS, sampleDay } from "../cli/sample-day/day.ts";
import { type Delivery, type Fate, SHARES } from "../cli/sample-day/fate.ts";
import { createHeap } from "../cli/sample-day/heap.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";

const pipeline = compile(features, eventSchema);
const day = (eventCount: number, seed = 1) => [...sampleDay({ eventCount, seed, ...features })];

describe("the sample day", () => {
  const deliveries = day(20_000);

  it("is the same bytes for the same seed and other bytes for another", () => {
    expect(day(2_000, 7)).toEqual(day(2_000, 7));
    expect(day(2_000, 7)).not.toEqual(day(2_000, 8));
  });

  it("has as many events as asked for, besides what producers send again", () => {
    const repeats = deliveries.filter(({ fate }) => fate === "repeated").length / 2;
    expect(deliveries.length - repeats).toBe(20_000);
    expect(day(1)).toHaveLength(1);
  });

  it("arrives in order, within the day and what is late of it", () => {
    const times = deliveries.map(({ arrivalMs }) => arrivalMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(DAY_START_MS);
    expect(times.at(-1)).toBeLessThan(DAY_START_MS + 26 * 3_600_000);
  });

  it("keeps the stated shares", () => {
    for (const [fate, share] of Object.entries(SHARES)) {
      const count = deliveries.filter((delivery) => delivery.fate === fate).length / (fate === "repeated" ? 2 : 1);
      // Four standard deviations of a draw of 20,000: fixed by the seed, so this cannot fail by chance.
      expect(Math.abs(count - 20_000 * share), fate).toBeLessThan(4 * Math.sqrt(20_000 * share));
    }
  });

  it("is judged by the engine as the generator meant it", () => {
    for (const [index, delivery] of deliveries.entries()) {
      expect(verdict(delivery, index), delivery.fate).toBe(MEANT[delivery.fate]);
    }
  });

  it("has a few items that many look at and many that few do, shoppers who come back, and quiet nights", () => {
    const events = deliveries
      .filter(({ fate }) => fate === "on_time")
      .map(({ data }) => JSON.parse(Buffer.from(data).toString()) as Record<string, string>);
    const views = countBy(events.flatMap(({ item_id }) => item_id ?? []));
    expect(views[0]).toBeGreaterThan(20 * (views[Math.floor(views.length / 2)] ?? 0));
    const hours = countBy(events.map(({ event_time }) => String(event_time).slice(11, 13)));
    expect(hours).toHaveLength(24);
    expect(hours[0]).toBeGreaterThan(1.5 * (hours[23] ?? 0));
    expect(new Set(events.map(({ event_type }) => event_type))).toEqual(
      new Set(["page_view", "search", "view_item", "add_to_cart", "purchase"]),
    );
    expect(new Set(events.map(({ region }) => region)).size).toBe(3);
  });
});

it("a heap gives everything below the limit, smallest first, equals in the order they came", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 0, max: 10 }), (keys, limit) => {
      const heap = createHeap<readonly [number, number]>();
      for (const [order, key] of keys.entries()) heap.push(key, [key, order]);
      const popped: (readonly [number, number])[] = [];
      for (let next = heap.popBefore(limit); next !== undefined; next = heap.popBefore(limit)) popped.push(next);
      const expected = keys.map((key, order) => [key, order] as const).filter(([key]) => key < limit);
      expect(popped).toEqual(expected.sort(([a, i], [b, j]) => a - b || i - j));
    }),
  );
});

const MEANT: Readonly<Record<Fate, string>> = {
  on_time: "accepted",
  out_of_order: "accepted",
  late: "accepted",
  repeated: "accepted",
  too_late: "too_late",
  malformed: "malformed_json",
  violation: "schema_violation",
  future: "future_event",
  wrong_key: "wrong_key",
};

function verdict({ partitionKey, arrivalMs, data }: Delivery, index: number): string {
  const position = { shard: "shardId-000000000000", sequence: String(index), subSequence: 0 };
  const decoded = decode(pipeline, { position, partitionKey, arrivalMs, data });
  return decoded.kind === "event" ? "accepted" : decoded.rejection.reason;
}

/** How often each value occurs, the most frequent first. */
function countBy(values: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => b - a);
}
