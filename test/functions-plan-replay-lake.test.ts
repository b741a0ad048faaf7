/** Before items are written the lake is held against the archive, and both against the ledger: what is lacking is named, with the commands that bring it. */
import type { StoredRow } from "@millrace/aws";
import { rollUp, type StreamRecord } from "@millrace/engine";
import { ledgerTallies } from "@millrace/lake";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HOUR, iso, metrics, recordAt } from "./reconcile/fakes.ts";
import { benchOf, LAG_MS, STARTED } from "./replay-plans.ts";

const MINUTE = 60_000;
const FIRST = Date.UTC(2026, 1, 20, 7);
const TIME = { from: iso(FIRST - 1), to: iso(Date.parse(STARTED)), looks: 2 };

describe("the lake, before items are made of it", () => {
  const check = (sinks: readonly object[], over: object = {}) =>
    benchOf([], { sinks }).plan("one", { target: "features" }, { sinks: { prefix: "sinks/", ...TIME, ...over } });
  const sink = (hour: number, missing: string, refused: string) => ({ ...heldOf([], hour), missing, refused });

  it("may be whole; else the commands are named that bring what it lacks of the archive", async () => {
    expect(await check([sink(FIRST, "0", "0")])).toEqual({ kind: "whole", notes: [] });
    const lost = [sink(FIRST - HOUR, "0", "0"), sink(FIRST, "2", "0"), sink(FIRST + HOUR, "1", "0")];
    await expect(check(lost)).rejects.toThrow(
      /lacks 3 records .* of 2 hours.* --source archive --target curated --from 2026-02-20T07:00:00.000Z --to 2026-02-20T09:00:00.000Z\)/,
    );
    // What Firehose kept as errors gets its verdict by another command.
    await expect(check([sink(FIRST, "2", "2")])).rejects.toThrow(
      /can be \(npm run replay -- --source errors --target curated --from 2026-02-20T07:00:00.000Z --to 2026-02-20T08:00:00.000Z\)/,
    );
    await expect(check([sink(FIRST, "2", "1")])).rejects.toThrow(/--source archive .*; then .*--source errors /);
  });

  it("is looked at once more after what the delivery takes, since rows may just have been put there", async () => {
    expect(await check([sink(FIRST, "1", "0")], { looks: 1 })).toEqual({ kind: "holes", waitSeconds: LAG_MS / 1000 });
    expect(await check([sink(FIRST, "0", "0")], { looks: 1 })).toMatchObject({ kind: "whole" });
  });
});

describe("the ledger, before items are made", () => {
  const checkRows = (ledger: readonly StoredRow[], sinks: readonly object[], over: object = {}) =>
    benchOf([], { ledger, sinks }).plan(
      "one",
      { target: "features" },
      { sinks: { prefix: "sinks/", ...TIME, ...over } },
    );
  const checkOf = (all: readonly StreamRecord[], sinks: readonly object[], over: object = {}) =>
    checkRows(ledgerOf(all), sinks, over);
  const hoursOf = (hours: readonly number[]) => hours.map((hour, i) => recordAt(FIRST + hour * HOUR, String(40 + i)));

  it("names the hours of which archive and lake both lack records, and nothing where one of them has all", async () => {
    const hours = fc.array(fc.record({ hour: fc.nat(5), isThere: fc.boolean() }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(hours, fc.boolean(), async (draws, inLakeOnly) => {
        const all = hoursOf(draws.map(({ hour }) => hour));
        const left = all.filter((_, i) => draws[i]?.isThere);
        const places = [...new Set(all.map(({ arrivalMs }) => arrivalMs))];
        const sinks = places.map((ms) => {
          const own = (list: readonly StreamRecord[]) => list.filter(({ arrivalMs }) => arrivalMs === ms);
          return inLakeOnly ? { ...heldOf([], ms), unknown: own(left).length } : heldOf(own(left), ms);
        });
        const said: unknown = await checkOf(all, sinks).catch(String);
        const lost = all.length - left.length;
        if (lost === 0) {
          expect(said).toEqual({ kind: "whole", notes: [] });
          return;
        }
        expect(said).toContain(`neither the archive nor the lake has ${lost} records that the ledger counted (`);
        const first = Math.min(...all.filter((one) => !left.includes(one)).map(({ arrivalMs }) => arrivalMs));
        expect(said).toContain(`(${iso(first).slice(0, 16)} shardId-000000000000: `);
      }),
      { numRuns: 50 },
    );
  });

  it("tells the same number of other records from all of them", async () => {
    const all = hoursOf([0, 0]);
    const other = [all[0] as StreamRecord, recordAt(FIRST, "77")];
    await expect(checkOf(all, [heldOf(other, FIRST)])).rejects.toThrow("has 2 records that the ledger counted");
  });

  it("is asked from the first whole hour on, and of the last hour the windows that are over", async () => {
    const all = hoursOf([0, 1, 2]);
    const [from, to] = [iso(FIRST + 1), iso(FIRST + 2 * HOUR)];
    await expect(checkOf(all, [], { from, to })).rejects.toThrow("has 1 records");
    const minutes = [0, 9, 10];
    const rows = hoursOf([1, 1, 1]).flatMap((record, i) =>
      ledgerOf([record]).map((row) => ({ ...row, arrivalStartMs: record.arrivalMs + Number(minutes[i]) * MINUTE })),
    );
    const until = { from, to: iso(FIRST + HOUR + 10 * MINUTE) };
    await expect(checkRows(rows, [], until)).rejects.toThrow("has 2 records that the ledger counted");
    const held = { ...heldOf(hoursOf([1, 1]), FIRST + HOUR), missing: 0, refused: 0 };
    expect(await checkRows(rows, [held], until)).toEqual({ kind: "whole", notes: [] });
    // Made when the hour was over, and now the replay is redriven: of the hour it has all, the sinks were asked about a part.
    const final = rows.map(({ startMs, bytes }) => ({ startMs, bytes, final: true }));
    expect(await checkRows(final, [], until)).toMatchObject({ kind: "whole" });
  });

  it("says which way out there is: the stream while it has these hours, and else the lake as it is", async () => {
    const now = Date.parse(STARTED);
    const recent = recordAt(Math.floor(now / HOUR) * HOUR - 3 * HOUR, "41");
    const [from, to] = [iso(recent.arrivalMs), iso(recent.arrivalMs + HOUR)];
    await expect(checkOf([recent], [])).rejects.toThrow(
      `npm run replay -- --source stream --target curated --from ${from} --to ${to}). Then ask for this under another --name. --lake as-it-is`,
    );
    const old: unknown = await checkOf([...hoursOf([0]), recent], []).catch(String);
    expect(old).toContain("the stream does not keep all of these hours any more");
    expect(old).not.toContain("--source stream");
    expect(old).toContain("--lake as-it-is makes items of what there is");
    // It may be on its way.
    expect(await checkOf([recent], [], { looks: 1 })).toMatchObject({ kind: "holes" });
  });

  it("is not asked where it has nothing any more, which is noted", async () => {
    const [first, second] = hoursOf([0, 5]) as [StreamRecord, StreamRecord];
    const sinks = [heldOf([first], first.arrivalMs), heldOf([second], second.arrivalMs)];
    // Nor of what a replay made up from the archive: what that has lost since is not seen there.
    const madeUp = ledgerOf([first]).map((row) => ({ ...row, final: true, ofArchive: ["shardId-000000000000"] }));
    const bench = benchOf([], { ledger: madeUp });
    expect(await bench.plan("one", { target: "features" }, { sinks: { prefix: "sinks/", ...TIME } })).toMatchObject({
      kind: "whole",
    });
    expect(await checkOf([second], sinks)).toEqual({
      kind: "whole",
      notes: [
        expect.stringMatching(
          /^The ledger has nothing that was counted of 1 hours from 2026-02-20T07:00:00.000Z to 2026-02-20T08/,
        ),
      ],
    });
  });
});

function ledgerOf(records: readonly StreamRecord[]) {
  const window = {
    incoming: null,
    written: null,
    shard: "shardId-000000000000",
    windowStartMs: 0,
    ends: "final",
  } as const;
  const nowMs = Date.parse(STARTED);
  const { rows } = rollUp(metrics, { ...window, windowEndMs: nowMs, records, nowMs });
  return rows.filter(({ metric }) => metric === "ledger");
}

/** What Athena says of an hour in which the archive has these records. */
function heldOf(records: readonly StreamRecord[], hour: number) {
  const [tally] = ledgerTallies(metrics, ledgerOf(records));
  const checksum = String(BigInt(`0x${tally?.checksum ?? "0"}`));
  const place = { hour: String(hour), shard: "shardId-000000000000" };
  return { ...place, archived: records.length, unknown: 0, missing: 0, refused: 0, checksum };
}
