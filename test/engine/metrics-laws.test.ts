import { LEDGER, type MetricRow, readMetric } from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arrivals,
  CALM,
  deliver,
  metrics,
  type Outcome,
  START,
  toRecords,
  WINDOW,
  weather,
} from "./metrics-histories.ts";
import { judge, type NaiveLedger, naiveByRegion, naiveLedger, naiveVerdicts } from "./metrics-oracle.ts";

const ends = fc.boolean();

describe("the laws of metrics", () => {
  it("gives exactly what nested loops give, through failures, torn flushes, redeliveries and windows ended early", () => {
    fc.assert(
      fc.property(arrivals, weather, ends, (list, weather, finalIsEmpty) => {
        const records = toRecords(list);
        expectTruth(records, deliver(records, { weather, finalIsEmpty }));
      }),
      { numRuns: 400 },
    );
  });

  it("gives the same when states are written out after nearly every batch, because they are large", () => {
    fc.assert(
      fc.property(
        arrivals,
        weather,
        ends,
        fc.integer({ min: 1, max: 900 }),
        (list, weather, finalIsEmpty, flushBytes) => {
          const records = toRecords(list);
          const limits = { flushBytes, mostBytes: 1200 };
          const outcome = deliver(records, { weather, finalIsEmpty, limits });
          expectTruth(records, outcome);
          expect(outcome.mostBytes).toBeLessThanOrEqual(limits.mostBytes);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("keeps the ledger of every record, readable or not, once", () => {
    fc.assert(
      fc.property(arrivals, weather, ends, (list, weather, finalIsEmpty) => {
        const records = toRecords(list);
        expect(ledgerOf(deliver(records, { weather, finalIsEmpty }))).toEqual(naiveLedger(records));
      }),
      { numRuns: 200 },
    );
  });

  it("permutation: records of a window in another order, with the same duplicates, give the same windows", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.nat(1000)), (list, order) => {
        const minute = ({ arrivalMs }: { arrivalMs: number }) => Math.floor(arrivalMs / WINDOW);
        const shuffled = list
          .map((arrival) => ({ arrival, key: order.next().value }))
          .sort((a, b) => minute(a.arrival) - minute(b.arrival) || a.key - b.key)
          .map(({ arrival }) => arrival);
        const one = deliver(toRecords(list), { weather: CALM, finalIsEmpty: true });
        const other = deliver(toRecords(shuffled), { weather: CALM, finalIsEmpty: true });
        expect(windowsOf(other, "by_region")).toEqual(windowsOf(one, "by_region"));
        expect(verdictsOf(other)).toEqual(verdictsOf(one));
        expect(windowsOf(other, "heat")).toEqual(windowsOf(one, "heat"));
      }),
      { numRuns: 200 },
    );
  });

  it("merge: rows in any order, and wider windows from narrower ones, tell what the narrow ones add up to", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.nat(1000)), (list, order) => {
        const { table } = deliver(toRecords(list), { weather: CALM, finalIsEmpty: false });
        const shuffled = [...table.values()]
          .map((row) => ({ row, key: order.next().value }))
          .sort((a, b) => a.key - b.key)
          .map(({ row }) => row);
        for (const stepMs of [60_000, 300_000]) {
          expect(readRows(shuffled, "by_region", stepMs)).toEqual(readRows([...table.values()], "by_region", stepMs));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("writes the same rows, byte for byte, however often an invocation is tried again", () => {
    fc.assert(
      fc.property(arrivals, weather, ends, (list, weather, finalIsEmpty) => {
        const failing = weather.map((day) => ({ ...day, failures: 2 }));
        const calm = weather.map((day) => ({ ...day, failures: 0, again: 0 }));
        const records = toRecords(list);
        const limits = { flushBytes: 600, mostBytes: 1200 };
        expect(deliver(records, { weather: failing, finalIsEmpty, limits }).table).toEqual(
          deliver(records, { weather: calm, finalIsEmpty, limits }).table,
        );
      }),
      { numRuns: 200 },
    );
  });

  it("heals a last batch that wrote some of its rows, failed, and comes again in smaller batches", () => {
    fc.assert(
      fc.property(arrivals, weather, ends, (list, weather, finalIsEmpty) => {
        const cutAnew = weather.map((day) => ({ ...day, whole: true, early: false }));
        const records = toRecords(list);
        expectTruth(records, deliver(records, { weather: cutAnew, finalIsEmpty }));
      }),
      { numRuns: 200 },
    );
  });

  it("counts a late event in its own window, wherever it arrived", () => {
    const early = { id: "a", time: START + 1000, user: "u1", item: null, region: "north", amount: null };
    const late = { ...early, id: "b", time: START + 2000 };
    const list = [
      { fact: early, arrivalMs: START + 1000, shard: 0 },
      { fact: late, arrivalMs: START + 2 * WINDOW, shard: 0 },
    ];
    const outcome = deliver(toRecords(list), { weather: CALM, finalIsEmpty: true });
    const rows = [...outcome.table.values()].filter(({ metric }) => metric === "by_region");
    expect(rows.map(({ startMs, arrivalStartMs }) => [startMs, arrivalStartMs])).toEqual([
      [START, START],
      [START, START + 2 * WINDOW],
    ]);
    expect(windowsOf(outcome, "by_region")).toMatchObject([{ startMs: START, total: { events: 2, users: 1 } }]);
  });

  it("counts a duplicate once within a state, and again when it comes in another window", () => {
    const fact = { id: "a", time: START, user: "u1", item: null, region: "north", amount: null };
    const at = (arrivalMs: number) => ({ fact, arrivalMs, shard: 0 });
    const events = (...list: ReturnType<typeof at>[]) =>
      windowsOf(deliver(toRecords(list), { weather: CALM, finalIsEmpty: true }), "by_region").map(
        ({ total }) => total.events,
      );
    expect(events(at(START), at(START + 59_000))).toEqual([1]);
    expect(events(at(START), at(START + WINDOW))).toEqual([2]);
  });
});

/** Every metric of the outcome against the oracle. */
function expectTruth(records: Parameters<typeof deliver>[0], outcome: Outcome): void {
  const judged = judge(outcome.runs);
  expect(outcome.runs.flat()).toHaveLength(records.length);
  for (const stepMs of [60_000, 300_000]) {
    expect(windowsOf(outcome, "by_region", stepMs)).toEqual(naiveByRegion(judged, stepMs));
  }
  expect(verdictsOf(outcome)).toEqual(naiveVerdicts(judged));
  expect(ledgerOf(outcome)).toEqual(naiveLedger(records));
}

function windowsOf({ table }: Outcome, name: string, stepMs?: number) {
  return readRows([...table.values()], name, stepMs);
}

function readRows(rows: readonly MetricRow[], name: string, stepMs?: number) {
  const own = rows.filter(({ metric }) => metric === name);
  return readMetric(metrics, name, own, stepMs === undefined ? {} : { stepMs });
}

function verdictsOf(outcome: Outcome): Record<string, unknown> {
  return Object.fromEntries(
    windowsOf(outcome, "verdicts").flatMap(({ startMs, groups }) =>
      groups.map(({ by, values }) => [`${startMs} ${by._verdict}`, values.records]),
    ),
  );
}

function ledgerOf(outcome: Outcome): Record<string, NaiveLedger> {
  return Object.fromEntries(
    windowsOf(outcome, LEDGER).flatMap(({ startMs, groups }) =>
      groups.map(({ by, values }) => [`${startMs} ${by._shard}`, values as unknown as NaiveLedger]),
    ),
  );
}
