/**
 * The shop of the sample day: what it sells and where its shoppers are. Popularity follows Zipf's law, as it does in real shops:
 * a few items are looked at all the time and most of them hardly ever, which is what makes hot keys and long tails.
 */
import { between, cumulate, pick, pickWeighted, type Random, randomFor } from "./random.ts";

export interface Item {
  readonly id: string;
  readonly category: string;
  readonly title: string;
  /** In hundredths, because money is never a fraction of a binary number. */
  readonly priceCents: number;
}

export interface Catalogue {
  pickItem(random: Random): Item;
}

const ZIPF_EXPONENT = 1.2;
const CATEGORIES = ["books", "garden", "kitchen", "music", "outdoor", "shoes", "sport", "toys"] as const;
const ADJECTIVES = ["Blue", "Compact", "Classic", "Folding", "Green", "Light", "Quiet", "Sturdy"] as const;

export function createCatalogue(seed: number, itemCount: number): Catalogue {
  const items = Array.from({ length: itemCount }, (_, rank) => makeItem(seed, rank));
  const cumulative = cumulate(items.map((_, rank) => 1 / (rank + 1) ** ZIPF_EXPONENT));
  return { pickItem: (random) => items[pickWeighted(random, cumulative)] as Item };
}

function makeItem(seed: number, rank: number): Item {
  const random = randomFor(seed, "item", rank);
  const category = pick(random, CATEGORIES);
  return {
    id: `item-${String(rank + 1).padStart(4, "0")}`,
    category,
    title: `${pick(random, ADJECTIVES)} ${category} no. ${rank + 1}`,
    priceCents: between(random, 2, 120) * 100 - pick(random, [1, 5, 50]),
  };
}

export interface Region {
  readonly name: string;
  readonly share: number;
  readonly currency: string;
  /** Hours to add to UTC for the local time, in which people live. */
  readonly utcOffset: number;
}

export const REGIONS: readonly Region[] = [
  { name: "eu-west", share: 0.45, currency: "EUR", utcOffset: 1 },
  { name: "us-east", share: 0.35, currency: "USD", utcOffset: -5 },
  { name: "ap-south", share: 0.2, currency: "INR", utcOffset: 5.5 },
];

/** How busy each local hour is, from midnight on: quiet nights, a lunch bump, long evenings. */
const HOURLY = [2, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 9, 11, 10, 8, 8, 9, 10, 12, 15, 16, 14, 9, 5];

/** How many shoppers of a region are about in a minute of the UTC day, as a weight. */
export function busyness(region: Region, minuteOfDay: number): number {
  const local = (((minuteOfDay / 60 + region.utcOffset) % 24) + 24) % 24;
  const hour = Math.floor(local);
  const [now, next] = [HOURLY[hour] ?? 0, HOURLY[(hour + 1) % 24] ?? 0];
  return region.share * (now + (next - now) * (local - hour));
}
