import type { Aggregate } from "../aggregate.ts";
import type { ByteReader, ByteWriter } from "../bytes.ts";
import type { Scalar } from "../schema.ts";

/**
 * The values of the last k events by (event time, fingerprint). Kept once per item, not per tile. As-of is a multiple of the
 * step, so of the events before the first as-of that can still be asked for the k newest are enough, and of each step after it
 * likewise. An event from the future (a fast clock) so displaces nothing that a window could still ask for,
 * and what is kept depends on the set of events and the greatest arrival alone.
 */
interface Entry {
  readonly timeMs: number;
  readonly tie: number;
  readonly value: Scalar;
}

type Last = readonly Entry[]; // newest first

export function last(k: number, stepMs: number): Aggregate<Last> {
  return {
    add: (acc, { value, timeMs, tie }) => (value === null ? acc : insert(acc ?? [], { timeMs, tie, value })),
    merge: (a, b) => [...a, ...b].sort(newestFirst),
    result: (acc, { startMs, endMs }) =>
      (acc ?? [])
        .filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs)
        .slice(0, k)
        .map(({ value }) => value),
    prune(acc, { oldestMs, earliestAsOfMs }) {
      const firstAsOfMs = Math.ceil(earliestAsOfMs / stepMs) * stepMs;
      let step = Number.NaN;
      let inStep = 0;
      const kept = acc.filter(({ timeMs }) => {
        const own = timeMs < firstAsOfMs ? Number.NEGATIVE_INFINITY : Math.floor(timeMs / stepMs);
        inStep = own === step ? inStep + 1 : 1;
        step = own;
        return inStep <= k && timeMs >= oldestMs;
      });
      if (kept.length === acc.length) return acc;
      return kept.length === 0 ? undefined : kept;
    },
    write(writer, acc) {
      writer.varint(acc.length);
      let previousMs = 0;
      for (const { timeMs, tie, value } of acc) {
        writer.signed(previousMs - timeMs);
        writer.uint32(tie);
        writeScalar(writer, value);
        previousMs = timeMs;
      }
    },
    read(reader) {
      let timeMs = 0;
      return Array.from({ length: reader.varint() }, () => {
        timeMs -= reader.signed();
        return { timeMs, tie: reader.uint32(), value: readScalar(reader) };
      });
    },
    maxBytes: 2 + k * 300,
  };
}

function insert(acc: Last, entry: Entry): Last {
  const at = acc.findIndex((other) => newestFirst(entry, other) <= 0);
  return at < 0 ? [...acc, entry] : [...acc.slice(0, at), entry, ...acc.slice(at)];
}

function newestFirst(a: Entry, b: Entry): number {
  if (a.timeMs !== b.timeMs) return b.timeMs - a.timeMs;
  if (a.tie !== b.tie) return b.tie - a.tie;
  return String(a.value) < String(b.value) ? 1 : String(a.value) > String(b.value) ? -1 : 0;
}

function writeScalar(writer: ByteWriter, value: Scalar): void {
  if (typeof value === "string") {
    writer.byte(0);
    writer.text(value);
  } else if (typeof value === "number") {
    writer.byte(1);
    writer.float64(value + 0);
  } else writer.byte(value ? 3 : 2);
}

function readScalar(reader: ByteReader): Scalar {
  const kind = reader.byte();
  if (kind === 0) return reader.text();
  return kind === 1 ? reader.float64() : kind === 3;
}
