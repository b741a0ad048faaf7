import type { Aggregate } from "../aggregate.ts";

/**
 * How many values lie in each of the fixed buckets below the first bound, [first, second), … and from the last bound on.
 * `bounds` are in the column's (scaled) numbers, `labels` are the same as people write them.
 */
export function histogram(bounds: readonly number[], labels: readonly number[]): Aggregate<number[]> {
  const size = bounds.length + 1;
  return {
    add(acc, { value }) {
      if (value === null) return acc;
      const counts = acc ?? new Array<number>(size).fill(0);
      const bucket = bucketOf(bounds, value as number);
      counts[bucket] = (counts[bucket] as number) + 1;
      return counts;
    },
    merge: (a, b) => a.map((count, i) => count + (b[i] as number)),
    result: (acc) => Array.from({ length: size }, (_, i) => [labels[i - 1] ?? null, acc?.[i] ?? 0] as const),
    write(writer, acc) {
      for (const count of acc) writer.varint(count);
    },
    read(reader) {
      const counts: number[] = [];
      for (let i = 0; i < size; i++) counts.push(reader.varint());
      return counts;
    },
    maxBytes: size * 8,
  };
}

/** How many bounds are at or below the value. */
function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
