import type { MetricTally } from "@millrace/lake";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckName, Finding } from "../functions/reconcile/finding.ts";
import { judge } from "../functions/reconcile/judge.ts";
import type { Tables } from "../functions/reconcile/tables.ts";
import { emptySink, nothing, tampered } from "./reconcile/tables.ts";
import { type Entry, HOUR, isReadable, START, tallied, type World, worlds } from "./reconcile/world.ts";

/** What may go wrong with one record (or with all that is like it), and which check must name its hour and shard. */
interface Mutation {
  readonly name: string;
  readonly check: CheckName;
  /** Which records it can happen to. */
  readonly to?: (entry: Entry, world: World) => boolean;
  readonly mutate: (world: World, victim: Entry) => World;
}

const without = (list: readonly Entry[], gone: (entry: Entry) => boolean) => list.filter((entry) => !gone(entry));
const isSame = (a: Entry) => (b: Entry) => a.shard === b.shard && a.sequence === b.sequence;
const sharesHour = (a: Entry) => (b: Entry) =>
  a.shard === b.shard && Math.floor(a.arrivalMs / HOUR) === Math.floor(b.arrivalMs / HOUR);
const sharesDay = (a: Entry) => (b: Entry) =>
  Math.floor(a.arrivalMs / (24 * HOUR)) === Math.floor(b.arrivalMs / (24 * HOUR));
/** A record that never was, in place of the victim: as many as before. */
const stranger = (victim: Entry): Entry => ({ ...victim, sequence: `${victim.sequence}7` });

const losses: readonly Mutation[] = [
  {
    name: "an object of the archive is gone",
    check: "archive",
    mutate: (world, victim) => ({ ...world, archive: without(world.archive, sharesHour(victim)) }),
  },
  {
    name: "a day of the lake is deleted",
    check: "lake",
    to: isReadable,
    mutate: (world, victim) => ({ ...world, lake: without(world.lake, sharesDay(victim)) }),
  },
  {
    name: "a record of the lake is lost and another one appears in the same hour",
    check: "lake",
    to: isReadable,
    mutate: (world, victim) => ({ ...world, lake: [...without(world.lake, isSame(victim)), stranger(victim)] }),
  },
  {
    name: "a record of the archive is lost and another one appears in the same hour",
    check: "archive",
    mutate: (world, victim) => ({ ...world, archive: [...without(world.archive, isSame(victim)), stranger(victim)] }),
  },
  {
    name: "the archive has other bytes than the stream carried",
    check: "archive",
    mutate: (world, victim) => ({
      ...world,
      archive: world.archive.map((entry) =>
        isSame(victim)(entry) ? { ...entry, data: `${entry.data.slice(1)} ` } : entry,
      ),
    }),
  },
  {
    name: "a position stands in the archive with two contents",
    check: "archive",
    mutate: (world, victim) => ({ ...world, archive: [...world.archive, { ...victim, data: "other" }] }),
  },
  {
    name: "rows of the ledger are lost",
    check: "archive",
    mutate: (world, victim) => ({ ...world, ledger: without(world.ledger, sharesHour(victim)) }),
  },
  {
    name: "the ledger counts a position twice",
    check: "archive",
    mutate: (world, victim) => ({ ...world, ledger: [...world.ledger, victim] }),
  },
  {
    name: "the ledger loses a record and counts another of the hour twice",
    check: "archive",
    to: (entry, { ledger }) => ledger.filter(sharesHour(entry)).length > 1,
    mutate: (world, victim) => {
      const other = world.ledger.find((entry) => sharesHour(victim)(entry) && !isSame(victim)(entry)) as Entry;
      return { ...world, ledger: [...without(world.ledger, isSame(victim)), other] };
    },
  },
  {
    name: "an error of Firehose is lost",
    check: "lake",
    // Of the same bytes any one may be the one without its error, so there must be one of them only.
    to: (entry, { archive }) => !isReadable(entry) && archive.filter(({ data }) => data === entry.data).length === 1,
    mutate: (world, victim) => ({ ...world, errors: world.errors.filter((data) => data !== victim.data) }),
  },
  {
    name: "an error of Firehose is not of a record in quarantine",
    check: "lake",
    to: (entry) => !isReadable(entry),
    mutate: (world, victim) => ({ ...world, quarantine: without(world.quarantine, isSame(victim)) }),
  },
  {
    name: "everything of an hour is lost everywhere but in the ledger",
    check: "archive",
    mutate: (world, victim) => ({
      ...world,
      archive: without(world.archive, sharesHour(victim)),
      lake: without(world.lake, sharesHour(victim)),
    }),
  },
];

describe("the judgement of a day", () => {
  it("finds nothing in a healthy one", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { holds, findings, checks } = judge(tallied(world), { thresholdPercent: 0 });
        expect(findings).toEqual([]);
        expect(holds).toBe(true);
        expect(checks.find(({ check }) => check === "archive")?.compared).toBe(world.ledger.length);
      }),
      { numRuns: 200 },
    );
  });

  it.each(losses)("names the hour and shard where $name", ({ check, to = () => true, mutate }) => {
    fc.assert(
      fc.property(worlds, fc.nat(), (world, draw) => {
        const victims = world.ledger.filter((entry) => to(entry, world));
        fc.pre(victims.length > 0);
        const victim = victims[draw % victims.length] as Entry;
        const { holds, findings } = judge(tallied(mutate(world, victim)), { thresholdPercent: 0 });
        expect(holds).toBe(false);
        const { hourMs, shard } = { hourMs: victim.arrivalMs - (victim.arrivalMs % HOUR), shard: victim.shard };
        expect(findings).toContainEqual(expect.objectContaining({ check, hourMs, shard, weight: "divergence" }));
      }),
      { numRuns: 100 },
    );
  });

  it("notes what is there once more and fails nothing, because readers take each position once", () => {
    fc.assert(
      fc.property(worlds, fc.nat(), fc.boolean(), (world, draw, inLake) => {
        const list = inLake ? world.lake : world.archive;
        fc.pre(list.length > 0);
        const victim = list[draw % list.length] as Entry;
        const twice = inLake ? { lake: [...world.lake, victim] } : { archive: [...world.archive, victim] };
        const { holds, findings } = judge(tallied({ ...world, ...twice }), { thresholdPercent: 0 });
        expect(holds).toBe(true);
        const hourMs = victim.arrivalMs - (victim.arrivalMs % HOUR);
        expect(findings).toMatchObject([
          { weight: "note", check: inLake ? "lake" : "archive", hourMs, shard: victim.shard, count: 1 },
        ]);
      }),
      { numRuns: 100 },
    );
  });

  it("takes a row of a higher pipeline version for a repair and not for a double", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const repaired = { ...world, lake: [...world.lake, ...world.lake.map((row) => ({ ...row, version: 2 }))] };
        expect(judge(tallied(repaired), { thresholdPercent: 0 }).findings).toEqual([]);
      }),
    );
  });

  it("measures what diverges against its hour too, so that a lost hour of the night does not vanish in the day", () => {
    const tally = (hour: number, records: number) => ({
      hourMs: START + hour * HOUR,
      shard: "s",
      records,
      bytes: records,
      checksum: "1",
    });
    const sink = (hour: number, records: number, missing: number) => ({
      ...emptySink,
      hourMs: START + hour * HOUR,
      archived: records,
      archiveLines: records,
      bytes: records,
      checksum: "1",
      missing,
    });
    const tables: Tables = {
      ...nothing,
      ledger: [tally(3, 10), tally(12, 10_000)],
      sinks: [sink(3, 10, 10), sink(12, 10_000, 0)],
    };
    const [lake] = judge(tables, { thresholdPercent: 1 }).checks.filter(({ check }) => check === "lake");
    expect(lake).toMatchObject({ compared: 10_010, diverging: 10, percent: 100, holds: false });
    const few = { ...tables, sinks: [sink(3, 10, 0), sink(12, 10_000, 100)] };
    expect(judge(few, { thresholdPercent: 1 }).holds).toBe(true);
    expect(judge(few, { thresholdPercent: 0 }).holds).toBe(false);
    expect(judge({ ...few, sinks: [sink(3, 10, 0), sink(12, 10_000, 101)] }, { thresholdPercent: 1 }).holds).toBe(
      false,
    );
  });

  it("lists what it finds in the order of time and shards, in whatever order the sinks told it", () => {
    const missing = (hour: number, shard: string) => ({ ...emptySink, hourMs: START + hour * HOUR, shard, missing: 1 });
    const places = ([2, 0, 1] as const).flatMap((hour) => [missing(hour, "b"), missing(hour, "a")]);
    const { findings } = judge({ ...nothing, sinks: places }, { thresholdPercent: 0 });
    const found = findings
      .filter(({ check }) => check === "lake")
      .map(({ hourMs, shard }) => `${((hourMs ?? 0) - START) / HOUR}${shard}`);
    expect(found).toEqual(["0a", "0b", "1a", "1b", "2a", "2b"]);
  });

  it("does not say of a check that has looked at nothing that it holds", () => {
    const { holds, checks } = judge({ ...nothing, ledger: [], sinks: [] }, { thresholdPercent: 0 });
    expect(checks.map((one) => one.holds)).toEqual(checks.map(() => null));
    expect(holds).toBe(true);
    const seen = judge({ ...nothing, sinks: [{ ...emptySink, archived: 1 }] }, { thresholdPercent: 100 }).checks;
    expect(seen.flatMap((one) => (one.holds === null ? [] : [one.check]))).toContain("lake");
  });

  it("judges the hours asked for, and no others", () => {
    const tables = { ...nothing, ledger: [{ hourMs: START - HOUR, shard: "s", records: 5, bytes: 5, checksum: "1" }] };
    expect(judge(tables, { thresholdPercent: 0 })).toMatchObject({ holds: true, findings: [] });
    expect(judge({ ...tables, fromMs: START - HOUR }, { thresholdPercent: 0 }).holds).toBe(false);
  });

  it("says of a ledger that was made up from the archive that it proves nothing, and goes on judging", () => {
    const tally = { hourMs: START, shard: "s", records: 5, bytes: 5, checksum: "1" };
    const sinks = [{ ...emptySink, archived: 5, archiveLines: 5, inLake: 5, bytes: 5, checksum: "1" }];
    const tables = { ...nothing, ledger: [tally], ledgerOfArchive: [tally], sinks };
    const { holds, findings, checks } = judge(tables, { thresholdPercent: 0 });
    expect(holds).toBe(true);
    expect(findings).toMatchObject([{ check: "archive", weight: "note", hourMs: START, shard: "s", count: 5 }]);
    expect(findings[0]?.says).toMatch(/^the ledger's 5 records are made up from the archive/);
    expect(checks.find(({ check }) => check === "archive")).toMatchObject({ compared: 0, holds: null });
    const since = judge({ ...tables, sinks: [{ ...emptySink, archived: 4 }] }, { thresholdPercent: 1 });
    expect(since.checks.find(({ check }) => check === "archive")).toMatchObject({ percent: 100, holds: false });
  });

  it("has the ledger repaired where the archive has more of an hour", () => {
    const { findings } = judge({ ...nothing, sinks: [{ ...emptySink, archived: 4 }] }, { thresholdPercent: 0 });
    expect(findings).toMatchObject([{ check: "archive", repair: "metrics", count: 4 }]);
  });

  it("holds the stream, read once more, against the ledger", () => {
    const ledger = [{ hourMs: START, shard: "s", records: 5, bytes: 5, checksum: "1" }];
    const sinks = [{ ...emptySink, archived: 5, archiveLines: 5, bytes: 5, checksum: "1" }];
    const stream = [{ hourMs: START, shard: "s", records: 6, bytes: 6, checksum: "2" }];
    const { findings } = judge({ ...nothing, ledger, sinks, stream }, { thresholdPercent: 0 });
    expect(findings).toMatchObject([
      { check: "stream", count: 1, says: "the ledger lacks 1 record of 6 records of the stream" },
    ]);
  });

  it("names entities whose features differ, whose items lack rows or miscounted, to be recomputed", () => {
    const tables = { ...nothing, views: [tampered] };
    const { findings, holds } = judge(tables, { thresholdPercent: 0 });
    expect(holds).toBe(false);
    expect(findings.map(({ check, repair, view, says }) => ({ check, repair, view, says }))).toEqual([
      {
        check: "features",
        repair: "features",
        view: "by_user",
        says: "by_user: features of 1 entity of 20 are not those of the lake: ann (spend_1h 7, the lake says 5)",
      },
      {
        check: "views",
        repair: "failed batches",
        view: "by_user",
        says: "by_user: 2 rows of the lake (100 arrived since) lie above the items' marks: update-features gave a batch up, or is behind",
      },
      {
        check: "counters",
        repair: "features",
        view: "by_user",
        says: "by_user: items of 1 entity of 20 counted other numbers of events than the lake has: bob (applied 4, the lake says 5)",
      },
    ]);
  });

  it("names entities that have an item and no row, for which there is no repair but the lake's own", () => {
    const ghost = {
      entity: "eve",
      kind: "rowless",
      values: { spend_1h: { online: 7, offline: 0 } },
      events: [],
    } as const;
    const views = [{ ...tampered, beyond: 0, differing: 0, miscounted: 0, rowless: 1, differences: [ghost] }];
    const { findings, holds } = judge({ ...nothing, views }, { thresholdPercent: 0 });
    expect(holds).toBe(false);
    expect(findings).toMatchObject([
      {
        check: "features",
        repair: null,
        count: 1,
        says: "by_user: 1 entity has an item and not one row in the lake: eve",
      },
    ]);
  });

  it("tells what Firehose kept as errors from what is lost, since another command mends it", () => {
    const sinks = [{ ...emptySink, archived: 9, missing: 5, refused: 3, firstMissing: "0041" }];
    const lake = (over: object) =>
      judge({ ...nothing, sinks: sinks.map((sink) => ({ ...sink, ...over })) }, { thresholdPercent: 0 })
        .findings.filter(({ check }) => check === "lake")
        .map(({ count, repair, says }) => [count, repair, says.replace(/^the lake lacks /, "")]);
    const kept =
      "3 records of the archive's 9 that Firehose kept as errors, and quarantine does not say that they can be no rows";
    expect(lake({})).toEqual([
      [2, "rows", "2 records of the archive's 9; the first is 41"],
      [3, "errors", kept],
    ]);
    expect(lake({ missing: 3 })).toEqual([[3, "errors", `${kept}; the first is 41`]]);
    expect(lake({ refused: 0 })).toMatchObject([[5, "rows", expect.anything()]]);
  });

  it("has features recomputed from a lake that lacks rows only after these, and says so", () => {
    const tables = { ...nothing, views: [tampered], sinks: [{ ...emptySink, archived: 5, missing: 1 }] };
    const { findings } = judge(tables, { thresholdPercent: 0 });
    expect(findings.flatMap(({ check, repair }) => (check === "archive" ? [] : [`${check} ${repair}`]))).toEqual([
      "lake rows",
      "features features",
      "views failed batches",
      "counters features",
    ]);
    expect(findings.findLast(({ view }) => view !== undefined)?.says).toMatch(
      /; the lake lacks records, which are put there first$/,
    );
  });

  it("says that no window became final where the lake lacks records, however few", () => {
    const sinks = [{ ...emptySink, archived: 10_000, archiveLines: 10_000, missing: 1 }];
    const ledger = [{ hourMs: START, shard: "s", records: 10_000, bytes: 0, checksum: "0" }];
    const tables = { ...nothing, ledger, sinks };
    const { checks, findings } = judge({ ...tables, hasFinalMetrics: true }, { thresholdPercent: 1 });
    expect(checks.filter(({ holds }) => holds === false).map(({ check }) => check)).toEqual(["metrics"]);
    expect(findings.find(({ check }) => check === "metrics")?.says).toMatch(
      /^no window became final, because the lake lacks 1 record \(/,
    );
    expect(judge(tables, { thresholdPercent: 1 }).holds).toBe(true);
    const lost = { ...tables, sinks: [{ ...emptySink, archived: 9_999, archiveLines: 9_999 }], hasFinalMetrics: true };
    const [metric] = judge(lost, { thresholdPercent: 1 }).findings.filter(({ check }) => check === "metrics");
    expect(metric?.says).toMatch(/^no window became final, because neither the archive nor the lake has 1 record that/);
  });

  it("has features recomputed where the archive and the lake lack the same records only if the stream has them, and says so", () => {
    const ledger = [{ hourMs: START, shard: "s", records: 5, bytes: 5, checksum: "1" }];
    const repairs = (over: object, streamFromMs = Number.POSITIVE_INFINITY) => {
      const sinks = [{ ...emptySink, archived: 5, archiveLines: 5, bytes: 5, checksum: "1", ...over }];
      const { findings } = judge(
        { ...nothing, ledger, sinks, views: [tampered], streamFromMs },
        { thresholdPercent: 0 },
      );
      const stream = findings
        .filter(({ repair }) => repair === "stream")
        .map(({ check, count }) => `${check} ${count}`);
      const ofViews = findings.flatMap(({ view, repair, says }) =>
        view === undefined ? [] : [repair ?? says.replace(/^.*; /, "")],
      );
      return [...stream, ...ofViews];
    };
    const none = Array.from(
      { length: 3 },
      () => "the lake lacks records that no replay brings, so nothing is repaired from it",
    );
    expect(repairs({})).toEqual(["features", "failed batches", "features"]);
    expect(repairs({ archived: 4 })).toEqual(none);
    expect(repairs({ archived: 4 }, START + 1)).toEqual(none);
    expect(repairs({ archived: 4 }, START)).toEqual(["archive 1", "features", "failed batches", "features"]);
    expect(repairs({ checksum: "2" })).toEqual(none);
    expect(repairs({ hourMs: START + HOUR })).toEqual(none);
    // A loss of the archive alone: the lake has the row, and may say.
    expect(repairs({ archived: 4, unknown: 1 })).toEqual(["features", "failed batches", "features"]);
  });

  it("calls lost events of a metric a divergence, and a duplicate of another window a note; they cannot cancel out", () => {
    const metric: MetricTally = { metric: "by_region", hourMs: START, events: 200, late: 3, lost: 1, again: 1 };
    const { findings, holds } = judge({ ...nothing, metrics: [metric] }, { thresholdPercent: 0 });
    expect(holds).toBe(false);
    expect(findings.map(({ weight, hourMs }: Finding) => [weight, hourMs])).toEqual([
      ["divergence", START],
      ["note", START],
    ]);
    const uncounted = { ...metric, lost: null, again: null };
    expect(judge({ ...nothing, metrics: [uncounted] }, { thresholdPercent: 0 }).findings).toEqual([]);
  });
});
