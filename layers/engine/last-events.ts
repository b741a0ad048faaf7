import type { Aggregate } from "./aggregate.ts";
import { type Built, buildAggregate } from "./aggregates/build.ts";
import { stillWanted } from "./aggregates/newest.ts";
import { compareText, readScalar, scalarBytes, toStored, varintBytes, writeScalar } from "./aggregates/scalar.ts";
import type { FeatureSpec } from "./feature.ts";
import type { EventSchema, Scalar } from "./schema.ts";
import type { LastEventsWindow } from "./window.ts";

/**
 * A window of the last n events keeps what an aggregate needs of each, newest first by (event time, fingerprint), and aggregates at
 * read time. Kept once per item: of the events before the first as-of that can still be asked for the n newest are enough, and of
 * each step after it likewise, so an event from the future displaces nothing that a window could still ask for.
 */
interface Entry {
  readonly timeMs: number;
  readonly tie: number;
  readonly value: Scalar;
  readonly by: Scalar;
  readonly hash: number;
}

type Entries = readonly Entry[]; // newest first

/** Time, tie, hash. */
const ENTRY_BYTES = 8 + 4 + 6;

/** The aggregate of a feature over its last events. */
export function lastEventsOf(spec: FeatureSpec, window: LastEventsWindow, schema: EventSchema, reachMs: number): Built {
  const built = buildAggregate(spec, [window], schema, reachMs);
  const { events, stepMs } = window;
  const key = JSON.stringify(["last events", events, stepMs, built.key]);
  const aggregate = lastEvents(built.aggregate, events, stepMs, built.hashed);
  // Those before the first as-of, and those of each step after it.
  const most = events * (2 + Math.ceil(reachMs / stepMs));
  const valueBytes = [built.column, built.by].map((name) => bytesOf(name, schema)).reduce((a, b) => a + b);
  const maxBytes = varintBytes(most) + most * (ENTRY_BYTES + valueBytes);
  return { ...built, key, perItem: true, aggregate: { ...aggregate, maxBytes } as Aggregate<unknown> };
}

/** Without a column it is null, or a number that says which steps are met. */
function bytesOf(name: string | null, { columns }: EventSchema): number {
  const column = columns.find((candidate) => candidate.name === name);
  return column === undefined ? 9 : scalarBytes(column);
}

function lastEvents(
  inner: Aggregate<unknown>,
  events: number,
  stepMs: number,
  hashed: boolean,
): Omit<Aggregate<Entries>, "maxBytes"> {
  return {
    add: (acc, { value, by, hash, timeMs, tie }) =>
      insert(acc ?? [], { timeMs, tie, value: toStored(value), by: toStored(by), hash }),
    merge: (a, b) => [...a, ...b].sort(newestFirst),
    result(acc, { startMs, endMs }) {
      const inside = (acc ?? []).filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs).slice(0, events);
      let result: unknown;
      for (const entry of inside) result = inner.add(result, entry);
      return inner.result(result, { startMs, endMs });
    },
    prune(acc, horizon) {
      const kept = stillWanted(acc, events, horizon, stepMs);
      if (kept.length === acc.length) return acc;
      return kept.length === 0 ? undefined : kept;
    },
    write(writer, acc) {
      writer.varint(acc.length);
      let previousMs = 0;
      for (const { timeMs, tie, value, by, hash } of acc) {
        writer.signed(previousMs - timeMs);
        writer.uint32(tie);
        writeScalar(writer, value);
        writeScalar(writer, by);
        if (hashed) writer.uint48(hash);
        previousMs = timeMs;
      }
    },
    read(reader) {
      let timeMs = 0;
      return Array.from({ length: reader.varint() }, () => {
        timeMs -= reader.signed();
        const tie = reader.uint32();
        return { timeMs, tie, value: readScalar(reader), by: readScalar(reader), hash: hashed ? reader.uint48() : 0 };
      });
    },
  };
}

function insert(acc: Entries, entry: Entry): Entries {
  const at = acc.findIndex((other) => newestFirst(entry, other) <= 0);
  return at < 0 ? [...acc, entry] : [...acc.slice(0, at), entry, ...acc.slice(at)];
}

/** Events of one time and one fingerprint differ in what they hold, or they are one event. */
function newestFirst(a: Entry, b: Entry): number {
  return b.timeMs - a.timeMs || b.tie - a.tie || compareText(b.value, a.value) || compareText(b.by, a.by);
}
