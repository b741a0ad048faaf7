import type { Aggregate } from "../aggregate.ts";
import { ascending, insertAt, mergeSorted, placeOfNumber } from "./sorted.ts";

/**
 * How many different values, exactly, up to a declared limit. Kept are 48-bit hashes of the values, in order; beyond the limit
 * only the smallest ones and the fact that there were more. Which are kept depends on the values alone, never on arrival.
 * Two of n values share a hash with a probability of about n² / 2^49: for 1,000 values, one in half a billion.
 */
interface Distinct {
  /** Ascending. */
  readonly hashes: number[];
  overflow: boolean;
}

export function distinct(limit: number): Aggregate<Distinct> {
  return {
    add(acc, { value, hash }) {
      if (value === null) return acc;
      if (acc === undefined) return { hashes: [hash], overflow: false };
      insertHash(acc.hashes, hash);
      return bound(acc);
    },
    merge: (a, b) => bound({ hashes: unionOf(a.hashes, b.hashes), overflow: a.overflow || b.overflow }),
    result: (acc) =>
      acc === undefined ? 0 : acc.overflow ? { overflow: true, atLeast: limit + 1 } : acc.hashes.length,
    write(writer, acc) {
      writer.varint(acc.hashes.length * 2 + (acc.overflow ? 1 : 0));
      for (const hash of acc.hashes) writer.uint48(hash);
    },
    read(reader) {
      const head = reader.varint();
      const hashes: number[] = [];
      for (let left = head >>> 1; left > 0; left--) hashes.push(reader.uint48());
      return { hashes, overflow: head % 2 === 1 };
    },
    maxBytes: 2 + limit * 6,
  };

  function bound(acc: Distinct): Distinct {
    if (acc.hashes.length <= limit) return acc;
    acc.hashes.length = limit;
    acc.overflow = true;
    return acc;
  }
}

/** Into ascending hashes, once. */
export function insertHash(hashes: number[], hash: number): void {
  const at = placeOfNumber(hashes, hash);
  if (hashes[at] !== hash) insertAt(hashes, at, hash);
}

export function unionOf(a: readonly number[], b: readonly number[]): number[] {
  return mergeSorted(a, b, ascending).filter((hash, i, both) => hash !== both[i - 1]);
}
