import { createHash } from "node:crypto";
import fc from "fast-check";
import type { SinkTally, StreamTally, Tables } from "../../functions/reconcile/tables.ts";

/** A day of a small stream and what each place holds of it, as lists, so that anything can be lost, doubled and changed. */
export interface World {
  readonly ledger: readonly Entry[];
  readonly archive: readonly Entry[];
  readonly lake: readonly Entry[];
  /** What Firehose kept as errors of the transform: bytes without a position. */
  readonly errors: readonly string[];
  /** What update-features put into quarantine, because it could not be read. */
  readonly quarantine: readonly Entry[];
}

export interface Entry {
  readonly shard: string;
  readonly sequence: string;
  readonly arrivalMs: number;
  readonly data: string;
  /** Of a row of the lake. */
  readonly version: number;
}

export const HOUR = 3_600_000;
export const START = Date.UTC(2026, 2, 2);
export const END = START + 24 * HOUR;

/** At least one record, of which some are unreadable: those are in the errors and in quarantine, and not in the lake. Bytes repeat. */
export const worlds: fc.Arbitrary<World> = fc
  .array(
    fc.record({
      shard: fc.constantFrom("shardId-000000000000", "shardId-000000000001"),
      gapMs: fc.constantFrom(0, 1, 60_000, HOUR - 1, HOUR, 3 * HOUR),
      data: fc.constantFrom('{"a":1}', '{"a":2}', '{"é":"ü"}'),
      odd: fc.constantFrom(null, null, null, "oops", "{no json", "\u0000\u0001"),
    }),
    { minLength: 1, maxLength: 30, size: "max" },
  )
  .map((draws) => {
    const entries: Entry[] = [];
    let arrivalMs = START;
    for (const [i, { shard, gapMs, data, odd }] of draws.entries()) {
      arrivalMs = Math.min(END - 1, arrivalMs + gapMs);
      entries.push({ shard, sequence: `4965000000${98 + i}`, arrivalMs, data: odd ?? data, version: 1 });
    }
    const [rows, errors] = [entries.filter(isReadable), entries.filter((entry) => !isReadable(entry))];
    return {
      ledger: entries,
      archive: entries,
      lake: rows,
      errors: errors.map(({ data }) => data),
      quarantine: errors,
    };
  });

export function isReadable({ data }: Entry): boolean {
  return data.endsWith("}");
}

/** Every place tallied by nested loops: slow and obvious. */
export function tallied(world: World): Tables {
  const { ledger } = world;
  return {
    ...{
      fromMs: START,
      toMs: END,
      stream: null,
      ledgerOfArchive: [],
      views: [],
      metrics: [],
      hasFinalMetrics: false,
      streamFromMs: Number.POSITIVE_INFINITY,
    },
    ledger: placesIn(ledger).map((place) => streamTally(place, ledger.filter(isAt(place)))),
    sinks: sinkTallies(world),
  };
}

interface Place {
  readonly hourMs: number;
  readonly shard: string;
}

const hourOf = ({ arrivalMs }: Entry): number => arrivalMs - (arrivalMs % HOUR);
const isAt = (place: Place) => (entry: Entry) => hourOf(entry) === place.hourMs && entry.shard === place.shard;
const positionOf = ({ shard, sequence }: Entry): string => `${shard} ${sequence}`;

function placesIn(entries: readonly Entry[]): readonly Place[] {
  const keys = new Set(entries.map((entry) => JSON.stringify({ hourMs: hourOf(entry), shard: entry.shard })));
  return [...keys].map((key) => JSON.parse(key) as Place);
}

function streamTally(place: Place, entries: readonly Entry[]): StreamTally {
  return {
    ...place,
    records: entries.length,
    bytes: entries.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0),
    checksum: checksumOf(entries),
  };
}

function checksumOf(entries: readonly Entry[]): string {
  const md5 = (text: string) => createHash("md5").update(text).digest("hex");
  const sum = entries.reduce((total, { shard, sequence, data }) => {
    return total + BigInt(`0x${md5(`${shard}\n${sequence}\n0\n${md5(data)}`).slice(0, 16)}`);
  }, 0n);
  return (sum % 2n ** 64n).toString(16).padStart(16, "0");
}

/** The records of the archive that an error is of: each error of one that has no row, of those in quarantine first. */
export function errorsOf({ archive, lake, errors, quarantine }: World): readonly Entry[] {
  const inLake = new Set(lake.map(positionOf));
  const refused = new Set(quarantine.map(positionOf));
  const left = [...errors];
  const open = firstOfEach(archive).filter((entry) => !inLake.has(positionOf(entry)));
  const inTurn = [true, false].flatMap((is) =>
    open.filter((entry) => refused.has(positionOf(entry)) === is).toSorted(byArrival),
  );
  return inTurn.filter(({ data }) => {
    const at = left.indexOf(data);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function sinkTallies(world: World): readonly SinkTally[] {
  const { archive, lake, quarantine } = world;
  const [archived, rows] = [firstOfEach(archive), firstOfEach(lake)];
  const inLake = new Set(rows.map(positionOf));
  const inArchive = new Set(archived.map(positionOf));
  const refused = new Set(quarantine.map(positionOf));
  const kept = new Set(errorsOf(world).map(positionOf));
  const failed = new Set([...kept].filter((position) => refused.has(position)));
  return placesIn([...archived, ...rows.filter((row) => !inArchive.has(positionOf(row)))]).map((place) => {
    const own = archived.filter(isAt(place));
    const ownRows = rows.filter((row) =>
      isAt(place)(archived.find((one) => positionOf(one) === positionOf(row)) ?? row),
    );
    const at = new Set([...own, ...ownRows].map(positionOf));
    const [lines, all] = [archive, lake].map((list) => list.filter((entry) => at.has(positionOf(entry)))) as [
      Entry[],
      Entry[],
    ];
    const missing = own.filter((entry) => !inLake.has(positionOf(entry)) && !failed.has(positionOf(entry)));
    const versions = new Set(all.map((row) => `${positionOf(row)} ${row.version}`));
    const { records, ...tally } = streamTally(place, own);
    return {
      ...tally,
      archived: records,
      archiveLines: lines.length,
      conflicting: own.filter((one) =>
        lines.some((line) => positionOf(line) === positionOf(one) && line.data !== one.data),
      ).length,
      inLake: ownRows.length,
      lakeRows: all.length,
      lakeAgain: all.length - versions.size,
      inErrors: own.filter((entry) => failed.has(positionOf(entry))).length,
      missing: missing.length,
      refused: missing.filter((entry) => kept.has(positionOf(entry))).length,
      unknown: ownRows.filter((row) => !inArchive.has(positionOf(row))).length,
      firstMissing: missing.map(({ sequence }) => sequence.padStart(128, "0")).sort()[0] ?? null,
    };
  });
}

/** Of positions that stand there several times: the one of the smallest digest, as the query takes it. */
function firstOfEach(entries: readonly Entry[]): readonly Entry[] {
  const found = new Map<string, Entry>();
  const digest = ({ data }: Entry) => createHash("md5").update(data).digest("hex");
  for (const entry of entries) {
    const before = found.get(positionOf(entry));
    if (before === undefined || digest(entry) < digest(before)) found.set(positionOf(entry), entry);
  }
  return [...found.values()];
}

function byArrival(a: Entry, b: Entry): number {
  return a.arrivalMs - b.arrivalMs || (positionOf(a) < positionOf(b) ? -1 : 1);
}
