import type { Aggregate, FeatureValue } from "../aggregate.ts";
import { varintBytes } from "./scalar.ts";
import { ascending, mergeSorted, placeOfNumber } from "./sorted.ts";

/**
 * The times between consecutive events of the window (ms), each at most `capMs` where a cap is given. Lanes and late events
 * interleave, so all times are kept, up to `limit`. Beyond, only how many, the first and the last are: uncapped, their sum and
 * mean are exact even so, since gaps add up to the last time minus the first; of the others a lower bound is given.
 */
type Times = number[] | Span; // ascending

interface Span {
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface DwellOptions {
  readonly give: "sum" | "mean" | "min" | "max";
  readonly capMs?: number;
  readonly limit: number;
}

/** A time from year 0 to 9999, or the difference between two. */
const TIME_BYTES = 7;

export function dwell({ give, capMs = Number.POSITIVE_INFINITY, limit }: DwellOptions): Aggregate<Times> {
  return {
    add(acc, { timeMs }) {
      if (acc === undefined) return [timeMs + 0];
      if (!isList(acc)) return union(acc, { count: 1, firstMs: timeMs, lastMs: timeMs });
      acc.splice(placeOfNumber(acc, timeMs), 0, timeMs + 0);
      return acc.length > limit ? toSpan(acc) : acc;
    },
    merge(a, b) {
      if (isList(a) && isList(b) && a.length + b.length <= limit) return mergeSorted(a, b, ascending);
      return union(toSpan(a), toSpan(b));
    },
    result(acc) {
      if (acc !== undefined && !isList(acc)) return overflow(acc);
      const gaps = (acc ?? []).slice(1).map((timeMs, i) => Math.min(timeMs - ((acc ?? [])[i] as number), capMs));
      const sum = gaps.reduce((sum, gap) => sum + gap, 0);
      if (give === "sum") return sum;
      if (gaps.length === 0) return null;
      return give === "mean"
        ? sum / gaps.length
        : gaps.reduce((a, b) => (give === "min" ? Math.min(a, b) : Math.max(a, b)));
    },
    write(writer, acc) {
      if (!isList(acc)) {
        writer.varint(acc.count);
        writer.signed(acc.firstMs);
        writer.varint(acc.lastMs - acc.firstMs);
        return;
      }
      writer.varint(acc.length);
      acc.forEach((timeMs, i) => {
        if (i === 0) writer.signed(timeMs);
        else writer.varint(timeMs - (acc[i - 1] as number));
      });
    },
    read(reader) {
      const count = reader.varint();
      const firstMs = reader.signed();
      if (count > limit) return { count, firstMs, lastMs: firstMs + reader.varint() };
      const times = [firstMs];
      while (times.length < count) times.push((times.at(-1) as number) + reader.varint());
      return times;
    },
    maxBytes: Math.max(varintBytes(limit) + limit * TIME_BYTES, 8 + 2 * TIME_BYTES),
  };

  function overflow({ count, firstMs, lastMs }: Span): FeatureValue {
    const spanMs = lastMs - firstMs;
    const gaps = count - 1;
    if (capMs === Number.POSITIVE_INFINITY && (give === "sum" || give === "mean"))
      return give === "sum" ? spanMs : spanMs / gaps;
    // Capped gaps add up to at least one cap, or to all; the greatest gap is at least their mean; the least may be 0.
    const sum = Math.min(spanMs, capMs);
    const atLeast = { sum, mean: sum / gaps, min: 0, max: Math.min(spanMs / gaps, capMs) }[give];
    return { overflow: true, atLeast };
  }
}

function toSpan(acc: Times): Span {
  if (!isList(acc)) return acc;
  return { count: acc.length, firstMs: acc[0] as number, lastMs: acc.at(-1) as number };
}

function union(a: Span, b: Span): Span {
  return {
    count: a.count + b.count,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
  };
}

function isList(acc: Times): acc is number[] {
  return Array.isArray(acc);
}
