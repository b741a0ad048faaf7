import {
  compile,
  count,
  type Decoded,
  decode,
  defineFeatures,
  defineView,
  distinct,
  type Event,
  type EventSchema,
  fold,
  groupByItem,
  hopping,
  lastK,
  max,
  mean,
  min,
  type Pipeline,
  type Rejection,
  type Scalar,
  type StateKey,
  type StreamRecord,
  stateId,
  sum,
  tumbling,
} from "@millrace/engine";
import fc from "fast-check";

/** Random histories of a small shop, and an oracle that computes features from them by nested loops. */

export const LATENESS = 60_000;
export const SKEW = 10_000;
export const SLACK = 30_000;
export const START = 1_700_000_000_000;

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
    column("kind", "string"),
    column("seq", "bigint"),
    column("amount", { decimal: { precision: 15, scale: 2 } }),
  ],
  validate: (value) => (typeof value === "object" && value !== null && "user" in value ? null : "user: is missing"),
  toRow: (value) => ({ item: null, kind: null, amount: null, seq: null, ...(value as Record<string, Scalar>) }),
};

const windows = [hopping(30_000, 5_000), tumbling(60_000), hopping(120_000, 20_000)];
const buys = { kind: "buy" };

export const features = defineFeatures({
  partitionKey: "user",
  allowedLatenessMs: LATENESS,
  maxSkewMs: SKEW,
  slackMs: SLACK,
  views: ["user", "item"].map((entity) =>
    defineView(`by_${entity}`, {
      entity,
      where: { kind: ["buy", "look"] },
      features: [
        count("events", { windows }),
        sum("spend", "amount", { where: buys, windows }),
        mean("ticket", "amount", { where: buys, windows }),
        min("least", "amount", { windows }),
        max("most", "amount", { windows }),
        distinct("items", "item", { limit: 3, windows }),
        lastK("recent", "item", { k: 3, windows }),
      ],
    }),
  ),
});

export const pipeline: Pipeline = compile(features, schema);

export interface Fact {
  readonly id: string;
  readonly time: number;
  readonly user: string;
  readonly item: string | null;
  readonly kind: string | null;
  readonly amount: number | null;
}

/** Facts with few users and items, ties in time, and repeated ids, so that everything that can meet does meet. */
export const fact: fc.Arbitrary<Omit<Fact, "time"> & { readonly ageMs: number }> = fc.record({
  id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
  ageMs: fc.oneof(
    fc.constantFrom(0, 1000, 5000),
    fc.integer({ min: -SKEW, max: 20_000 }),
    fc.integer({ min: -2 * SKEW, max: 2 * LATENESS }),
  ),
  user: fc.constantFrom("u1", "u2", "ünï"),
  item: fc.option(fc.constantFrom("i1", "i2", "i3", "i4", "i5")),
  kind: fc.option(fc.constantFrom("buy", "look", "other")),
  amount: fc.option(
    fc.oneof(fc.integer({ min: -500, max: 500 }), fc.constantFrom(999_999_999_999_999, -999_999_999_999_999)),
  ),
});

export interface Arrival {
  readonly fact: Fact;
  readonly arrivalMs: number;
  readonly shard: number;
}

/** Arrivals in stream order: each shard's arrival times step back by less than the slack; some repeat an earlier fact. */
export const arrivals: fc.Arbitrary<readonly Arrival[]> = fc
  .array(
    fc.record({
      fact,
      gapMs: fc.constantFrom(0, 1, 700, 5_000, 31_000, 200_000),
      jitterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: SLACK - 1 })),
      shard: fc.constantFrom(0, 1),
      again: fc.option(fc.nat(), { freq: 3 }),
    }),
    { maxLength: 40, size: "max" },
  )
  .map((draws) => {
    const out: Arrival[] = [];
    let clock = START;
    for (const {
      fact: { ageMs, ...rest },
      gapMs,
      jitterMs,
      again,
    } of draws) {
      clock += gapMs;
      const arrivalMs = clock - jitterMs;
      const earlier = again === null ? undefined : out[again % Math.max(out.length, 1)];
      const fresh = { ...rest, time: arrivalMs - ageMs };
      const next = earlier?.fact ?? fresh;
      out.push({ fact: next, arrivalMs, shard: shardOf(next.user) });
    }
    return out;
  });

/** As a batch has it: all through one shard. Only then are bytes comparable, because a new lane inherits what others have seen. */
export const oneShard = arrivals.map((list) => list.map((arrival) => ({ ...arrival, shard: 0 })));

/** A user's events come through one shard, as the stream's hash has it. */
function shardOf(user: string): number {
  return user === "u1" ? 0 : 1;
}

/** Records with ascending positions per shard, of growing digit counts. */
export function toRecords(list: readonly Arrival[], firstSequence = 98n): readonly StreamRecord[] {
  return list.map(({ fact, arrivalMs, shard }, i) => ({
    position: {
      shard: `shardId-${String(shard).padStart(12, "0")}`,
      sequence: String(firstSequence + BigInt(i)),
      subSequence: 0,
    },
    partitionKey: fact.user,
    arrivalMs,
    data: new TextEncoder().encode(JSON.stringify(fact)),
  }));
}

export function eventsOf(records: readonly StreamRecord[]): readonly Event[] {
  return eventsWith(pipeline, records);
}

export function eventsWith(pipeline: Pipeline, records: readonly StreamRecord[]): readonly Event[] {
  return records
    .map((record) => decode(pipeline, record))
    .flatMap((decoded: Decoded) => (decoded.kind === "event" ? [decoded.event] : []));
}

export type Table = ReadonlyMap<string, { readonly key: StateKey; readonly bytes: Uint8Array }>;

/** Folds one batch into a table and returns the new table, as the handler does with its store. */
export function foldInto(
  table: Table,
  events: readonly Event[],
): { readonly table: Table; readonly folded: ReturnType<typeof fold> } {
  const folded = fold(pipeline, stored(table, events), events);
  return { folded, table: withStates(table, folded.states) };
}

/** The same under other definitions. */
export function foldWith(
  pipeline: Pipeline,
  table: Table,
  events: readonly Event[],
  onRejection: (rejection: Rejection) => void = () => {},
): Table {
  const { states, rejections } = fold(pipeline, stored(table, events, pipeline), events);
  rejections.forEach(onRejection);
  return withStates(table, states);
}

function withStates(table: Table, states: ReturnType<typeof fold>["states"]): Table {
  return new Map([...table, ...states.map((state) => [state.id, state] as const)]);
}

export function stored(table: Table, events: readonly Event[], by: Pipeline = pipeline) {
  const keys = groupByItem(by, events).touched.map(({ key }) => key);
  const items = new Map(keys.flatMap((key) => entry(stateId(key), table.get(stateId(key))?.bytes)));
  const siblings = new Map(
    keys
      .filter((key) => key.lane !== "" && !items.has(stateId(key)))
      .map((key) => [stateId(key), lanesOf(table, key)] as const),
  );
  return { items, siblings };
}

export function lanesOf(table: Table, { view, entity }: Pick<StateKey, "view" | "entity">): readonly Uint8Array[] {
  return [...table.values()].filter(({ key }) => key.view === view && key.entity === entity).map(({ bytes }) => bytes);
}

function entry(id: string, bytes: Uint8Array | undefined): [string, Uint8Array][] {
  return bytes === undefined ? [] : [[id, bytes]];
}

/** The facts that count for an entity: record-local lateness, then the first of each identity. */
export function accepted(list: readonly Arrival[], view: "by_user" | "by_item", entity: string): readonly Fact[] {
  const seen = new Set<string>();
  return list
    .filter(({ fact, arrivalMs }) => arrivalMs - fact.time <= LATENESS && fact.time - arrivalMs <= SKEW)
    .map(({ fact }) => fact)
    .filter(({ kind }) => kind === "buy" || kind === "look")
    .filter((fact) => (view === "by_user" ? fact.user : fact.item) === entity)
    .filter(({ user, id, time }) => !seen.has(`${user} ${id} ${time}`) && seen.add(`${user} ${id} ${time}`));
}

/** Items by id, to compare whole tables byte for byte. */
export function dump(table: Table): Record<string, string> {
  return Object.fromEntries([...table].map(([id, { bytes }]) => [id, Buffer.from(bytes).toString("hex")]).sort());
}
