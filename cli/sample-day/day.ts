/**
 * A day in a shop, as the stream sees it: events in order of arrival, made while they are read, with only the visits in progress
 * in memory. Visits start in the order of the clock because the n-th of S starts at the n-th of S equal parts of the day's
 * traffic; what happens in them waits in a heap until its arrival is due.
 */
import { busyness, createCatalogue, REGIONS, type Region } from "./catalogue.ts";
import { type Bounds, type Delivery, deliver } from "./fate.ts";
import { createHeap } from "./heap.ts";
import { cumulate, pickWeighted, type Random, randomFor } from "./random.ts";
import { happeningsOf, visitLength } from "./session.ts";

export interface DayOptions extends Bounds {
  readonly eventCount: number;
  readonly seed: number;
}

export const DAY_START_MS = Date.UTC(2026, 2, 1);
const MINUTES = 24 * 60;
const MINUTE_MS = 60_000;
const DAY_MS = MINUTES * MINUTE_MS;

/** Traffic up to the end of each minute of the day, all regions together. */
const TRAFFIC = cumulate(
  Array.from({ length: MINUTES }, (_, m) => REGIONS.reduce((sum, r) => sum + busyness(r, m), 0)),
);

export function* sampleDay(options: DayOptions): Generator<Delivery> {
  const { eventCount, seed } = options;
  const catalogue = createCatalogue(seed, Math.max(100, Math.min(5_000, Math.round(eventCount / 50))));
  const shopperCount = Math.max(20, Math.round(eventCount / 25));
  const waiting = createHeap<Delivery>();
  const visitCount = countVisits(options);
  let made = 0;

  for (let index = 0; index < visitCount; index++) {
    const random = randomFor(seed, "start", index);
    const startMs = DAY_START_MS + timeOfShare((index + random()) / visitCount);
    yield* drain(waiting, startMs);
    const length = Math.min(visitLength(seed, index), eventCount - made);
    const region = regionAt(random, startMs);
    for (const happening of happeningsOf({ seed, index, startMs, length, region, shopperCount }, catalogue)) {
      for (const delivery of deliver(happening, seed, made, options)) waiting.push(delivery.arrivalMs, delivery);
      made++;
    }
  }
  yield* drain(waiting, Number.POSITIVE_INFINITY);
}

function* drain(waiting: ReturnType<typeof createHeap<Delivery>>, beforeMs: number): Generator<Delivery> {
  for (let next = waiting.popBefore(beforeMs); next !== undefined; next = waiting.popBefore(beforeMs)) yield next;
}

function countVisits({ eventCount, seed }: DayOptions): number {
  let visits = 0;
  for (let events = 0; events < eventCount; visits++) events += visitLength(seed, visits);
  return visits;
}

/** The moment of the day, in milliseconds, at which the given share of its traffic has come in. */
function timeOfShare(share: number): number {
  const minute = pickWeighted(() => share, TRAFFIC);
  const [before, after] = [TRAFFIC[minute - 1] ?? 0, TRAFFIC[minute] ?? 0];
  const within = (share * (TRAFFIC.at(-1) ?? 0) - before) / (after - before);
  return Math.min(Math.floor((minute + within) * MINUTE_MS), DAY_MS - 1);
}

function regionAt(random: Random, atMs: number): Region {
  const minute = Math.floor((atMs - DAY_START_MS) / MINUTE_MS);
  return REGIONS[pickWeighted(random, cumulate(REGIONS.map((region) => busyness(region, minute))))] as Region;
}
