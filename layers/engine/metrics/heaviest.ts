import type { Aggregate, FeatureValue, Input } from "../aggregate.ts";
import { compareText, readScalar, toStored, writeScalar } from "../aggregates/scalar.ts";
import { fingerprint } from "../md5.ts";
import type { Scalar } from "../schema.ts";

/**
 * The most frequent values among many, from a uniform sample: of all records with a value those whose hashes are the smallest. Which
 * they are depends on the records alone, so samples merge exactly and in any order. While there are no more records than places, the
 * sample is all of them and the answer exact; beyond that a share p has a standard error of √(p(1-p)/places).
 */
export interface Sample {
  /** Records with a value. */
  total: number;
  /** Ascending by hash. */
  readonly entries: Entry[];
}

interface Entry {
  /** 48 bits of the record's hash. */
  readonly hash: number;
  readonly value: Scalar;
}

/** Longer texts are kept as their beginning and a digest of the whole, so that no value takes more than its share of a row and no two become one. */
const MOST_CHARACTERS = 96;
const DIGEST_CHARACTERS = 16;

export function heaviest(k: number, places: number): Aggregate<Sample> {
  return {
    add(acc, input) {
      if (input.value === null) return acc;
      const sample = acc ?? { total: 0, entries: [] };
      sample.total++;
      insert(sample.entries, places, input);
      return sample;
    },
    merge: (a, b) => ({
      total: a.total + b.total,
      entries: [...a.entries, ...b.entries].sort(smallestFirst).slice(0, places),
    }),
    result: (acc) => (acc === undefined ? [] : ranking(acc).slice(0, k)),
    write(writer, { total, entries }) {
      writer.varint(total);
      writer.varint(entries.length);
      for (const { hash, value } of entries) {
        writer.uint48(hash);
        writeScalar(writer, value);
      }
    },
    read(reader) {
      const total = reader.varint();
      const length = reader.varint();
      return { total, entries: Array.from({ length }, () => ({ hash: reader.uint48(), value: readScalar(reader) })) };
    },
    maxBytes: 16 + places * (6 + 3 + MOST_CHARACTERS * 3),
  };
}

/** The most frequent value and its share of the records. */
export function heaviestShare(acc: Sample): { readonly value: Scalar; readonly share: number } {
  const [[value, count] = [null, 0]] = ranking(acc);
  return { value, share: acc.total === 0 ? 0 : count / acc.total };
}

/** Every sampled value with its (estimated) number of records, the most frequent first. */
function ranking({ total, entries }: Sample): Extract<FeatureValue, readonly (readonly [Scalar, number])[]> {
  const counts = new Map<Scalar, number>();
  for (const { value } of entries) counts.set(value, (counts.get(value) ?? 0) + 1);
  const perEntry = total / Math.max(1, entries.length);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || compareText(a, b))
    .map(([value, count]) => [value, Math.round(count * perEntry)] as const);
}

function insert(entries: Entry[], places: number, { hash, value }: Input): void {
  const entry = { hash, value: shorten(value) };
  const last = entries.at(-1);
  if (entries.length === places && last !== undefined && smallestFirst(last, entry) <= 0) return;
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (smallestFirst(entries[middle] as Entry, entry) <= 0) low = middle + 1;
    else high = middle;
  }
  entries.splice(low, 0, entry);
  if (entries.length > places) entries.pop();
}

function shorten(value: Scalar): Scalar {
  if (typeof value !== "string" || value.length <= MOST_CHARACTERS) return toStored(value);
  const { high, low } = fingerprint(value);
  const digest = [high, low].map((half) => half.toString(16).padStart(DIGEST_CHARACTERS / 2, "0")).join("");
  return toStored(`${value.slice(0, MOST_CHARACTERS - 1 - DIGEST_CHARACTERS)}…${digest}`);
}

function smallestFirst(a: Entry, b: Entry): number {
  return a.hash - b.hash || compareText(a.value, b.value);
}
