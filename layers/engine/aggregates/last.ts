import type { Aggregate, Horizon } from "../aggregate.ts";
import { type Entry, EVENT_BYTES, newestFirst, readEntries, toEntry, writeEntries } from "./entry.ts";
import { scalarBytes, toResult, varintBytes } from "./scalar.ts";
import { mergeSorted, placeOf } from "./sorted.ts";

/**
 * The values of the last k events by (event time, fingerprint), or the last k different values by each one's latest event. Kept
 * once per item, not per tile. As-of is a multiple of the step, so of the events before the first as-of that can still be asked
 * for the k newest are enough, and of each step after it likewise. An event from the future (a fast clock) so displaces nothing
 * that a window could still ask for, and what is kept depends on the set of events and the greatest arrival alone.
 */
type Last = Entry[]; // newest first

export interface LastOptions {
  readonly k: number;
  /** Of one value only the latest event counts. */
  readonly values: "all" | "distinct";
  /** A list, or the one value of k = 1. */
  readonly give: "list" | "one";
  readonly stepMs: number;
  /** How far the newest event that is kept can lie after the first as-of time that can still be asked for. */
  readonly reachMs: number;
  readonly scale: number;
  readonly column: Parameters<typeof scalarBytes>[0];
}

export function last({ k, values, give, stepMs, reachMs, scale, column }: LastOptions): Aggregate<Last> {
  const most = k * (2 + Math.ceil(reachMs / stepMs));
  return {
    add(acc, input) {
      if (input.value === null) return acc;
      const entry = toEntry(input);
      if (acc === undefined) return [entry];
      if (values === "distinct") {
        const known = acc.findIndex((other) => other.value === entry.value && stepOf(other) === stepOf(entry));
        if (known >= 0 && newestFirst(acc[known] as Entry, entry) <= 0) return acc;
        if (known >= 0) acc.splice(known, 1);
      }
      acc.splice(placeOf(acc, entry, newestFirst), 0, entry);
      return acc;
    },
    merge(a, b) {
      const both = mergeSorted(a, b, newestFirst);
      return values === "all" ? both : latestOfEach(both, stepOf);
    },
    result(acc, { startMs, endMs }) {
      const inside = (acc ?? []).filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs);
      const chosen = values === "all" ? inside : latestOfEach(inside, () => 0);
      const list = chosen.slice(0, k).map(({ value }) => toResult(value, scale));
      return give === "list" ? list : (list[0] ?? null);
    },
    prune(acc, { oldestMs, earliestAsOfMs }: Horizon) {
      const firstAsOfMs = Math.ceil(earliestAsOfMs / stepMs) * stepMs;
      const groupOf = (entry: Entry) => (entry.timeMs < firstAsOfMs ? Number.NEGATIVE_INFINITY : stepOf(entry));
      let group = Number.NaN;
      let inGroup = 0;
      const candidates = values === "all" ? acc : latestOfEach(acc, groupOf);
      const kept = candidates.filter((entry) => {
        const own = groupOf(entry);
        inGroup = own === group ? inGroup + 1 : 1;
        group = own;
        return inGroup <= k && entry.timeMs >= oldestMs;
      });
      if (kept.length === acc.length) return acc;
      return kept.length === 0 ? undefined : kept;
    },
    write: writeEntries,
    read: readEntries,
    maxBytes: varintBytes(most) + most * (EVENT_BYTES + scalarBytes(column)),
  };

  function stepOf({ timeMs }: Entry): number {
    return Math.floor(timeMs / stepMs);
  }
}

/** The first of each value in each group, of a list in which groups do not interleave. */
function latestOfEach(entries: readonly Entry[], groupOf: (entry: Entry) => number): Entry[] {
  const seen = new Set<unknown>();
  let group = Number.NaN;
  return entries.filter((entry) => {
    const own = groupOf(entry);
    if (own !== group) seen.clear();
    group = own;
    return !seen.has(entry.value) && seen.add(entry.value);
  });
}
