import {
  compileMetrics,
  defineMetric,
  defineMetrics,
  hottestShare,
  type MetricRow,
  type MetricsPipeline,
  measure,
  metricKeepMs,
  minutes,
  readMetric,
  rollUp,
  tumbling,
} from "@millrace/engine";
import { describe, expect, it } from "vitest";
import { pipeline, START, shardName, toRecords, WINDOW } from "./metrics-histories.ts";

const windows = [tumbling(minutes(1))];

describe("a metric's groups", () => {
  it("are kept up to the limit whatever order they come in, each complete, and the rest is one more", () => {
    const metrics = metricsOf({ by: ["region"], limit: 4, measures: [measure.count("events")] });
    const regions = Array.from({ length: 30 }, (_, i) => `region-${i % 10}`);
    const forth = windowOf(metrics, rowsOf(metrics, regions.map(at)));
    const back = windowOf(metrics, rowsOf(metrics, regions.toReversed().map(at)));
    expect(back).toEqual(forth);
    expect(forth?.groups.map(({ values }) => values.events)).toEqual([3, 3, 3, 3]);
    expect(forth?.other).toEqual({ events: 18 });
    expect(forth?.total).toEqual({ events: 30 });
  });

  it("are told apart by type and by more than one column, null among them, and halves of characters do not get lost", () => {
    const metrics = metricsOf({ by: ["region", "item"], limit: 20, measures: [measure.count("events")] });
    const pairs = [
      ["a", null],
      [null, "a"],
      ["null", "a"],
      ["a,b", "c"],
      ["a", "b,c"],
      ["\ud800", "x"],
      ["\ufffd", "x"],
    ] as const;
    const facts = pairs.map(([region, item]) => ({ region, item }));
    const window = windowOf(metrics, rowsOf(metrics, facts));
    expect(window?.groups.map(({ values }) => values.events).toSorted()).toEqual([1, 1, 1, 1, 1, 2]);
  });
});

describe("the heaviest values", () => {
  const metrics = metricsOf({
    records: "all",
    time: "arrival",
    measures: [measure.heaviest("keys", "_partition_key", { k: 2, sample: 100 })],
  });

  it("are exact while a window has no more records than places", () => {
    const facts = Array.from({ length: 100 }, (_, i) => ({ user: i < 40 ? "a" : i < 70 ? "b" : `u${i}` }));
    expect(windowOf(metrics, rowsOf(metrics, facts))?.total.keys).toEqual([
      ["a", 40],
      ["b", 30],
    ]);
  });

  it("are found beyond that, within four standard errors of their number, and the same from any parts", () => {
    const facts = Array.from({ length: 5000 }, (_, i) => ({ user: i % 5 === 0 ? "hot" : `u${i}` }));
    const whole = rowsOf(metrics, facts);
    const [[key, count] = ["", 0]] = (windowOf(metrics, whole)?.total.keys ?? []) as [string, number][];
    expect(key).toBe("hot");
    expect(Math.abs(count / 5000 - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 100));
    expect(hottestShare(metrics, whole, 5000)).toBeCloseTo(count / 5000);
    expect(hottestShare(metrics, whole, 5001)).toBe(null);

    const parts = [0, 1, 2].flatMap((n) => rowsOf(metrics, facts, (i) => i % 3 === n));
    expect(windowOf(metrics, parts)).toEqual(windowOf(metrics, whole));
  });

  it("keep a long value as its beginning and a digest, so that two with one beginning stay two", () => {
    const users = ["a", "b", "b"].map((end) => ({ user: "x".repeat(200) + end }));
    const window = windowOf(metrics, rowsOf(metrics, users));
    const keys = (window?.total.keys ?? []) as [string, number][];
    expect(keys.map(([key, count]) => [key.slice(0, 79), key.length, count])).toEqual([
      ["x".repeat(79), 96, 2],
      ["x".repeat(79), 96, 1],
    ]);
    expect(keys[0]?.[0]).toMatch(/x…[0-9a-f]{16}$/);
    const whole = windowOf(metrics, rowsOf(metrics, [{ user: "y".repeat(96) }]));
    expect(whole?.total.keys).toEqual([["y".repeat(96), 1]]);
  });
});

describe("a state that has grown large", () => {
  const metrics = metricsOf({ measures: [measure.count("events")] });
  const records = toRecords([0, 1, 2].map((i) => arrival({}, i)));
  const begun = rollUp(metrics, batch(records.slice(0, 2)));

  it("becomes rows when it comes in, named by its first position, and what came with it does not", () => {
    const limits = { flushBytes: 1, mostBytes: 100_000 };
    const next = rollUp(metrics, { ...batch(records.slice(2)), incoming: begun.state }, limits);
    const own = next.rows.filter(({ metric }) => metric === "m");
    expect(own.map(({ first }) => first)).toEqual([records[0]?.position]);
    expect(windowOf(metrics, own)?.total).toEqual({ events: 2 });
    expect(next.written).toEqual({ position: records[1]?.position, arrivedBeforeMs: START });
    const last = rollUp(metrics, { ...batch([]), incoming: next.state, ends: "final" });
    expect(last.rows.map(({ first }) => first)).toEqual([records[2]?.position, records[2]?.position]);
    expect(last.written).toEqual({ position: records[2]?.position, arrivedBeforeMs: START + WINDOW });
  });

  it("becomes rows at once when it could not be returned, with all that it holds", () => {
    const next = rollUp(
      metrics,
      { ...batch(records.slice(2)), incoming: begun.state },
      { flushBytes: 1e9, mostBytes: 1 },
    );
    expect(
      windowOf(
        metrics,
        next.rows.filter(({ metric }) => metric === "m"),
      )?.total,
    ).toEqual({ events: 3 });
    expect(next.rows[0]?.first).toEqual(records[0]?.position);
    expect(next.written).toEqual({ position: records[2]?.position, arrivedBeforeMs: START });
  });
});

describe("a state under a deployment that changes the definitions", () => {
  const before = metricsOf({ measures: [measure.count("events")] });
  const changed = metricsOf({ measures: [measure.count("events"), measure.sum("spend", "amount")] });

  it("is carried on, and what the old definition counted becomes a row that only it can read", () => {
    const [first, second] = toRecords([arrival({}, 0), arrival({}, 1)]);
    const begun = rollUp(before, batch([first]));
    const { rows } = rollUp(changed, { ...batch([second]), incoming: begun.state, ends: "final" });
    const own = rows.filter(({ metric }) => metric === "m");
    expect(own).toHaveLength(2);
    const read = (metrics: MetricsPipeline) =>
      own.flatMap((row) => {
        try {
          return readMetric(metrics, "m", [row]).map(({ total }) => total.events);
        } catch (error) {
          return [(error as Error).message.slice(0, 50)];
        }
      });
    const refused = "metric m: its definition changed since its rows wer";
    expect(read(before).toSorted()).toEqual([1, refused.slice(0, 50)]);
    expect(read(changed).toSorted()).toEqual([1, refused.slice(0, 50)]);
    expect(metricKeepMs(changed, "gone")).toBe(30 * 86_400_000);
  });

  it("is refused where it is damaged or of another format", () => {
    const { state, rows } = rollUp(before, { ...batch(toRecords([arrival({}, 0)])), ends: "final" });
    const other = Uint8Array.from(state, (byte, i) => (i === 0 ? 99 : byte));
    expect(() => rollUp(before, { ...batch([]), incoming: other })).toThrow("has format 99, this code reads 1");
    const [row] = rows.filter(({ metric }) => metric === "m") as [MetricRow];
    const cut = { ...row, bytes: row.bytes.slice(0, -1) };
    expect(() => readMetric(before, "m", [cut])).toThrow(RangeError);
    expect(() => readMetric(before, "n", [row])).toThrow('unknown metric "n": the definitions have m, ledger');
    expect(() => readMetric(before, "m", [row], { stepMs: 90_000 })).toThrow(
      "must be a multiple of its narrowest window",
    );
  });
});

function metricsOf(metric: Omit<Parameters<typeof defineMetric>[1], "windows">): MetricsPipeline {
  return compileMetrics(defineMetrics({ metrics: [defineMetric("m", { windows, ...metric })] }), pipeline);
}

interface Given {
  readonly user?: string;
  readonly region?: string | null;
  readonly item?: string | null;
}

const at = (region: string): Given => ({ region });

function arrival({ user = "u1", region = null, item = null }: Given, i: number) {
  const fact = { id: `e${i}`, time: START, user, region, item, amount: null };
  return { fact, arrivalMs: START, shard: 0 };
}

function batch(records: readonly unknown[]): Parameters<typeof rollUp>[1] {
  const window = { windowStartMs: START, windowEndMs: START + WINDOW, shard: shardName(0), nowMs: START };
  return { ...window, incoming: null, written: null, ends: "no", records: records as ReturnType<typeof toRecords> };
}

function rowsOf(
  metrics: MetricsPipeline,
  facts: readonly Given[],
  pick: (i: number) => boolean = () => true,
): readonly MetricRow[] {
  const records = toRecords(facts.map(arrival)).filter((_, i) => pick(i));
  return rollUp(metrics, { ...batch(records), ends: "final" }).rows.filter(({ metric }) => metric === "m");
}

function windowOf(metrics: MetricsPipeline, rows: readonly MetricRow[]) {
  const found = readMetric(metrics, "m", rows);
  expect(found).toHaveLength(1);
  return found[0];
}
