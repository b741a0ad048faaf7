import {
  archivedWindows,
  type FinalRow,
  goneMeasures,
  isOfTheArchive,
  type LedgerEntry,
  type MetricRow,
  MOST_NOTED,
  metricOf,
  type ReadableRow,
  readMetric,
  restoredLedger,
  restoredRow,
  type StreamRecord,
} from "@millrace/engine";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toldWindows } from "../told-windows.ts";
import { arrivals, deliver, metrics, toRecords, WINDOW, weather } from "./metrics-histories.ts";

/** No state is thrown away in the middle of a window: what Lambda does only with one of more than a megabyte. */
const calmer = weather.map((all) => all.map((today) => ({ ...today, early: false })));
const names = metrics.metrics.filter(isOfTheArchive).map(({ name }) => name);
const whole = { archiveIsWhole: true };

describe("windows made of the archive", () => {
  it("are of what the lake cannot tell; what goes by the moment of counting is named", () => {
    expect(names).toEqual(["verdicts", "heat", "sizes", "ledger"]);
    expect(names.map((name) => goneMeasures(metricOf(metrics, name)))).toEqual([
      [],
      [],
      ["oldest_ms", "oldest_per_byte"],
      [],
    ]);
  });

  it("tell what was counted on the way, in any order of the lines, however often each is there", () => {
    fc.assert(
      fc.property(arrivals, calmer, fc.infiniteStream(fc.nat(1000)), (list, weather, draws) => {
        const records = toRecords(list);
        const live = liveRows(records, weather);
        const lines = shuffled([...records, ...records.filter(() => draws.next().value % 3 === 0)], draws);
        const final = archived(lines, shuffled(lines, draws)).map((row) => ({ ...row, final: true }));
        for (const name of names) expect(windowsOf(name, final)).toEqual(windowsOf(name, live));
      }),
      { numRuns: 300 },
    );
  });

  it("are those that are wanted, and no more records at once than memory allows", () => {
    const records = toRecords([0, 1].map((minute) => ({ fact: "{", shard: 0, arrivalMs: minute * 60_000 })));
    const question = { isWanted: (_: unknown, startMs: number) => startMs > 0, tumblingMs: WINDOW };
    const windows = archivedWindows(metrics, question);
    windows.note(records);
    windows.add(records);
    expect(new Set(windows.windows().map(({ startMs }) => startMs))).toEqual(new Set([60_000]));
    const many = { length: MOST_NOTED } as readonly StreamRecord[];
    expect(() => windows.note(many)).toThrow("ask for fewer days");
  });
});

describe("what the archive restores", () => {
  it("is nothing where no row is lost, and else all but the moments of counting, of which what is left stays; again is the same", () => {
    fc.assert(
      fc.property(
        arrivals,
        calmer,
        fc.infiniteStream(fc.boolean()),
        fc.boolean(),
        (list, weather, draws, isHealthy) => {
          const records = toRecords(list);
          const live = liveRows(records, weather);
          const left = live.filter(() => isHealthy || draws.next().value);
          const made = archived(records, records);
          for (const name of names.filter((name) => name !== "ledger")) {
            const own = (rows: readonly Named[]) => rows.filter(({ metric }) => metric === name);
            const restored = (rows: readonly Named[]) =>
              own(made).flatMap((window) => {
                const standing = own(rows).filter(({ startMs }) => startMs === window.startMs);
                const row = restoredRow(metrics, window, standing, whole);
                return row === null ? [] : [{ ...row, final: true }];
              });
            const rows = restored(left);
            if (isHealthy) expect(rows).toEqual([]);
            expect(windowsOf(name, [...left, ...rows])).toEqual(windowsOf(name, live));
            expect(restored([...left, ...rows])).toEqual([]);
            const oldest = (from: readonly Named[]) =>
              readMetric(metrics, name, own(from)).map(({ total }) => total.oldest_ms ?? null);
            const surviving = oldest(left).filter((ms) => ms !== null);
            expect(oldest([...left, ...rows]).filter((ms) => ms !== null)).toEqual(surviving);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("is nothing of a window that says more than an archive that lost records", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.boolean()), (list, draws) => {
        const records = toRecords(list);
        const live = liveRows(records, [CALM]);
        const left = records.filter(() => draws.next().value);
        for (const window of archived(left, left)) {
          const standing = live.filter(({ metric, startMs }) => metric === window.metric && startMs === window.startMs);
          const { metric, startMs, bytes } = window;
          if (metric === "ledger")
            expect(restoredLedger(metrics, { startMs, archived: bytes, stream: [] }, standing)).toBeNull();
          else expect(restoredRow(metrics, window, standing, { archiveIsWhole: false })).toBeNull();
        }
      }),
      { numRuns: 100 },
    );
  });

  it("is the ledger, shard by shard, of the stream where it has most, and says which hours are of the archive", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.boolean()), (list, draws) => {
        const drawn = () => draws.next().value;
        const records = toRecords(list);
        const live = liveRows(records, [CALM]).filter(({ metric }) => metric === "ledger");
        const left = live.filter(drawn);
        const kept = archived(records, records).filter(({ metric }) => metric === "ledger");
        const read = entriesOf(live).filter(drawn);
        const restored = (standing: readonly ReadableRow[]) =>
          kept.flatMap(({ startMs, bytes }) => {
            const stream = read.filter((entry) => entry.startMs === startMs);
            const own = standing.filter((row) => row.startMs === startMs);
            return finalRows(restoredLedger(metrics, { startMs, archived: bytes, stream }, own));
          });
        const rows = restored(left);
        expect(readMetric(metrics, "ledger", [...left, ...rows])).toEqual(readMetric(metrics, "ledger", live));
        expect(restored([...left, ...rows])).toEqual([]);
        const all = entriesOf(live);
        const isFull = (entry: Entry) =>
          all.some((one) => placeOf(one) === placeOf(entry) && one.records === entry.records);
        const known = new Set([...read, ...entriesOf(left).filter(isFull)].map(placeOf));
        expect(placesOfArchive(rows)).toEqual(
          all
            .map(placeOf)
            .filter((place) => !known.has(place))
            .toSorted(),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("a ledger that was made up from the archive", () => {
  it("is what one writing makes it, whatever of another stands by then: of the same that was torn, or of one that knew more or less", () => {
    fc.assert(
      fc.property(arrivals, fc.infiniteStream(fc.boolean()), (list, draws) => {
        const drawn = () => draws.next().value;
        const live = liveRows(toRecords(list), [CALM]).filter(({ metric }) => metric === "ledger");
        const table = new Map<string, ReadableRow>(live.filter(drawn).map((row, i) => [`live ${i}`, row]));
        const hours = new Set(live.map(({ startMs }) => startMs));
        const madeBy = (writer: Writer) =>
          [...hours].flatMap((startMs) => madeOf(writer, startMs, [...table.values()]));
        const writer = (): Writer => ({
          read: entriesOf(live).filter(drawn),
          kept: archived(toRecords(list).filter(drawn)).filter(({ metric }) => metric === "ledger"),
        });
        const [one, other] = [writer(), writer()];
        const put = (into: Map<string, ReadableRow>, rows: readonly FinalRow[]) => {
          for (const row of rows) into.set(`${row.startMs} ${row.part}`, { ...row, final: true });
          return told([...into.values()]);
        };
        const [mine, theirs] = [madeBy(one), madeBy(other)];
        const [once, instead] = [mine, theirs].map((rows) => put(new Map(table), rows)) as [Told, Told];

        const both = put(new Map(table), drawn() ? [...mine, ...theirs] : [...theirs, ...mine]);
        for (const startMs of hours)
          expect([once.get(startMs), instead.get(startMs)]).toContainEqual(both.get(startMs));

        put(table, mine.filter(drawn));
        expect(put(table, madeBy(one))).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });

  it("is of the stream where that turns out to have more, and leaves nothing behind", () => {
    const records = toRecords([1, 2].map((at) => ({ fact: "{", shard: 0, arrivalMs: at })));
    const [whole] = entriesOf(liveRows(records, [CALM]).filter(({ metric }) => metric === "ledger"));
    const half = archived(records.slice(0, 1), records.slice(0, 1)).find(({ metric }) => metric === "ledger");
    const standing = [
      { startMs: 0, bytes: half?.bytes as Uint8Array, final: true, ofArchive: [whole?.shard as string] },
    ];
    const sources = { startMs: 0, archived: half?.bytes as Uint8Array, stream: [whole as LedgerEntry] };
    const rows = finalRows(restoredLedger(metrics, sources, standing));
    expect(rows).toMatchObject([{ ofArchive: [] }]);
    expect(entriesOf(rows)).toEqual([whole]);
  });
});

const CALM = { size: 3, failures: 0, written: [], again: 0, early: false, whole: false };

type Named = ReadableRow & { readonly metric: string };

function liveRows(
  records: readonly StreamRecord[],
  weather: Parameters<typeof deliver>[1]["weather"],
): readonly MetricRow[] {
  return [...deliver(records, { weather, finalIsEmpty: true }).table.values()];
}

function archived(first: readonly StreamRecord[], then = first): readonly Omit<FinalRow, "part">[] {
  const windows = archivedWindows(metrics, { isWanted: () => true, tumblingMs: WINDOW });
  for (let at = 0; at < first.length; at += 7) windows.note(first.slice(at, at + 7));
  for (let at = 0; at < then.length; at += 5) windows.add(then.slice(at, at + 5));
  return windows.windows();
}

function windowsOf(name: string, rows: readonly Named[]) {
  return toldWindows(
    metrics,
    name,
    rows.filter(({ metric }) => metric === name),
  );
}

type Entry = LedgerEntry & { readonly startMs: number };

function entriesOf(rows: readonly ReadableRow[]): readonly Entry[] {
  return readMetric(metrics, "ledger", rows).flatMap(({ startMs, groups }) =>
    groups.map(({ by, values }) => ({ ...(values as unknown as LedgerEntry), startMs, shard: String(by._shard) })),
  );
}

/** What a replay has of the stream and of the archive. */
interface Writer {
  readonly read: readonly Entry[];
  readonly kept: readonly Omit<FinalRow, "part">[];
}

function madeOf({ read, kept }: Writer, startMs: number, standing: readonly ReadableRow[]): readonly FinalRow[] {
  const ofHour = <T extends { readonly startMs: number }>(all: readonly T[]) =>
    all.filter((one) => one.startMs === startMs);
  const bytes = ofHour(kept)[0]?.bytes ?? null;
  return finalRows(restoredLedger(metrics, { startMs, archived: bytes, stream: ofHour(read) }, ofHour(standing)));
}

function finalRows(row: FinalRow | null): readonly (FinalRow & { readonly final: true })[] {
  return row === null ? [] : [{ ...row, final: true }];
}

type Told = ReadonlyMap<number, object>;

/** By hour, what readers see. */
function told(rows: readonly ReadableRow[]): Told {
  const ofArchive = placesOfArchive(rows);
  return new Map(
    readMetric(metrics, "ledger", rows).map((window) => [
      window.startMs,
      { window, ofArchive: ofArchive.filter((place) => place.startsWith(`${window.startMs} `)) },
    ]),
  );
}

function placesOfArchive(rows: readonly ReadableRow[]): readonly string[] {
  return rows
    .flatMap(({ startMs, ofArchive = [] }) => ofArchive.map((shard) => placeOf({ startMs, shard })))
    .toSorted();
}

function placeOf({ startMs, shard }: Pick<Entry, "startMs" | "shard">): string {
  return `${startMs} ${shard}`;
}

function shuffled<T>(all: readonly T[], draws: fc.Stream<number>): readonly T[] {
  return all
    .map((one) => ({ one, key: draws.next().value as number }))
    .sort((a, b) => a.key - b.key)
    .map(({ one }) => one);
}
