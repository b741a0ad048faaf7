import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type KinesisWindowEvent, type MetricsStore, toKinesisWindowReply } from "@millrace/aws";
import {
  compile,
  compileMetrics,
  LEDGER,
  type MetricRow,
  type MetricsPipeline,
  type MetricWindow,
  type Position,
  readMetric,
  STATE_LIMITS,
  type Written,
} from "@millrace/engine";
import type { KinesisStreamRecord } from "aws-lambda";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LEAST_RECORDS_FOR_HEAT, rollUpMetrics } from "../functions/roll-up-metrics/roll-up-metrics.ts";
import { metrics, rowKey } from "./engine/metrics-histories.ts";
import { Crash, memoryTelemetry } from "./functions/fakes.ts";
import { kinesisRecord, SHARD } from "./functions/shop.ts";
import { features } from "./shop/features.ts";
import { eventSchema } from "./shop/generated/event.ts";
import { metrics as shopMetrics } from "./shop/metrics.ts";

const START = Date.UTC(2026, 0, 2, 3);
const WINDOW = 60_000;

type RollUpStore = Omit<MetricsStore, "putFinal">;

describe("roll-up-metrics", () => {
  it("leaves what a clean run leaves, whatever fails between reading and answering", async () => {
    const history = fc.array(fc.record({ user: fc.constantFrom("u1", "u2"), gapMs: fc.constantFrom(0, 900, 40_000) }), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(history, fc.array(fc.nat(6)), fc.boolean(), async (facts, fates, lastTogether) => {
        const clean = memoryMetricsStore();
        await deliver(toRecords(facts), clean, lastTogether);
        const troubled = memoryMetricsStore(() => fates.pop() ?? 99);
        await deliver(toRecords(facts), troubled, lastTogether);
        expect(troubled.table).toEqual(clean.table);
        expect(countOf(clean.table)).toBe(facts.length);
      }),
      { numRuns: 200 },
    );
  });

  it("writes nothing before the window ends, and all of it then, also when the last invocation has no records", async () => {
    const store = memoryMetricsStore();
    const handler = handlerOf(store);
    const first = await handler(eventOf({ records: [kinesisRecord(17, fact("a"), { arrivalMs: START })] }));
    expect(store.table.size).toBe(0);
    const { Records: _, ...withoutRecords } = eventOf({ state: first.state, final: true });
    await handler(withoutRecords as KinesisWindowEvent);
    expect(countOf(store.table)).toBe(1);
    expect(await store.allWritten()).toEqual([
      { position: { shard: SHARD, sequence: "17", subSequence: 0 }, arrivedBeforeMs: START + WINDOW },
    ]);
  });

  it("counts the rest of a window that was ended early, and does not say that it is complete", async () => {
    const store = memoryMetricsStore();
    const handler = handlerOf(store);
    const records = ["a", "b"].map((id, i) => kinesisRecord(17 + i, fact(id), { arrivalMs: START + i }));
    await handler(eventOf({ records: records.slice(0, 1), early: true }));
    expect(await store.allWritten()).toMatchObject([{ arrivedBeforeMs: START }]);
    await handler(eventOf({ records: records.slice(1), final: true }));
    expect(countOf(store.table)).toBe(2);
  });

  it("counts once what comes again after its window was written, in a state that knows nothing of it", async () => {
    const store = memoryMetricsStore();
    const handler = handlerOf(store);
    const records = ["a", "b", "c"].map((id, i) => kinesisRecord(97 + i, fact(id), { arrivalMs: START + i }));
    await handler(eventOf({ records, final: true }));
    await handler(eventOf({ records: records.slice(1), final: true }));
    await handler(
      eventOf({ records: [...records, kinesisRecord(100, fact("d"), { arrivalMs: START + 4 })], final: true }),
    );
    expect(countOf(store.table)).toBe(4);
  });

  it("throws when rows cannot be written or the mark cannot be read, so that Lambda hands the same in again", async () => {
    const records = [kinesisRecord(17, fact("a"), { arrivalMs: START })];
    const unwritable = { ...memoryMetricsStore(), put: () => Promise.reject(new Error("no table")) };
    await expect(handlerOf(unwritable)(eventOf({ records, final: true }))).rejects.toThrow("no table");
    const unreadable = { ...memoryMetricsStore(), written: () => Promise.reject(new Error("no table")) };
    await expect(handlerOf(unreadable)(eventOf({ records }))).rejects.toThrow("no table");
  });

  it("counts a record that is no event in the ledger, and never fails for it", async () => {
    const store = memoryMetricsStore();
    await handlerOf(store)(
      eventOf({ records: [kinesisRecord(17, Uint8Array.of(255, 0), { arrivalMs: START })], final: true }),
    );
    expect(windowsOf(store.table, LEDGER)).toMatchObject([
      { total: { records: 1, bytes: 2, first: "17", last: "17" } },
    ]);
    expect(windowsOf(store.table, "verdicts")).toMatchObject([{ groups: [{ by: { _verdict: "malformed_json" } }] }]);
  });

  it("refuses a batch without a window, and a state that it did not write, and says what it expected", async () => {
    const handler = handlerOf(memoryMetricsStore());
    await expect(handler({ Records: [] } as unknown as KinesisWindowEvent)).rejects.toThrow(
      'expected a Kinesis batch with "window" and "shardId", got Records: set TumblingWindowInSeconds',
    );
    await expect(handler(undefined as unknown as KinesisWindowEvent)).rejects.toThrow("got nothing");
    await expect(handler(eventOf({ state: { 1: "282" } }))).rejects.toThrow(
      'expected a state of "base64" alone, got 1',
    );
  });

  it("reports counts, and the share of the hottest key once a window has enough records to tell", async () => {
    const reports = async (size: number) => {
      const telemetry = memoryTelemetry();
      const handler = rollUpMetrics({ metrics, store: memoryMetricsStore(), telemetry, now: () => START + WINDOW });
      const records = Array.from({ length: size }, (_, i) =>
        kinesisRecord(i + 1, fact(`e${i}`, i % 4 === 0 ? "hot" : `u${i}`), { arrivalMs: START + i }),
      );
      await handler(
        eventOf({
          records: [...records, ...records.slice(-1), kinesisRecord(9999, "{", { arrivalMs: START })],
          final: true,
        }),
      );
      return telemetry.reports;
    };
    expect(await reports(LEAST_RECORDS_FOR_HEAT - 1)).toMatchObject([
      {
        counts: { Received: 601, Counted: 599, Rejected: 1, Redelivered: 1 },
        percents: { HottestKeyPercent: expect.closeTo(25, 0) },
      },
    ]);
    expect((await reports(LEAST_RECORDS_FOR_HEAT - 2))[0]).not.toHaveProperty("percents");
  });

  it("answers a state that Lambda takes, whatever a window holds: at most 1 MB", async () => {
    const most = toKinesisWindowReply(new Uint8Array(STATE_LIMITS.mostBytes));
    expect(Buffer.byteLength(JSON.stringify(most.state))).toBeLessThan(1_000_000);
  });

  it("makes rows of the sample window, by the shop's definitions", async () => {
    const shop = compileMetrics(shopMetrics, compile(features, eventSchema));
    const store = memoryMetricsStore();
    const sample = JSON.parse(readFileSync(join(import.meta.dirname, "..", "events", "roll-up-metrics.json"), "utf8"));
    await rollUpMetrics({ metrics: shop, store, telemetry: memoryTelemetry(), now: () => START })(sample);
    expect(windowsOf(store.table, "arrivals", shop).map(({ total }) => total.records)).toEqual([6]);
    expect(windowsOf(store.table, "by_event_type", shop).map(({ total }) => total.events)).toEqual([4]);
    expect(windowsOf(store.table, "by_region", shop)).toMatchObject([
      {
        groups: [{ by: { region: "eu-central" }, values: { events: 3, buyers: 1, conversion: 1, revenue: 89.95 } }, {}],
      },
    ]);
  });
});

/** Hands records over window by window in batches of three, again and again until each succeeds. */
async function deliver(records: readonly KinesisStreamRecord[], store: RollUpStore, lastTogether: boolean) {
  const handler = handlerOf(store);
  const windowOf = ({ kinesis }: KinesisStreamRecord) =>
    Math.floor((kinesis.approximateArrivalTimestamp * 1000) / WINDOW) * WINDOW;
  for (const windowStartMs of [...new Set(records.map(windowOf))]) {
    const own = records.filter((record) => windowOf(record) === windowStartMs);
    let state = {};
    for (let from = 0; from < own.length; from += 3) {
      const final = lastTogether && from + 3 >= own.length;
      const event = eventOf({ records: own.slice(from, from + 3), state, windowStartMs, final });
      state = (await persistently(() => handler(event))).state;
    }
    if (!lastTogether) await persistently(() => handler(eventOf({ state, windowStartMs, final: true })));
  }
}

async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }
}

/** A table in memory. `fateOf` is asked for each call: so many rows are written before the function dies. */
function memoryMetricsStore(fateOf: () => number = () => 99): RollUpStore & { readonly table: Map<string, MetricRow> } {
  const table = new Map<string, MetricRow>();
  const marks = new Map<string, Written>();
  return {
    table,
    async put(rows) {
      const fate = fateOf();
      for (const row of rows.slice(0, fate)) table.set(rowKey(row), row);
      if (fate < 99) throw new Crash("killed while writing rows");
    },
    async setWritten(written) {
      const fate = fateOf();
      if (fate === 0) throw new Crash("killed before the mark");
      marks.set(written.position.shard, written);
      if (fate < 99) throw new Crash("killed before the answer");
    },
    written: async (shard): Promise<Position | null> => marks.get(shard)?.position ?? null,
    allWritten: async () => [...marks.values()],
    rows: async (metric, fromMs, toMs) =>
      [...table.values()].filter((row) => row.metric === metric && row.startMs >= fromMs && row.startMs < toMs),
  };
}

function handlerOf(store: RollUpStore) {
  return rollUpMetrics({ metrics, store, telemetry: memoryTelemetry(), now: () => START });
}

function windowsOf(
  table: ReadonlyMap<string, MetricRow>,
  name: string,
  pipeline: MetricsPipeline = metrics,
): readonly MetricWindow[] {
  return readMetric(
    pipeline,
    name,
    [...table.values()].filter(({ metric }) => metric === name),
  );
}

/** Events counted by region, over all windows. */
function countOf(table: ReadonlyMap<string, MetricRow>): number {
  return windowsOf(table, "by_region").reduce((sum, { total }) => sum + Number(total.events), 0);
}

interface EventOptions {
  readonly records?: readonly KinesisStreamRecord[];
  readonly state?: Record<string, unknown>;
  readonly windowStartMs?: number;
  readonly final?: boolean;
  readonly early?: boolean;
}

function eventOf({
  records = [],
  state = {},
  windowStartMs = START,
  final = false,
  early = false,
}: EventOptions): KinesisWindowEvent {
  const iso = (ms: number) => new Date(ms).toISOString().replace(".000", "");
  return {
    Records: [...records],
    window: { start: iso(windowStartMs), end: iso(windowStartMs + WINDOW) },
    state,
    shardId: SHARD,
    isFinalInvokeForWindow: final || early,
    isWindowTerminatedEarly: early,
  };
}

function fact(id: string, user = "u1") {
  return { id, user, region: "north", amount: null };
}

function toRecords(
  facts: readonly { readonly user: string; readonly gapMs: number }[],
): readonly KinesisStreamRecord[] {
  let arrivalMs = START;
  return facts.map(({ user, gapMs }, i) => {
    arrivalMs += gapMs;
    return kinesisRecord(98 + i, fact(`e${i}`, user), { arrivalMs });
  });
}
