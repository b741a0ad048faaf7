/**
 * What the world does to an event between its happening and the stream: most arrive within a second, some late, some too late,
 * some twice, some broken. The shares are stated here once, shown by `npm start --help`, and each event's fate is drawn on its
 * own, so that a test can count what must come out.
 */

import { between, type Random, randomFor } from "./random.ts";
import type { Happening } from "./session.ts";

export type Fate =
  | "on_time"
  | "out_of_order"
  | "late"
  | "too_late"
  | "repeated"
  | "malformed"
  | "violation"
  | "future"
  | "wrong_key";

/** Shares of all events; the rest is on time. */
export const SHARES: Readonly<Record<Exclude<Fate, "on_time">, number>> = {
  out_of_order: 0.04,
  late: 0.03,
  too_late: 0.005,
  repeated: 0.01,
  malformed: 0.002,
  violation: 0.003,
  future: 0.001,
  wrong_key: 0.001,
};

/** The share of invocations of the function that updates features whose answer is lost, so that the batch is delivered again. */
export const REDELIVERED_SHARE = 0.02;

export interface Bounds {
  readonly allowedLatenessMs: number;
  readonly maxSkewMs: number;
}

export interface Delivery {
  readonly arrivalMs: number;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  readonly fate: Fate;
}

const encoder = new TextEncoder();

/** How one event reaches the stream: one delivery, or two when its producer sent it again. */
export function deliver(
  { timeMs, event }: Happening,
  seed: number,
  index: number,
  bounds: Bounds,
): readonly Delivery[] {
  const random = randomFor(seed, "fate", index);
  const fate = drawFate(random());
  const arrivalMs = timeMs + delayOf(fate, random, bounds);
  const put = (atMs: number, data: string, partitionKey = event.user_id): Delivery => {
    return { arrivalMs: atMs, partitionKey, data: encoder.encode(data), fate };
  };

  const text = JSON.stringify(event);
  switch (fate) {
    case "malformed":
      return [put(arrivalMs, text.slice(0, between(random, 1, text.length - 1)))];
    case "violation":
      return [put(arrivalMs, JSON.stringify(spoil(random, event)))];
    case "future": {
      const ahead = bounds.maxSkewMs + between(random, 60_000, 600_000);
      return [put(arrivalMs, JSON.stringify({ ...event, event_time: new Date(arrivalMs + ahead).toISOString() }))];
    }
    case "wrong_key":
      return [put(arrivalMs, text, `not-${event.user_id}`)];
    case "repeated":
      // The copy is still within the allowed lateness: it has to be told apart by what it is, not by when it came.
      return [put(arrivalMs, text), put(timeMs + within(random, bounds, 0.05, 0.9), text)];
    default:
      return [put(arrivalMs, text)];
  }
}

function drawFate(chance: number): Fate {
  let bound = 0;
  for (const [fate, share] of Object.entries(SHARES) as [Fate, number][]) {
    bound += share;
    if (chance < bound) return fate;
  }
  return "on_time";
}

function delayOf(fate: Fate, random: Random, bounds: Bounds): number {
  if (fate === "out_of_order") return between(random, 1_000, 3_000);
  if (fate === "late") return within(random, bounds, 0.1, 0.95);
  if (fate === "too_late") return within(random, bounds, 1.1, 10) + 1;
  return between(random, 20, 400);
}

function within(random: Random, bounds: Bounds, low: number, high: number): number {
  return between(random, Math.ceil(bounds.allowedLatenessMs * low), Math.floor(bounds.allowedLatenessMs * high));
}

function spoil(random: Random, event: Happening["event"]): Record<string, unknown> {
  const ways = [
    { user_id: undefined },
    { event_time: "yesterday" },
    { event_type: 7 },
    { event_id: undefined },
  ] as const;
  return { ...event, ...ways[between(random, 0, ways.length - 1)] };
}
