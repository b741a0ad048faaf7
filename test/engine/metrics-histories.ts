import {
  compile,
  compileMetrics,
  count,
  defineFeatures,
  defineMetric,
  defineMetrics,
  defineView,
  type EventSchema,
  hours,
  type MetricRow,
  measure,
  minutes,
  type Position,
  rollUp,
  type Scalar,
  type StreamRecord,
  tumbling,
  type WindowBatch,
} from "@millrace/engine";
import fc from "fast-check";

/** Random histories of a small shop, and a platform that hands them out in tumbling windows and fails in every way it can. */

export const LATENESS = 150_000;
export const SKEW = 10_000;
export const START = 1_700_000_040_000; // a whole minute
export const WINDOW = 60_000;

const column = (name: string, type: EventSchema["columns"][number]["type"], required = false) =>
  ({ name, path: [name], type, required, sensitive: false, maxLength: 64 }) as const;

export const schema: EventSchema = {
  idColumn: "id",
  timeColumn: "time",
  partitionColumns: [],
  columns: [
    column("id", "string", true),
    column("time", "timestamp", true),
    column("user", "string", true),
    column("item", "string"),
    column("region", "string"),
    column("amount", { decimal: { precision: 15, scale: 2 } }),
  ],
  validate: (value) => (typeof value === "object" && value !== null && "user" in value ? null : "user: is missing"),
  toRow: (value) => ({ item: null, region: null, amount: null, ...(value as Record<string, Scalar>) }),
};

const features = defineFeatures({
  partitionKey: "user",
  allowedLatenessMs: LATENESS,
  maxSkewMs: SKEW,
  views: [defineView("by_user", { entity: "user", features: [count("events", { windows: [tumbling(hours(1))] })] })],
});
export const pipeline = compile(features, schema);

export const REGION_LIMIT = 3;
export const definitions = defineMetrics({
  metrics: [
    defineMetric("by_region", {
      windows: [tumbling(minutes(1)), tumbling(minutes(5))],
      by: ["region"],
      limit: REGION_LIMIT,
      measures: [
        measure.count("events"),
        measure.distinct("users", "user", { limit: 100 }),
        measure.sum("spend", "amount", { where: { item: ["i1", "i2"] } }),
        measure.count("bought", { where: { item: ["i1", "i2"] } }),
        measure.ratio("bought_share", "bought", "events"),
      ],
    }),
    defineMetric("verdicts", {
      windows: [tumbling(minutes(1))],
      time: "arrival",
      records: "all",
      by: ["_verdict"],
      measures: [measure.count("records"), measure.max("latest_ms", "_lateness_ms")],
    }),
    defineMetric("heat", {
      windows: [tumbling(minutes(1))],
      time: "arrival",
      records: "all",
      by: ["_shard"],
      measures: [measure.count("records"), measure.heaviest("keys", "_partition_key", { k: 2, sample: 1000 })],
    }),
    defineMetric("sizes", {
      windows: [tumbling(minutes(1))],
      by: ["region"],
      limit: REGION_LIMIT,
      measures: [
        measure.sum("bytes", "_size_bytes"),
        measure.max("oldest_ms", "_freshness_ms"),
        measure.ratio("oldest_per_byte", "oldest_ms", "bytes"),
      ],
    }),
  ],
});
export const metrics = compileMetrics(definitions, pipeline);

export interface Fact {
  readonly id: string;
  readonly time: number;
  readonly user: string;
  readonly item: string | null;
  readonly region: string | null;
  readonly amount: number | null;
}

export interface Arrival {
  readonly arrivalMs: number;
  readonly shard: number;
  /** Text where the record is no event. */
  readonly fact: Fact | string;
}

const fact = fc.record({
  id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
  ageMs: fc.oneof(
    fc.constantFrom(0, 1000, 59_999, 60_000),
    fc.integer({ min: -SKEW, max: LATENESS }),
    fc.integer({ min: -2 * SKEW, max: 2 * LATENESS }),
  ),
  user: fc.constantFrom("u1", "u2", "ünï"),
  item: fc.option(fc.constantFrom("i1", "i2", "i3")),
  region: fc.option(fc.constantFrom("north", "south", "east", "west", "süd")),
  amount: fc.option(fc.integer({ min: -500, max: 999_999_999_999_999 })),
});

/** Arrivals in stream order; some repeat an earlier fact, some are no event. */
export const arrivals: fc.Arbitrary<readonly Arrival[]> = fc
  .array(
    fc.record({
      fact,
      gapMs: fc.constantFrom(0, 1, 700, 9_000, 31_000, 200_000),
      shard: fc.constantFrom(0, 1),
      again: fc.option(fc.nat(), { freq: 4 }),
      odd: fc.nat(9),
    }),
    { maxLength: 40 },
  )
  .map((draws) => {
    const out: Arrival[] = [];
    let arrivalMs = START;
    for (const { fact: drawn, gapMs, shard, again, odd } of draws) {
      arrivalMs += gapMs;
      const { ageMs, ...rest } = drawn;
      const fresh = odd === 0 ? "{no event" : { ...rest, time: arrivalMs - ageMs };
      const earlier = again === null ? undefined : out[again % Math.max(out.length, 1)];
      out.push(earlier === undefined ? { fact: fresh, arrivalMs, shard } : { ...earlier, arrivalMs });
    }
    return out;
  });

export function toRecords(list: readonly Arrival[]): readonly StreamRecord[] {
  return list.map(({ fact, arrivalMs, shard }, i) => ({
    position: { shard: shardName(shard), sequence: String(98 + i), subSequence: 0 },
    partitionKey: typeof fact === "string" ? "nobody" : fact.user,
    arrivalMs,
    data: new TextEncoder().encode(typeof fact === "string" ? fact : JSON.stringify(fact)),
  }));
}

export const shardName = (shard: number): string => `shardId-${String(shard).padStart(12, "0")}`;

/** What the platform does with a window's records; one draw for each invocation, the last again when there are no more. */
export interface Weather {
  /** Records in a batch. */
  readonly size: number;
  /** How often the invocation fails first, each time after some of its rows were written. */
  readonly failures: number;
  /** Which rows a failing invocation writes; the last draw says whether the answer alone is lost, with all written. */
  readonly written: readonly boolean[];
  /** So many records that were delivered before come again with the batch. */
  readonly again: number;
  /** The window is ended early after this batch. */
  readonly early: boolean;
  /** What fails is not this batch, but all that is left of the window in one. */
  readonly whole: boolean;
}

export const weather: fc.Arbitrary<readonly Weather[]> = fc.array(
  fc.record({
    size: fc.integer({ min: 1, max: 9 }),
    failures: fc.constantFrom(0, 0, 1, 2),
    written: fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
    again: fc.constantFrom(0, 0, 1, 3, 100),
    early: fc.constantFrom(false, false, false, true),
    whole: fc.constant(false),
  }),
  { minLength: 1, maxLength: 12 },
);

export const CALM: readonly Weather[] = [
  { size: 1000, failures: 0, written: [], again: 0, early: false, whole: false },
];

export interface PlatformOptions {
  readonly weather: readonly Weather[];
  /** Whether a window's last records come with its final invocation, or an empty one follows. */
  readonly finalIsEmpty: boolean;
  readonly limits?: Parameters<typeof rollUp>[2];
}

export interface Outcome {
  /** By metric, window, shard, arrival window and first position: what a table holds. */
  readonly table: ReadonlyMap<string, MetricRow>;
  /** Runs of records that one state saw after the other, flushes in between or not: where duplicates are recognised. */
  readonly runs: readonly (readonly StreamRecord[])[];
  /** The largest state that was returned. */
  readonly mostBytes: number;
}

/** Hands the records of every shard over as Lambda does: window by window, batch by batch, with the state of the last success. */
export function deliver(records: readonly StreamRecord[], options: PlatformOptions): Outcome {
  const table = new Map<string, MetricRow>();
  const runs: (readonly StreamRecord[])[] = [];
  let mostBytes = 0;
  let turn = 0;
  for (const shard of new Set(records.map(({ position }) => position.shard))) {
    const own = records.filter(({ position }) => position.shard === shard);
    let written: Position | null = null;
    let done = 0;
    for (const windowStartMs of [...new Set(own.map(windowOf))]) {
      let left = own.filter((record) => windowOf(record) === windowStartMs);
      let incoming: Uint8Array | null = null;
      let run: StreamRecord[] = [];
      for (let ended = false; !ended; ) {
        const today = options.weather[Math.min(turn++, options.weather.length - 1)] as Weather;
        const fresh = left.slice(0, today.size);
        left = left.slice(today.size);
        done += fresh.length;
        run.push(...fresh);
        ended = left.length === 0 && (fresh.length === 0 || !options.finalIsEmpty);
        const early = today.early && !ended;
        const before = own.slice(Math.max(0, done - fresh.length - today.again), done - fresh.length);
        const batch: WindowBatch = {
          incoming,
          written: incoming === null ? written : null,
          shard,
          windowStartMs,
          records: [...before, ...fresh],
          windowEndMs: windowStartMs + WINDOW,
          ends: early ? "early" : ended ? "final" : "no",
          nowMs: windowStartMs + WINDOW,
        };
        for (let failure = 0; failure < today.failures; failure++) {
          const failing = today.whole
            ? ({ ...batch, records: [...batch.records, ...left], ends: "final" } as const)
            : batch;
          const { rows, written: mark } = rollUp(metrics, failing, options.limits);
          const kept = rows.filter((_, i) => today.written[i % today.written.length]);
          for (const row of kept) table.set(rowKey(row), row);
          if (kept.length === rows.length) written = mark?.position ?? written;
        }
        const { rows, state, written: mark } = rollUp(metrics, batch, options.limits);
        for (const row of rows) table.set(rowKey(row), row);
        written = mark?.position ?? written;
        incoming = batch.ends === "no" ? state : null;
        mostBytes = Math.max(mostBytes, state.length);
        if (batch.ends !== "no") {
          runs.push(run);
          run = [];
        }
      }
    }
  }
  return { table, runs, mostBytes };
}

export function rowKey({ metric, startMs, shard, arrivalStartMs, first }: MetricRow): string {
  return [metric, startMs, shard, arrivalStartMs, first.sequence, first.subSequence].join(" ");
}

function windowOf({ arrivalMs }: StreamRecord): number {
  return Math.floor(arrivalMs / WINDOW) * WINDOW;
}
