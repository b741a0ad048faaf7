import { TABLE_SEGMENTS } from "@millrace/aws";
import { isInSample, type Sample } from "@millrace/lake";
import { describe, expect, it } from "vitest";
import { planOf } from "../functions/plan-reconcile/plan.ts";
import { type Deps, planReconcile } from "../functions/plan-reconcile/plan-reconcile.ts";
import { readRequest } from "../functions/plan-reconcile/request.ts";
import { LEAST_ENTITIES, MOST_BATCHES, sampleOf } from "../functions/plan-reconcile/sample.ts";
import { LATENESS, SHARD } from "./functions/shop.ts";
import { DAY_START, defaults, metrics, NOW, recordAt, settings } from "./reconcile/fakes.ts";

describe("plan-reconcile", () => {
  const retentionMs = 48 * 3_600_000;
  const noGivenUp = async () => ({ batches: 0, records: [] });
  const plan = (
    input: unknown,
    created: readonly number[] = [0],
    startedMs = NOW,
    table: Partial<Pick<Deps, "countItems" | "givenUp">> = {},
  ) => {
    const stream = { shardsSince: async () => [SHARD] };
    const asked = { countItems: async () => 1_000_000, givenUp: noGivenUp, ...table };
    const deps = {
      ...asked,
      metrics,
      defaults,
      settings,
      stream,
      retentionMs,
      deliveriesCreatedMs: async () => created,
    };
    return planReconcile(deps)({ input, execution: "x", startedAt: new Date(startedMs).toISOString() });
  };

  it("takes yesterday unless asked otherwise, and the day of a date", async () => {
    expect(await plan({})).toMatchObject({
      from: "2026-01-02T00:00:00.000Z",
      to: "2026-01-03T00:00:00.000Z",
      any: true,
      notes: [],
      shards: [],
    });
    expect(await plan({ from: "2025-12-31" })).toMatchObject({
      from: "2025-12-31T00:00:00.000Z",
      to: "2026-01-01T00:00:00.000Z",
    });
    expect(await plan({ from: "2026-01-02T05:00:00Z", to: "2026-01-02T06:00:00Z", readStream: true })).toMatchObject({
      shards: [SHARD],
    });
  });

  it("begins with the first whole hour in which every sink was there, and says what it left out", async () => {
    const since = (ms: number) => plan({}, [ms, 0]);
    expect(await since(DAY_START + 50 * 60_000)).toMatchObject({
      from: "2026-01-02T01:00:00.000Z",
      notes: [expect.stringContaining("before 2026-01-02T01:00:00.000Z")],
    });
    expect(await since(DAY_START + 51 * 60_000)).toMatchObject({ from: "2026-01-02T02:00:00.000Z" });
    expect(await since(NOW)).toMatchObject({ any: false });
    expect(await plan({ activeFrom: "2026-01-01T00:00:00Z" }, [NOW])).toMatchObject({
      from: "2026-01-02T00:00:00.000Z",
      notes: [],
    });
  });

  it("reads the stream only while it keeps what was asked for, and says so", async () => {
    const asked = (from: string) => plan({ from, readStream: true }, [0], Date.parse("2026-01-03T03:00:00Z"));
    expect(await asked("2026-01-01T03:00:00Z")).toMatchObject({ shards: [SHARD], notes: [] });
    expect(await asked("2026-01-01T02:00:00Z")).toMatchObject({
      shards: [],
      notes: ["The stream is not read: it has records from 2026-01-01T03:00:00.000Z on, less than was asked for."],
    });
  });

  it("asks the sinks for what arrived before it happened, too, but never for what came before they were there", async () => {
    const asked = async (activeMs: number) => (await plan({ activeFrom: new Date(activeMs).toISOString() })).sinks.sql;
    const from = (ms: number) => `'${new Date(ms).toISOString().replace("T", " ").replace("Z", "")}'`;
    const early = from(DAY_START - metrics.pipeline.maxSkewMs);
    expect(await asked(0)).toContain(early);
    expect(await asked(DAY_START)).toContain(from(DAY_START));
    expect(await asked(DAY_START)).not.toContain(early);
  });

  it("waits until what happened in the range has come, late or not, and has settled in the sinks", async () => {
    const today = await plan({ from: "2026-01-03" }, [0], Date.UTC(2026, 0, 3, 9));
    expect(today.settledAt).toBe(new Date(Date.UTC(2026, 0, 4) + LATENESS + settings.settleMs).toISOString());
    expect(today.settledUntil).toBe(new Date(Date.UTC(2026, 0, 4) + LATENESS).toISOString());
    // Long after the range what is in the lake by now may be used.
    const late = await plan({ from: "2026-01-01" });
    expect([late.settledAt, late.settledUntil]).toEqual(
      [NOW, NOW - settings.settleMs].map((ms) => new Date(ms).toISOString()),
    );
  });

  it("compares so many entities of all views together at least that a small table is compared whole, and none only where that is asked for", async () => {
    const views = metrics.pipeline.views.length;
    const least = LEAST_ENTITIES * views;
    const sampleOf = async (items: number, input: object = {}) =>
      (await plan(input, [0], NOW, { countItems: async () => items })).sample;
    for (const few of [0, least]) expect(await sampleOf(few)).toBeNull();
    expect(await sampleOf(4 * least)).toEqual({ parts: 1000, take: 250 });
    expect(await sampleOf(1000 * least)).toEqual({ parts: 1000, take: defaults.samplePerMille });
    expect(await sampleOf(0, { samplePerMille: 0 })).toEqual({ parts: 1000, take: 0 });
  });

  it("compares the same share of every view: of a small one beside a large one few", async () => {
    const { sample } = await plan({}, [0], NOW, { countItems: async () => 20_000 });
    expect(sample).toEqual({ parts: 1000, take: (1000 * LEAST_ENTITIES * metrics.pipeline.views.length) / 20_000 });
    const comparedOf = (count: number) =>
      Array.from({ length: count }, (_, i) => `of ${count} ${i}`).filter((name) => isInSample(name, sample as Sample))
        .length;
    const [few, many] = [comparedOf(300), comparedOf(19_700)];
    // A tenth of each, as the names fall.
    expect([few > 15, few < 45]).toEqual([true, true]);
    expect(few + many).toBeGreaterThan(0.95 * LEAST_ENTITIES * metrics.pipeline.views.length);
  });

  it("compares entities of every batch that was given up, whatever the sample, and says that there are such", async () => {
    const records = Array.from({ length: 3000 }, (_, i) => {
      const user = `given up ${Math.floor(i / 1000)} ${i}`;
      const data = Buffer.from(JSON.stringify({ id: `${i}`, user, time: DAY_START }));
      return { ...recordAt(DAY_START, `${i}`), partitionKey: user, data };
    });
    const asked: number[][] = [];
    const givenUp = async (...question: number[]) => {
      asked.push(question);
      return { batches: 3, records };
    };
    const { sample, views, notes } = await plan({}, [0], NOW, { givenUp });
    expect(asked).toEqual([[DAY_START, NOW, MOST_BATCHES]]);
    expect(notes).toEqual([expect.stringContaining("3 batches were given up")]);
    const also = sample?.also ?? [];
    for (const batch of [0, 1, 2])
      expect(also.filter((name) => name.startsWith(`given up ${batch}`)).length).toBeGreaterThan(5);
    expect(Buffer.byteLength(also.join(""))).toBeLessThanOrEqual(4000);
    for (const { sql } of views) expect(sql).toContain(`'${also[0]}'`);
    expect((await plan({ samplePerMille: 1000 }, [0], NOW, { givenUp })).sample).toBeNull();
  });

  it("asks for a sample or for all, for what windows need or for the whole history", () => {
    const planFor = (input: object) => {
      const request = readRequest(input, defaults, NOW);
      return planOf(metrics, request, settings, {
        execution: "x",
        startedMs: NOW,
        activeFromMs: 0,
        shards: [],
        notes: [],
        sample: sampleOf(metrics.pipeline, {
          samplePerMille: request.samplePerMille,
          items: 1_000_000,
          givenUp: { batches: 0, records: [] },
        }),
      });
    };
    const rowsFor = (input: object) => planFor(input).views.map(({ sql }) => sql);
    for (const sql of rowsFor({})) expect(sql).toMatch(/"time" >= TIMESTAMP.* < 1000\b/s);
    for (const sql of rowsFor({ samplePerMille: 1000, wholeHistory: true }))
      expect(sql).not.toMatch(/"time" >= TIMESTAMP|< 1000\b/);
    for (const { sql, historyFrom } of planFor({}).views)
      expect(sql).toContain(`"time" >= TIMESTAMP '${historyFrom?.replace("T", " ").replace("Z", "")}'`);
    const whole = planFor({ samplePerMille: 1000, wholeHistory: true });
    expect(whole.views.map(({ historyFrom }) => historyFrom)).toEqual(whole.views.map(() => null));
    // The table is asked for the same sample, and not at all where nothing is compared.
    expect([whole.sample, planFor({ samplePerMille: 7 }).sample]).toEqual([null, { parts: 1000, take: 7 }]);
    expect([whole, planFor({ samplePerMille: 0 })].map(({ segments }) => segments.length)).toEqual([
      TABLE_SEGMENTS.length,
      0,
    ]);
  });

  it.each([
    [[], "expected an object"],
    [{ form: "2026-01-01" }, "unknown form"],
    [{ from: "yesterday" }, "expected from as a time"],
    [{ from: "2026-01-01T00:30:00Z" }, "from must be a whole hour"],
    [{ to: "2026-01-01" }, "to is given without from"],
    [{ from: "2026-01-02", to: "2026-01-01" }, "the range is empty"],
    [{ from: "2025-01-01", to: "2026-01-01" }, "at most 31 days"],
    [{ thresholdPercent: 101 }, "from 0 to 100"],
    [{ selfRepair: "yes" }, "true or false"],
  ])("refuses %j", async (input, message) => {
    await expect(plan(input)).rejects.toThrow(message);
  });
});
