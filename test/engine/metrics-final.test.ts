import {
  canBeFinal,
  compileMetrics,
  decode,
  defineMetric,
  defineMetrics,
  type Event,
  type FinalRow,
  finalWindows,
  type MetricRow,
  measure,
  minutes,
  type ReadableRow,
  readMetric,
  type StreamRecord,
  tumbling,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arrivals,
  CALM,
  deliver,
  type Fact,
  metrics,
  pipeline,
  START,
  toRecords,
  weather,
} from "./metrics-histories.ts";
import { naiveByRegion } from "./metrics-oracle.ts";

describe("final windows", () => {
  it("tell each identity once, too late or not, whatever was counted before; windows not wholly in the range stay as they were", () => {
    fc.assert(
      fc.property(arrivals, weather, range, fc.infiniteStream(fc.nat(1000)), (list, weather, range, order) => {
        const shuffle = <T>(all: readonly T[]) => shuffled(all, () => order.next().value);
        const records = toRecords(list);
        const live = [...deliver(records, { weather, finalIsEmpty: true }).table.values()].filter(isByRegion);
        const lake = oncePerIdentity(records.flatMap(readable));
        // Nothing of the lake is read but the range.
        const read = lake.filter(({ timeMs }) => timeMs >= range.fromMs && timeMs < range.toMs);
        const parts = [0, 1].map((part) => shuffle(read.filter((_, i) => i % 2 === part)));
        const final = parts.flatMap((events, part) => finalRowsOf(events, range, `part-${part}`));

        const told = readMetric(metrics, "by_region", shuffle([...live, ...final.map(asFinal)]));
        const isInside = ({ startMs }: { startMs: number }) =>
          startMs >= range.fromMs && startMs + 60_000 <= range.toMs;
        const judged = lake.map((event) => ({ record: event.record, fact: factOf(event), verdict: "accepted" }));
        expect(told.filter(isInside)).toEqual(naiveByRegion(judged, 60_000).filter(isInside));
        const before = readMetric(metrics, "by_region", live);
        expect(told.filter((window) => !isInside(window))).toEqual(before.filter((window) => !isInside(window)));
      }),
      { numRuns: 300 },
    );
  });

  it("say what the lake says now, whatever it said when they were made before", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.boolean()), (list, draws) => {
        const records = toRecords(list);
        const live = [...deliver(records, { weather: CALM, finalIsEmpty: true }).table.values()].filter(isByRegion);
        const lake = oncePerIdentity(records.flatMap(readable));
        const [before, now] = [0, 1].map(() => lake.filter(() => draws.next().value)) as [Event[], Event[]];
        const made = (events: readonly Event[], standing: readonly ReadableRow[]): readonly ReadableRow[] => {
          const windows = finalWindows(metrics, EVER);
          for (const event of events) windows.add(event, "accepted");
          const rows = windows.rows(
            "a",
            standing.map(({ startMs }) => ({ metric: "by_region", startMs })),
          );
          const over = new Set(rows.map(({ startMs }) => startMs));
          return [...standing.filter(({ final, startMs }) => !final || !over.has(startMs)), ...rows.map(asFinal)];
        };
        const once = readMetric(metrics, "by_region", made(now, live));
        expect(readMetric(metrics, "by_region", made(now, made(before, live)))).toEqual(once);
        const judged = now.map((event) => ({ record: event.record, fact: factOf(event), verdict: "accepted" }));
        expect(once).toEqual(naiveByRegion(judged, 60_000));
      }),
      { numRuns: 200 },
    );
  });

  it("leave a window as it is that the range cuts at either end", () => {
    const at = (id: string, afterMs: number): Fact => ({
      ...{ id, time: START + afterMs, user: "ann", item: null, region: null, amount: null },
    });
    const facts = [at("a", 10_000), at("b", 50_000)];
    const events = toRecords(facts.map((fact) => ({ arrivalMs: fact.time, shard: 0, fact }))).flatMap(readable);
    const rowsIn = (fromMs: number, toMs: number) => finalRowsOf(events, { fromMs, toMs }, "a").length;
    expect(rowsIn(START, START + 60_000)).toBe(1);
    expect(rowsIn(START, START + 59_999)).toBe(0);
    expect(rowsIn(START + 1, START + 120_000)).toBe(0);
  });

  it("are the same rows, byte for byte, whatever the order of the events", () => {
    fc.assert(
      fc.property(arrivals, range, (list, range) => {
        const events = oncePerIdentity(toRecords(list).flatMap(readable));
        expect(finalRowsOf(events.toReversed(), range, "a")).toEqual(finalRowsOf(events, range, "a"));
      }),
      { numRuns: 100 },
    );
  });

  it("are made of what the lake tells: not of arrival, of bytes, or of the moment of counting", () => {
    const one = (rest: Partial<Parameters<typeof defineMetric>[1]>) => {
      const metric = defineMetric("m", {
        windows: [tumbling(minutes(1))],
        measures: [measure.count("events")],
        ...rest,
      });
      return canBeFinal(compileMetrics(defineMetrics({ metrics: [metric] }), pipeline).metrics[0] as never);
    };
    expect(one({})).toBe(true);
    expect(one({ measures: [measure.max("latest", "_lateness_ms")] })).toBe(true);
    expect(one({ time: "arrival" })).toBe(false);
    expect(one({ time: "arrival", records: "readable" })).toBe(false);
    expect(one({ measures: [measure.sum("bytes", "_size_bytes")] })).toBe(false);
    expect(one({ measures: [measure.max("oldest", "_freshness_ms")] })).toBe(false);
    expect(one({ measures: [measure.count("small", { where: { _size_bytes: 1 } })] })).toBe(false);
    expect(metrics.metrics.filter(canBeFinal).map(({ name }) => name)).toEqual(["by_region"]);
  });
});

/** Longer than all that arrivals tell. */
const EVER = { fromMs: START - 3_600_000, toMs: START + 36_000_000 };

const range = fc
  .tuple(fc.integer({ min: -8, max: 24 }), fc.nat(40))
  .map(([from, length]) => ({ fromMs: START + from * 30_000, toMs: START + (from + length) * 30_000 }));

function finalRowsOf(events: readonly Event[], range: { fromMs: number; toMs: number }, part: string) {
  const windows = finalWindows(metrics, range);
  for (const event of events) windows.add(event, "accepted");
  return windows.rows(part);
}

function readable(record: StreamRecord): readonly Event[] {
  const { event } = decode(pipeline, record);
  return event === null ? [] : [event];
}

function oncePerIdentity(events: readonly Event[]): readonly Event[] {
  return [...new Map(events.map((event) => [`${event.high} ${event.low}`, event])).values()];
}

function factOf({ record }: Event): Fact {
  return JSON.parse(new TextDecoder().decode(record.data)) as Fact;
}

const asFinal = ({ startMs, bytes }: FinalRow) => ({ startMs, bytes, final: true });
const isByRegion = ({ metric }: MetricRow) => metric === "by_region";

function shuffled<T>(all: readonly T[], draw: () => number): readonly T[] {
  return all
    .map((one) => ({ one, key: draw() }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one);
}
