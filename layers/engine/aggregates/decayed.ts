import type { Aggregate } from "../aggregate.ts";
import { fromScaled } from "../decimal.ts";
import { type Exact, plus, readExact, SUM_BYTES, writeExact } from "./exact.ts";
import { placeOfNumber } from "./sorted.ts";

/**
 * A sum in which events count less the older they are. Time is cut into cells of one window step, where the windows end, and a
 * cell's exact sum weighs 2^(-age / half-life), its age being its distance from the last cell of the window: an event counts in
 * full in the step in which it happened. Weights are applied when the sum is read, from the oldest cell to the newest, so nothing depends on arrival.
 * Each product and each addition is rounded once: n cells are within (n + 2) · 2^-52 of the sum of their magnitudes.
 */
interface Cells {
  /** Ascending. */
  readonly cells: number[];
  readonly sums: Exact[];
}

export interface DecayOptions {
  readonly halfLifeMs: number;
  /** Cell n begins at offset + n * step. */
  readonly stepMs: number;
  readonly offsetMs: number;
  readonly scale: number;
}

export function decayedSum({ halfLifeMs, stepMs, offsetMs, scale }: DecayOptions): Aggregate<Cells> {
  return {
    add(acc, { value, timeMs }) {
      if (value === null) return acc;
      const into = acc ?? { cells: [], sums: [] };
      put(into, Math.floor((timeMs - offsetMs) / stepMs), value as number);
      return into;
    },
    merge(a, b) {
      const out: Cells = { cells: [...a.cells], sums: [...a.sums] };
      b.cells.forEach((cell, i) => {
        put(out, cell, b.sums[i] as Exact);
      });
      return out;
    },
    result(acc, { endMs }) {
      const newest = Math.ceil((endMs - offsetMs) / stepMs) - 1;
      let total = 0;
      acc?.cells.forEach((cell, i) => {
        total += fromScaled(acc.sums[i] as Exact, scale) * 2 ** (-((newest - cell) * stepMs) / halfLifeMs);
      });
      return total;
    },
    write(writer, { cells, sums }) {
      writer.varint(cells.length);
      cells.forEach((cell, i) => {
        writer.signed(cell - (cells[i - 1] ?? 0));
        writeExact(writer, sums[i] as Exact);
      });
    },
    read(reader) {
      const acc: Cells = { cells: [], sums: [] };
      for (let left = reader.varint(); left > 0; left--) {
        acc.cells.push((acc.cells.at(-1) ?? 0) + reader.signed());
        acc.sums.push(readExact(reader));
      }
      return acc;
    },
    // A tile's width divides the step, and tiles begin where cells do, so a tile lies in one cell.
    maxBytes: 1 + 8 + SUM_BYTES,
  };
}

function put({ cells, sums }: Cells, cell: number, value: Exact): void {
  const at = placeOfNumber(cells, cell);
  if (cells[at] === cell) {
    sums[at] = plus(sums[at] as Exact, value);
    return;
  }
  cells.splice(at, 0, cell);
  sums.splice(at, 0, plus(value, 0));
}
