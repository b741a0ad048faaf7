import { createHash } from "node:crypto";
import {
  calendarDay,
  calendarWeek,
  compile,
  count,
  defineFeatures,
  defineView,
  distinct,
  evaluateHistory,
  type FeatureValue,
  hopping,
  last,
  lastEvents,
  lastK,
  lifetime,
  max,
  ratio,
  readFeatures,
  session,
  sum,
  tumbling,
  type Window,
  type WindowRow,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Arrival,
  arrivals,
  eventsWith,
  type Fact,
  foldWith,
  LATENESS,
  lanesOf,
  SKEW,
  SLACK,
  START,
  schema,
  toRecords,
} from "./histories.ts";

/** Every kind of window against nested loops that know nothing of tiles. */

const DAY = 86_400_000;
const windows: readonly Window[] = [
  hopping(30_000, 5_000, { offsetMs: 1_000 }),
  tumbling(60_000, { offsetMs: 7_000 }),
  calendarDay("America/New_York"),
  calendarWeek("Asia/Kathmandu", { startsOn: "sunday" }),
  session(5_000, { longestMs: 120_000 }),
  lastEvents(3, { withinMs: 600_000, stepMs: 10_000 }),
  lifetime({ stepMs: 30_000 }),
];
const buys = { kind: "buy" };
const definitions = defineFeatures({
  partitionKey: "user",
  allowedLatenessMs: LATENESS,
  maxSkewMs: SKEW,
  slackMs: SLACK,
  views: ["user", "item"].map((entity) =>
    defineView(`by_${entity}`, {
      entity,
      features: [
        count("events", { windows }),
        count("buys", { where: buys, windows }),
        sum("spend", "amount", { where: buys, windows }),
        max("most", "amount", { windows }),
        distinct("items", "item", { limit: 3, windows }),
        ratio("share", "buys", "events", { windows }),
        lastK("recent", "item", { k: 3, windows: windows.filter(({ kind }) => kind !== "lastEvents") }),
        last("kind", "kind", { windows: windows.filter(({ kind }) => kind !== "lastEvents") }),
      ],
    }),
  ),
});
const pipeline = compile(definitions, schema);
const NAMES = ["30s", "1m_tumbling", "day", "week", "session", "last3", "lifetime"];
const laterMs = fc.integer({ min: -(LATENESS + SLACK), max: 90_000 });

/** An ordinary day, before the epoch, a leap day, both changes of New York's clocks, and the ends of the calendar. */
const moments = fc.constantFrom(
  START,
  -7,
  Date.parse("1969-12-31T23:59:50Z"),
  Date.parse("2024-02-29T04:59:30Z"),
  Date.parse("2026-03-08T06:59:30Z"),
  Date.parse("2026-11-01T05:59:30Z"),
  Date.parse("1972-01-02T18:29:30Z"),
  Date.parse("9999-12-20T00:00:00Z"),
);

describe("windows", () => {
  it("give what nested loops over the accepted facts give, as of any time that can be asked for", () => {
    fc.assert(
      fc.property(arrivals, moments, laterMs, fc.nat(40), (original, momentMs, laterMs, at) => {
        const list = movedTo(momentMs, original);
        const events = eventsWith(pipeline, toRecords(list));
        const cut = at % (events.length + 1);
        const table = foldWith(pipeline, foldWith(pipeline, new Map(), events.slice(0, cut)), events.slice(cut));
        const nowMs = Math.max(momentMs, ...list.map(({ arrivalMs }) => arrivalMs)) + laterMs;
        for (const view of ["by_user", "by_item"] as const) {
          for (const [entity, facts] of factsBy(
            view,
            list.map(({ fact }) => fact),
            list,
          )) {
            const items = lanesOf(table, { view, entity });
            expect(readFeatures(pipeline, view, items, nowMs)).toEqual(naiveAsOf(facts, nowMs));
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("of a whole history are those that nested loops find, whatever the order of the events", () => {
    fc.assert(
      fc.property(arrivals, moments, fc.infiniteStream(fc.nat(1000)), (original, momentMs, keys) => {
        const list = movedTo(momentMs, original);
        const inTime = list.map((arrival) => ({ ...arrival, arrivalMs: arrival.fact.time }));
        const shuffled = inTime.map((one) => ({ one, key: keys.next().value })).sort((a, b) => a.key - b.key);
        const rows = [...evaluateHistory(pipeline, eventsWith(pipeline, toRecords(inTime)))];
        const again = evaluateHistory(pipeline, eventsWith(pipeline, toRecords(shuffled.map(({ one }) => one))));
        expect([...again]).toEqual(rows);
        for (const view of ["by_user", "by_item"] as const) {
          for (const [entity, facts] of factsBy(
            view,
            inTime.map(({ fact }) => fact),
            inTime,
          )) {
            const own = rows.filter((row) => row.view === view && row.entity === entity);
            expect(summaryOf(own)).toEqual(naiveRows(facts));
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** The same history at another time. */
function movedTo(momentMs: number, list: readonly Arrival[]): readonly Arrival[] {
  const byMs = momentMs - START;
  return list.map((arrival) => ({
    ...arrival,
    arrivalMs: arrival.arrivalMs + byMs,
    fact: { ...arrival.fact, time: arrival.fact.time + byMs },
  }));
}

/** Per entity the accepted facts, each once. */
function factsBy(
  view: "by_user" | "by_item",
  facts: readonly Fact[],
  list: readonly { fact: Fact; arrivalMs: number }[],
) {
  const out = new Map<string, Fact[]>();
  const seen = new Set<string>();
  facts.forEach((fact, i) => {
    const arrivalMs = list[i]?.arrivalMs as number;
    const entity = view === "by_user" ? fact.user : fact.item;
    const id = `${fact.user} ${fact.id} ${fact.time}`;
    if (entity === null || arrivalMs - fact.time > LATENESS || fact.time - arrivalMs > SKEW || seen.has(id)) return;
    seen.add(id);
    out.set(entity, [...(out.get(entity) ?? []), fact]);
  });
  return out;
}

function naiveAsOf(facts: readonly Fact[], nowMs: number): Record<string, FeatureValue> {
  const out: Record<string, FeatureValue> = {};
  windows.forEach((window, w) => {
    const bought = facts.filter(({ kind }) => kind === "buy");
    const inside = insideAsOf(window, facts, nowMs);
    // The last events are the last of those that a feature counts.
    const buys =
      window.kind === "lastEvents" ? insideAsOf(window, bought, nowMs) : inside.filter((fact) => bought.includes(fact));
    Object.assign(out, naiveFeatures(NAMES[w] as string, inside, buys));
  });
  return out;
}

function insideAsOf(window: Window, facts: readonly Fact[], nowMs: number): readonly Fact[] {
  const endMs = Math.ceil((nowMs - window.offsetMs) / window.stepMs) * window.stepMs + window.offsetMs;
  const before = facts.filter(({ time }) => time < endMs);
  switch (window.kind) {
    case "hopping":
    case "tumbling":
      return before.filter(({ time }) => time >= endMs - window.sizeMs);
    case "calendar":
      return facts.filter(({ time }) => periodOf(window, time) === periodOf(window, nowMs - 1));
    case "lifetime":
      return before;
    case "lastEvents":
      return newestFirst(before.filter(({ time }) => time >= endMs - window.sizeMs)).slice(0, window.events);
    case "session": {
      const session: Fact[] = [];
      let laterMs = nowMs;
      for (const fact of newestFirst(before)) {
        const cut = Math.floor(fact.time / window.longestMs) !== Math.floor(laterMs / window.longestMs);
        if (fact.time < laterMs && (laterMs - fact.time > window.gapMs || cut)) break;
        session.push(fact);
        laterMs = fact.time;
      }
      return session;
    }
  }
}

/** The local day, or the day on which its week starts, as a text. */
function periodOf(window: Extract<Window, { kind: "calendar" }>, timeMs: number): string {
  const date = new Date(timeMs).toLocaleDateString("sv-SE", { timeZone: window.zone });
  if (window.unit === "day") return date;
  const day = Date.parse(`${date}T00:00:00Z`);
  return new Date(day - new Date(day).getUTCDay() * DAY).toISOString();
}

function naiveFeatures(name: string, facts: readonly Fact[], bought: readonly Fact[]): Record<string, FeatureValue> {
  const total = bought.reduce((sum, { amount }) => sum + BigInt(amount ?? 0), 0n);
  const amounts = facts.flatMap(({ amount }) => (amount === null ? [] : [amount]));
  const items = new Set(facts.flatMap(({ item }) => (item === null ? [] : [item])));
  const values: Record<string, FeatureValue> = {
    events: facts.length,
    buys: bought.length,
    spend: Number(decimalText(total)),
    most: amounts.length === 0 ? null : Math.max(...amounts) / 100,
    items: items.size > 3 ? { overflow: true, atLeast: 4 } : items.size,
    share: facts.length === 0 ? null : bought.length / facts.length,
  };
  if (name !== "last3") {
    const withItem = newestFirst(facts.filter(({ item }) => item !== null));
    values.recent = withItem.slice(0, 3).map(({ item }) => item);
    values.kind = newestFirst(facts.filter(({ kind }) => kind !== null))[0]?.kind ?? null;
  }
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${key}_${name}`, value]));
}

/** Of a history: per window how many events each has, in order. */
function naiveRows(facts: readonly Fact[]): Record<string, readonly number[]> {
  const out: Record<string, readonly number[]> = {};
  windows.forEach((window, w) => {
    out[NAMES[w] as string] = naiveCounts(window, facts);
  });
  return out;
}

function naiveCounts(window: Window, facts: readonly Fact[]): readonly number[] {
  if (window.kind === "lifetime") return [facts.length];
  if (window.kind === "lastEvents")
    return [insideAsOf(window, facts, Math.max(...facts.map(({ time }) => time)) + 1).length];
  if (window.kind === "session") return naiveSessions(window, facts);
  const keysOf = ({ time }: Fact): readonly (number | string)[] => {
    if (window.kind === "calendar") return [periodOf(window, time)];
    const keys: number[] = [];
    const firstEnd = Math.floor((time - window.offsetMs) / window.stepMs + 1) * window.stepMs + window.offsetMs;
    for (let end = firstEnd; end - window.sizeMs <= time; end += window.stepMs) keys.push(end);
    return keys;
  };
  const counts = new Map<number | string, number>();
  for (const fact of facts) for (const key of keysOf(fact)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count);
}

function naiveSessions({ gapMs, longestMs }: Extract<Window, { kind: "session" }>, facts: readonly Fact[]): number[] {
  const counts: number[] = [];
  let beforeMs = Number.NaN;
  for (const { time } of newestFirst(facts).toReversed()) {
    const joins = time - beforeMs <= gapMs && Math.floor(time / longestMs) === Math.floor(beforeMs / longestMs);
    if (joins) (counts[counts.length - 1] as number)++;
    else counts.push(1);
    beforeMs = time;
  }
  return counts;
}

function summaryOf(rows: readonly WindowRow[]): Record<string, readonly FeatureValue[]> {
  const of = (name: string) => rows.filter(({ window }) => window === name);
  return Object.fromEntries(
    NAMES.map((name) => [name, of(name).map(({ features }) => features[`events_${name}`] as FeatureValue)]),
  );
}

function newestFirst(facts: readonly Fact[]): readonly Fact[] {
  return facts.toSorted((a, b) => b.time - a.time || tie(b) - tie(a));
}

function tie({ user, id, time }: Fact): number {
  return createHash("md5").update(`${user}\n${id}\n${time}`).digest().readUInt32BE(0);
}

function decimalText(scaled: bigint): string {
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(3, "0");
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
