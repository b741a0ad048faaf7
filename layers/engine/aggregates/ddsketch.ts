import type { Aggregate, FeatureValue } from "../aggregate.ts";
import { fromScaled, scaleDecimal } from "../decimal.ts";
import { placeOfNumber } from "./sorted.ts";

/**
 * Percentiles by DDSketch (Masson, Rim, Lee 2019): values are counted in bins whose bounds grow by a constant factor, so that
 * any value of a bin is within `relativeError` of what stands for it. The bounds are a table made by repeated multiplication of
 * doubles, which is the same everywhere (no logarithm is), so SQL can make the same table and the same bins.
 *
 * Beyond `most` bins the highest ones are kept and all that lies lower is one number. A bin that is among the highest of the
 * whole is among the highest of every part that it is in, so the kept counts are exact, whatever was merged first.
 */
interface Sketch {
  /** Ascending: 0 for zero, i + 1 for the i-th bin of the table, and its negative for the values below zero. */
  readonly bins: number[];
  readonly counts: number[];
  /** How many values lie in lower bins than the kept ones, and the lowest of these bins (0 without any). */
  below: number;
  lowest: number;
}

export interface PercentileOptions {
  /** 0 to 100: the value at rank ⌈percent / 100 · n⌉ is given, the least one for 0. */
  readonly percent: number;
  /** The most bins. */
  readonly most: number;
  readonly scale: number;
  readonly table: Table;
}

/** Bin i holds what is greater than `bounds[i - 1]` and at most `bounds[i]`. What is smaller than `bounds[0]` counts as zero. */
export interface Table {
  readonly relativeError: number;
  readonly bounds: Float64Array;
  /** Whole numbers: the smallest ones come back exactly. */
  readonly whole: boolean;
}

/** From 1 to 2^53 for whole (and scaled) numbers, from 1e-9 to the largest double for the others. */
export function boundaryTable(relativeError: number, values: "whole" | "double"): Table {
  const factor = (1 + relativeError) / (1 - relativeError);
  const last = values === "whole" ? 2 ** 53 : Number.MAX_VALUE;
  const bounds = [values === "whole" ? 1 : 1e-9];
  while ((bounds.at(-1) as number) < last) bounds.push(Math.min((bounds.at(-1) as number) * factor, last));
  return { relativeError, bounds: Float64Array.from(bounds), whole: values === "whole" };
}

export function percentile({ percent, most, scale, table }: PercentileOptions): Aggregate<Sketch> {
  const thousandths = BigInt(scaleDecimal(percent, 3) as number);
  return {
    add(acc, { value }) {
      if (value === null) return acc;
      const into = acc ?? { bins: [], counts: [], below: 0, lowest: 0 };
      put(into, binOf(table, value as number), 1);
      return into;
    },
    merge(a, b) {
      const out: Sketch = { bins: [...a.bins], counts: [...a.counts], below: a.below, lowest: a.lowest };
      if (b.below > 0) sink(out, b.lowest, b.below);
      b.bins.forEach((bin, i) => {
        put(out, bin, b.counts[i] as number);
      });
      return out;
    },
    result: (acc) => (acc === undefined ? null : valueAt(acc)),
    write(writer, { bins, counts, below, lowest }) {
      writer.varint(bins.length * 2 + (below > 0 ? 1 : 0));
      if (below > 0) {
        writer.varint(below);
        writer.signed(lowest);
      }
      bins.forEach((bin, i) => {
        if (i === 0) writer.signed(bin);
        else writer.varint(bin - (bins[i - 1] as number));
        writer.varint(counts[i] as number);
      });
    },
    read(reader) {
      const head = reader.varint();
      const below = head % 2 === 1 ? reader.varint() : 0;
      const acc: Sketch = { bins: [], counts: [], below, lowest: below > 0 ? reader.signed() : 0 };
      for (let i = 0; i < head >>> 1; i++) {
        acc.bins.push(i === 0 ? reader.signed() : (acc.bins[i - 1] as number) + reader.varint());
        acc.counts.push(reader.varint());
      }
      return acc;
    },
    // A table has fewer than 2^20 bins on either side: a bin and a gap take 3 bytes, a count 8.
    maxBytes: 2 + 8 + 3 + most * (3 + 8),
  };

  function put(acc: Sketch, bin: number, count: number): void {
    const { bins, counts } = acc;
    const at = placeOfNumber(bins, bin);
    if (bins[at] === bin) {
      counts[at] = (counts[at] as number) + count;
      return;
    }
    bins.splice(at, 0, bin);
    counts.splice(at, 0, count);
    if (bins.length > most) sink(acc, bins.shift() as number, counts.shift() as number);
  }

  function valueAt({ bins, counts, below, lowest }: Sketch): FeatureValue {
    const total = counts.reduce((sum, count) => sum + count, below);
    const wanted = Math.max(1, Number((BigInt(total) * thousandths + 99_999n) / 100_000n));
    if (wanted <= below) return { overflow: true, atLeast: fromScaled(leastOf(table, lowest), scale) };
    let rank = below;
    const at = counts.findIndex((count) => {
      rank += count;
      return rank >= wanted;
    });
    return fromScaled(middleOf(table, bins[at] as number), scale);
  }
}

function sink(acc: Sketch, bin: number, count: number): void {
  acc.lowest = acc.below === 0 ? bin : Math.min(acc.lowest, bin);
  acc.below += count;
}

export function binOf({ bounds }: Pick<Table, "bounds">, value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude < (bounds[0] as number)) return 0;
  let low = 0;
  let high = bounds.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bounds[middle] as number) < magnitude) low = middle + 1;
    else high = middle;
  }
  return value < 0 ? -low - 1 : low + 1;
}

/** What stands for the values of a bin: within the relative error of its bounds and so of all between. */
function middleOf({ bounds, relativeError, whole }: Table, bin: number): number {
  if (bin === 0) return 0;
  const at = Math.abs(bin) - 1;
  const upper = bounds[at] as number;
  const middle = at === 0 ? upper : 2 / (1 / (bounds[at - 1] as number) + 1 / upper);
  // Only one whole number lies so near.
  const value = whole && relativeError * upper < 0.5 ? Math.round(middle) : middle;
  return bin < 0 ? -value : value;
}

/** No value of the bin is below this. */
function leastOf({ bounds, whole }: Table, bin: number): number {
  if (bin < 0) return -(bounds[-bin - 1] as number);
  if (bin === 0) return whole ? 0 : -(bounds[0] as number);
  return bin === 1 ? (bounds[0] as number) : (bounds[bin - 2] as number);
}
