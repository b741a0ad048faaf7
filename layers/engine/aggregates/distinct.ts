import type { Aggregate } from "../aggregate.ts";

/**
 * How many different values, exactly, up to a declared limit. Kept are 48-bit hashes of the values, in order; beyond the limit
 * only the smallest ones and the fact that there were more. Which are kept depends on the values alone, never on arrival.
 * Two of n values share a hash with a probability of about n² / 2^49: for 1,000 values, one in half a billion.
 */
interface Distinct {
  /** Ascending. */
  readonly hashes: readonly number[];
  readonly overflow: boolean;
}

export function distinct(limit: number): Aggregate<Distinct> {
  return {
    add(acc, { value, hash }) {
      if (value === null) return acc;
      if (acc === undefined) return { hashes: [hash], overflow: false };
      const at = lowerBound(acc.hashes, hash);
      return acc.hashes[at] === hash
        ? acc
        : bound([...acc.hashes.slice(0, at), hash, ...acc.hashes.slice(at)], acc.overflow);
    },
    merge: (a, b) => bound(union(a.hashes, b.hashes), a.overflow || b.overflow),
    result: (acc) =>
      acc === undefined ? 0 : acc.overflow ? { overflow: true, atLeast: limit + 1 } : acc.hashes.length,
    write(writer, acc) {
      writer.varint(acc.hashes.length * 2 + (acc.overflow ? 1 : 0));
      for (const hash of acc.hashes) writer.uint48(hash);
    },
    read(reader) {
      const head = reader.varint();
      const hashes = Array.from({ length: Math.floor(head / 2) }, () => reader.uint48());
      return { hashes, overflow: head % 2 === 1 };
    },
    maxBytes: 2 + limit * 6,
  };

  function bound(hashes: readonly number[], overflow: boolean): Distinct {
    return hashes.length <= limit ? { hashes, overflow } : { hashes: hashes.slice(0, limit), overflow: true };
  }
}

function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Both ascending, without repeats. */
function union(a: readonly number[], b: readonly number[]): number[] {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i] ?? Number.POSITIVE_INFINITY;
    const right = b[j] ?? Number.POSITIVE_INFINITY;
    out.push(Math.min(left, right));
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return out;
}
