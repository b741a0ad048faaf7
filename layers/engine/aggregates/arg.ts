import type { Aggregate, Input } from "../aggregate.ts";
import { type Entry, EVENT_BYTES, oldestFirst, toEntry } from "./entry.ts";
import { readScalar, scalarBytes, toResult, writeScalar } from "./scalar.ts";

/** The value of one column where another is least or greatest; of several such events the first by (event time, fingerprint). */
interface Winner extends Entry {
  readonly by: number;
}

export function arg(
  which: "least" | "greatest",
  scale: number,
  column: Parameters<typeof scalarBytes>[0],
): Aggregate<Winner> {
  const sign = which === "least" ? 1 : -1;
  return {
    add(acc, input) {
      if (input.value === null || input.by === null) return acc;
      if (acc !== undefined && (acc.by - (input.by as number)) * sign < 0) return acc;
      return better(acc, toWinner(input));
    },
    merge: better,
    result: (acc) => (acc === undefined ? null : toResult(acc.value, scale)),
    write(writer, { by, timeMs, tie, value }) {
      writer.float64(by);
      writer.signed(timeMs);
      writer.uint32(tie);
      writeScalar(writer, value);
    },
    read: (reader) => ({
      by: reader.float64(),
      timeMs: reader.signed(),
      tie: reader.uint32(),
      value: readScalar(reader),
    }),
    maxBytes: 8 + EVENT_BYTES + scalarBytes(column),
  };

  function better(a: Winner | undefined, b: Winner): Winner {
    if (a === undefined) return b;
    const order = a.by === b.by ? oldestFirst(a, b) : (a.by - b.by) * sign;
    return order <= 0 ? a : b;
  }
}

function toWinner(input: Input): Winner {
  return { ...toEntry(input), by: (input.by as number) + 0 };
}
