import type { Aggregate } from "../aggregate.ts";
import { type Entry, EVENT_BYTES, oldestFirst, readEntries, toEntry, writeEntries } from "./entry.ts";
import { scalarBytes, toResult, varintBytes } from "./scalar.ts";
import { mergeSorted, placeOf } from "./sorted.ts";

/** The values of the first k events by (event time, fingerprint): of each tile the k oldest are enough. */
type First = Entry[]; // oldest first

export interface FirstOptions {
  readonly k: number;
  /** A list, or the one value of k = 1. */
  readonly give: "list" | "one";
  readonly scale: number;
  readonly column: Parameters<typeof scalarBytes>[0];
}

export function first({ k, give, scale, column }: FirstOptions): Aggregate<First> {
  return {
    add(acc, input) {
      if (input.value === null) return acc;
      if (acc !== undefined && acc.length === k && input.timeMs > (acc[k - 1] as Entry).timeMs) return acc;
      const entry = toEntry(input);
      if (acc === undefined) return [entry];
      acc.splice(placeOf(acc, entry, oldestFirst), 0, entry);
      if (acc.length > k) acc.pop();
      return acc;
    },
    merge: (a, b) => mergeSorted(a, b, oldestFirst).slice(0, k),
    result(acc) {
      const list = (acc ?? []).map(({ value }) => toResult(value, scale));
      return give === "list" ? list : (list[0] ?? null);
    },
    write: writeEntries,
    read: readEntries,
    maxBytes: varintBytes(k) + k * (EVENT_BYTES + scalarBytes(column)),
  };
}
