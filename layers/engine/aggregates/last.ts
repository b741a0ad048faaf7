import type { Aggregate, Horizon } from "../aggregate.ts";
import { roundUp } from "../lattice.ts";
import { type Entry, EVENT_BYTES, newestFirst, toEntry } from "./entry.ts";
import { groupsOf, stillWanted } from "./newest.ts";
import {
  countOf,
  cutTail,
  type Entries,
  listOf,
  readPacked,
  toEntries,
  unpack,
  writePacked,
} from "./packed-entries.ts";
import { scalarBytes, toResult, varintBytes } from "./scalar.ts";
import { insertAt, mergeSorted, placeOf } from "./sorted.ts";

/**
 * The values of the last k events by (event time, fingerprint), or the last k different values by each one's latest event. Kept
 * once per item, not per tile. As-of is a multiple of the step, so of the events before the first as-of that can still be asked
 * for the k newest are enough, and of each step after it likewise. An event from the future (a fast clock) so displaces nothing
 * that a window could still ask for, and what is kept depends on the set of events and the greatest arrival alone.
 */
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

export function last({ k, values, give, stepMs, reachMs, scale, column }: LastOptions): Aggregate<Entries> {
  const most = k * (2 + Math.ceil(reachMs / stepMs));
  return {
    add(acc, input) {
      if (input.value === null) return acc;
      const entry = toEntry(input);
      if (acc === undefined) return toEntries([entry]);
      const isNewer = acc.tail.count === 0 || entry.timeMs > acc.tail.newestMs;
      const entries = values === "all" && isNewer ? acc.fresh : unpack(acc);
      if (values === "distinct") {
        const known = entries.findIndex((other) => other.value === entry.value && stepOf(other) === stepOf(entry));
        if (known >= 0 && newestFirst(entries[known] as Entry, entry) <= 0) return acc;
        if (known >= 0) entries.splice(known, 1);
      }
      insertAt(entries, placeOf(entries, entry, newestFirst), entry);
      return acc;
    },
    merge(a, b) {
      const both = mergeSorted(listOf(a), listOf(b), newestFirst);
      return toEntries(values === "all" ? both : latestOfEach(both, stepOf));
    },
    result(acc, { startMs, endMs }) {
      const inside = (acc === undefined ? [] : listOf(acc)).filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs);
      const chosen = values === "all" ? inside : latestOfEach(inside, () => 0);
      const list = chosen.slice(0, k).map(({ value }) => toResult(value, scale));
      return give === "list" ? list : (list[0] ?? null);
    },
    prune(acc, horizon: Horizon) {
      if (values === "all" && pruneTail(acc, k, roundUp(horizon.earliestAsOfMs, stepMs), horizon.oldestMs))
        return countOf(acc) === 0 ? undefined : acc;
      const all = unpack(acc);
      const candidates = values === "all" ? all : latestOfEach(all, groupsOf(horizon, stepMs));
      acc.fresh = stillWanted(candidates, k, horizon, stepMs);
      return acc.fresh.length === 0 ? undefined : acc;
    },
    write: writePacked,
    read: readPacked,
    maxBytes: varintBytes(most) + most * (EVENT_BYTES + scalarBytes(column)),
  };

  function stepOf({ timeMs }: Entry): number {
    return Math.floor(timeMs / stepMs);
  }
}

/**
 * Prunes without unpacking where that is possible, which it nearly always is: all that is packed lies before the first as-of, what
 * is fresh there keeps its place before it, and after it no step can have more than k. False where one must look inside.
 */
function pruneTail(acc: Entries, k: number, firstAsOfMs: number, oldestMs: number): boolean {
  const { fresh, tail } = acc;
  if (tail.count === 0 || tail.newestMs >= firstAsOfMs || tail.oldestMs < oldestMs) return false;
  let before = 0;
  while (before < fresh.length && (fresh[fresh.length - 1 - before] as Entry).timeMs < firstAsOfMs) before++;
  if (before > k || fresh.length - before > k) return false;
  cutTail(acc, k - before);
  return true;
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
