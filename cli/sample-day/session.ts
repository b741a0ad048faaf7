/**
 * One visit of one shopper: comes in, looks around, searches, puts something in the cart, sometimes buys. Only what happened and
 * when; how it reaches the stream is `fate.ts`. Everything follows from the seed and the visit's number.
 */
import type { Catalogue, Item, Region } from "./catalogue.ts";
import { between, exponential, pick, type Random, randomFor } from "./random.ts";

export type ShopEvent = Readonly<Record<string, unknown>> & { readonly event_id: string; readonly user_id: string };

export interface Happening {
  readonly timeMs: number;
  readonly event: ShopEvent;
}

export interface Visit {
  readonly seed: number;
  readonly index: number;
  readonly startMs: number;
  readonly length: number;
  readonly region: Region;
  readonly shopperCount: number;
}

const MEAN_LENGTH = 10;
const MAX_LENGTH = 60;
const MEAN_GAP_MS = 12_000;
const SITE = "https://shop.example";

/** How many events visit `index` has: drawn on its own, so that the number of visits for N events can be found without making them. */
export function visitLength(seed: number, index: number): number {
  const length = 1 + Math.floor(exponential(randomFor(seed, "length", index), MEAN_LENGTH));
  return Math.min(length, MAX_LENGTH);
}

export function* happeningsOf(visit: Visit, catalogue: Catalogue): Generator<Happening> {
  const random = randomFor(visit.seed, "visit", visit.index);
  const common = visitor(visit, random);
  let timeMs = visit.startMs;
  let cart: CartLine[] = [];
  let item: Item | null = null;

  for (let n = 0; n < visit.length; n++) {
    const step = nextStep(random, n, item, cart);
    if (step === "view_item") item = catalogue.pickItem(random);
    if (step === "add_to_cart" && item !== null) cart = [...cart, { item, quantity: between(random, 1, 3) }];
    const line = step === "purchase" ? cart.pop() : cart.at(-1);
    const event_id = `${common.session_id}-${String(n + 1).padStart(2, "0")}`;
    const event_time = new Date(timeMs).toISOString();
    yield { timeMs, event: { event_id, event_time, ...common, ...describe(step, item, line, visit.region) } };
    timeMs += 200 + Math.round(exponential(random, MEAN_GAP_MS));
  }
}

interface CartLine {
  readonly item: Item;
  readonly quantity: number;
}

type Step = "page_view" | "search" | "view_item" | "add_to_cart" | "purchase";

function nextStep(random: Random, n: number, item: Item | null, cart: readonly CartLine[]): Step {
  const chance = random();
  if (n === 0) return chance < 0.6 ? "page_view" : "view_item";
  if (cart.length > 0 && chance < 0.25) return "purchase";
  if (item !== null && chance < 0.4) return "add_to_cart";
  if (chance < 0.5) return "search";
  return chance < 0.62 ? "page_view" : "view_item";
}

function visitor(visit: Visit, random: Random) {
  // Squaring favours the low numbers: a few shoppers come back many times a day.
  const shopper = Math.floor(random() ** 2 * visit.shopperCount) + 1;
  const device = pick(random, ["desktop", "phone", "phone", "tablet"]);
  const os = device === "desktop" ? pick(random, ["linux", "macos", "windows"]) : pick(random, ["android", "ios"]);
  return {
    user_id: `user-${String(shopper).padStart(5, "0")}`,
    session_id: `visit-${String(visit.index + 1).padStart(6, "0")}`,
    region: visit.region.name,
    device: { type: device, os },
  };
}

function describe(step: Step, item: Item | null, line: CartLine | undefined, region: Region) {
  switch (step) {
    case "page_view":
      return { event_type: step, page: { url: `${SITE}/`, title: "Welcome" } };
    case "search":
      return { event_type: step, page: { url: `${SITE}/search`, title: "Search" }, properties: { results: 24 } };
    case "view_item":
      return { event_type: step, ...about(item), page: { url: `${SITE}/${item?.id}`, title: item?.title } };
    case "add_to_cart":
      return { event_type: step, ...about(item), quantity: line?.quantity };
    case "purchase":
      return {
        event_type: step,
        ...about(line?.item ?? null),
        quantity: line?.quantity,
        ...price(line),
        currency: region.currency,
      };
  }
}

function about(item: Item | null) {
  return { item_id: item?.id, category: item?.category };
}

function price(line: CartLine | undefined) {
  return { amount: ((line?.item.priceCents ?? 0) * (line?.quantity ?? 0)) / 100 };
}
