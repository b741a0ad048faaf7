import {
  compile,
  count,
  defineView,
  type Event,
  fold,
  lastK,
  lifetime,
  readFeatures,
  stateId,
  summarizeItem,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventsWith, features, LATENESS, SLACK, START, schema, toRecords } from "./histories.ts";

/** One entity whose producer numbers its events; they reach the stream in another order, some never, some twice. */

const REORDER = 3;
/** Numbers as they arrive: nearly in order, with gaps, repeats and strays. Null: without a number. */
const numbers: fc.Arbitrary<readonly (number | null)[]> = fc
  .array(
    fc.record({
      step: fc.constantFrom(1, 1, 1, 1, 2, 3),
      shift: fc.nat(4),
      kind: fc.constantFrom("seq", "seq", "seq", "seq", "none", "stray"),
    }),
    {
      maxLength: 40,
      size: "max",
    },
  )
  .map((draws) => {
    let next = 10;
    const keyed = draws.map(({ step, shift, kind }, i) => {
      next += step;
      return { number: kind === "none" ? null : kind === "stray" ? next - 7 : next, place: i + shift };
    });
    return keyed.sort((a, b) => a.place - b.place).map(({ number }) => number);
  });

/** Anywhere in what an integer column may hold, and most of all at its ends; some next to each other. */
const farNumbers: fc.Arbitrary<readonly number[]> = fc.array(
  fc.oneof(
    fc.maxSafeInteger(),
    fc
      .tuple(
        fc.constantFrom(Number.MIN_SAFE_INTEGER, -(2 ** 52), 0, 2 ** 52, Number.MAX_SAFE_INTEGER),
        fc.integer({ min: -4, max: 4 }),
      )
      .map(([near, step]) => near + step)
      .filter(Number.isSafeInteger),
  ),
  { maxLength: 12, size: "max" },
);

describe("a producer's sequence", () => {
  it.each([0, REORDER])(
    "with a buffer of %i counts gaps and events behind, and holds back, as a list on paper would",
    (reorder) => {
      fc.assert(
        fc.property(numbers, (list) => {
          const { summary, shown } = folded(pipelineOf({ reorder }), [eventsFor(list)]);
          const paper = onPaper(list, reorder);
          expect(summary).toMatchObject({
            gaps: paper.gaps,
            behind: paper.behind,
            held: paper.held,
            applied: list.length,
          });
          expect(shown).toBe(list.length - paper.held);
        }),
        { numRuns: 500 },
      );
    },
  );

  it.each([0, REORDER])("with a buffer of %i is right over all that an integer column may hold", (reorder) => {
    fc.assert(
      fc.property(farNumbers, fc.nat(12), (list, at) => {
        const pipeline = pipelineOf({ reorder });
        const events = eventsFor(list);
        const whole = folded(pipeline, [events]);
        const paper = onPaper(list, reorder);
        expect(whole.summary).toMatchObject({ ...paper, applied: list.length });
        expect(whole.shown).toBe(list.length - paper.held);
        // What the item holds between two batches has lost nothing.
        const cut = at % (events.length + 1);
        expect(folded(pipeline, [events.slice(0, cut), events.slice(cut)]).bytes).toEqual(whole.bytes);
      }),
      { numRuns: 400 },
    );
  });

  it("puts what is behind into quarantine where the view says so, and counts it as rejected", () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const { summary, rejections } = folded(pipelineOf({ reorder: REORDER, behind: "quarantine" }), [
          eventsFor(list),
        ]);
        const paper = onPaper(list, REORDER);
        expect(rejections).toHaveLength(paper.behind);
        expect(new Set(rejections)).toEqual(new Set(paper.behind > 0 ? ["out_of_order"] : []));
        expect(summary.applied).toBe(list.length - paper.behind);
      }),
    );
  });

  it("splits and redelivers like any other view: the same bytes", () => {
    fc.assert(
      fc.property(numbers, fc.nat(40), fc.nat(40), (list, at, from) => {
        const pipeline = pipelineOf({ reorder: REORDER });
        const events = eventsFor(list);
        const cut = at % (events.length + 1);
        const whole = folded(pipeline, [events]).bytes;
        expect(folded(pipeline, [events.slice(0, cut), events.slice(cut)]).bytes).toEqual(whole);
        expect(folded(pipeline, [events, events.slice(from % (events.length + 1))]).bytes).toEqual(whole);
      }),
    );
  });

  it("shows no event without its predecessors, and all of them once these are in", () => {
    const pipeline = pipelineOf({ reorder: REORDER });
    expect(folded(pipeline, [eventsFor([1, 3, 4])])).toMatchObject({ shown: 1, summary: { held: 2, gaps: 0 } });
    expect(folded(pipeline, [eventsFor([1, 3, 4, 2])])).toMatchObject({ shown: 4, summary: { held: 0, gaps: 0 } });
  });

  it("gives a gap up when the buffer is full, and when what is missing could no longer be accepted", () => {
    const pipeline = pipelineOf({ reorder: REORDER });
    expect(folded(pipeline, [eventsFor([1, 3, 4, 5, 6])])).toMatchObject({ shown: 5, summary: { held: 0, gaps: 1 } });
    const later = START + LATENESS + SLACK + 10_000;
    const late = eventsFor([7], later, 500n);
    expect(folded(pipeline, [eventsFor([1, 3, 4]), late])).toMatchObject({ shown: 3, summary: { held: 1, gaps: 1 } });
  });

  it("keeps with an event held back whatever its view's features want of it", () => {
    const { recent } = folded(pipelineOf({ reorder: REORDER }), [eventsFor([1, 3]), eventsFor([2], START + 50, 300n)]);
    expect(recent).toEqual(["i2", "i3", "i1"]);
  });

  it.each([
    ["a column that is no integer", { sequence: { column: "kind" } }, 'sequence "kind" must be an integer'],
    [
      "an entity that is spread over shards",
      { entity: "item", sequence: { column: "seq" } },
      "all events of an entity in one shard",
    ],
    ["a buffer without a bound", { sequence: { column: "seq", reorder: 1e6 } }, "from 0 to 100"],
    ["an unknown word", { sequence: { column: "seq", behind: "drop" as "count" } }, 'must be "count" or "quarantine"'],
    ["an unknown key", { sequence: { column: "seq", gap: 1 } }, 'unknown field "gap"'],
  ])("refuses %s", (_, change, message) => {
    const windows = [lifetime()];
    const view = defineView("v", { entity: "user", features: [count("events", { windows })], ...change });
    expect(() => compile({ ...features, views: [view] }, schema)).toThrow(message);
  });
});

function pipelineOf(sequence: { readonly reorder: number; readonly behind?: "count" | "quarantine" }) {
  const windows = [lifetime()];
  const view = defineView("v", {
    entity: "user",
    sequence: { column: "seq", ...sequence },
    features: [count("events", { windows }), lastK("recent", "item", { k: 3, windows })],
  });
  return compile({ ...features, views: [view] }, schema);
}

/** Every millisecond another one, so that the numbers alone decide. */
function eventsFor(list: readonly (number | null)[], fromMs = START, firstSequence = 98n): readonly Event[] {
  const arrivals = list.map((seq, i) => ({
    fact: { id: `${seq}-${fromMs + i}`, time: fromMs + i, user: "u1", item: `i${seq}`, kind: null, amount: null, seq },
    arrivalMs: fromMs + i,
    shard: 0,
  }));
  return eventsWith(pipelineOf({ reorder: 0 }), toRecords(arrivals, firstSequence));
}

function folded(pipeline: ReturnType<typeof pipelineOf>, batches: readonly (readonly Event[])[]) {
  const key = stateId({ view: "v", entity: "u1", lane: "" });
  const items = new Map<string, Uint8Array>();
  const rejections: string[] = [];
  for (const batch of batches) {
    const { states, rejections: own } = fold(pipeline, { items, siblings: new Map() }, batch);
    for (const { bytes } of states) items.set(key, bytes);
    rejections.push(...own.map(({ reason }) => reason));
  }
  const bytes = items.get(key);
  const stored = bytes === undefined ? [] : [bytes];
  const values = readFeatures(pipeline, "v", stored, START + 10_000_000);
  const none = { gaps: 0, behind: 0, held: 0, applied: 0 };
  const summary = bytes === undefined ? none : summarizeItem(pipeline, "v", bytes);
  return { bytes, rejections, summary, shown: values.events_lifetime, recent: values.recent_lifetime };
}

/** The buffer as a person would keep it: a list of numbers on paper, which has room for any of them. */
function onPaper(list: readonly (number | null)[], reorder: number) {
  let next: bigint | null = null;
  let gaps = 0n;
  let behind = 0;
  let waiting: bigint[] = [];
  const settle = () => {
    while (next !== null && waiting.includes(next)) {
      waiting = waiting.filter((number) => number !== next);
      next++;
    }
  };
  for (const given of list) {
    if (given === null) continue;
    const number = BigInt(given);
    next ??= number;
    if (number < next || waiting.includes(number)) {
      behind++;
      continue;
    }
    waiting.push(number);
    settle();
    if (waiting.length <= reorder) continue;
    const least = waiting.reduce((a, b) => (a < b ? a : b));
    gaps += least - next;
    next = least;
    settle();
  }
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return { gaps: Number(gaps < most ? gaps : most), behind, held: waiting.length };
}
