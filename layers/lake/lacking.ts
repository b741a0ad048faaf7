import { LEDGER, type MetricsPipeline, readMetric } from "@millrace/engine";
import type { SinkRow } from "./sinks.ts";

/** What roll-up-metrics counted of an hour and a shard while the records went by. */
export interface LedgerTally {
  /** Epoch ms. */
  readonly hourMs: number;
  readonly shard: string;
  readonly records: number;
  readonly bytes: number;
  /** The sum of the records' hashes modulo 2^64, as 16 hex digits. */
  readonly checksum: string;
}

export interface SourcedTally extends LedgerTally {
  /** A replay made it up from the archive after it was lost: about the archive it proves nothing. */
  readonly ofArchive: boolean;
}

/** Of an hour and a shard: positions of the archive with their checksum, and those that only the lake has. */
export interface HeldTally extends Omit<LedgerTally, "records" | "bytes"> {
  readonly archived: number;
  readonly unknown: number;
}

/** An hour and a shard of which the ledger counted records that neither the archive nor the lake has. */
export interface Lacking extends Pick<LedgerTally, "hourMs" | "shard" | "records"> {}

/**
 * What the ledger counted that neither the archive nor the lake has: a lake that lacks nothing of the archive lacks them all the same.
 * With as many records but another checksum all of that hour and shard count, since nobody can tell which are lost.
 */
export function lackingPlaces(ledger: readonly LedgerTally[], held: readonly HeldTally[]): readonly Lacking[] {
  const found = new Map(held.map((tally) => [placeOf(tally), tally]));
  return ledger.flatMap(({ hourMs, shard, ...tally }) => {
    const { archived = 0, unknown = 0, checksum = null } = found.get(placeOf({ hourMs, shard })) ?? {};
    if (archived + unknown < tally.records) return [{ hourMs, shard, records: tally.records - archived - unknown }];
    return archived === tally.records && checksum !== tally.checksum ? [{ hourMs, shard, records: tally.records }] : [];
  });
}

export function lackingRecords(ledger: readonly LedgerTally[], held: readonly HeldTally[]): number {
  return lackingPlaces(ledger, held).reduce((sum, { records }) => sum + records, 0);
}

/** The hours of which the ledger has less of a shard than the archive, whatever it has more of. */
export function unledgeredHours(ledger: readonly LedgerTally[], held: readonly HeldTally[]): readonly number[] {
  const counted = new Map(ledger.map((tally) => [placeOf(tally), tally.records]));
  return [
    ...new Set(held.flatMap((tally) => ((counted.get(placeOf(tally)) ?? 0) < tally.archived ? [tally.hourMs] : []))),
  ];
}

export function ledgerTallies(
  metrics: MetricsPipeline,
  rows: Parameters<typeof readMetric>[2],
): readonly SourcedTally[] {
  const madeUp = new Set(
    rows.flatMap(({ startMs, ofArchive = [] }) => ofArchive.map((shard) => placeOf({ hourMs: startMs, shard }))),
  );
  return readMetric(metrics, LEDGER, rows).flatMap(({ startMs, groups }) =>
    groups.map(({ by, values: { records, bytes, checksum } }) => {
      const place = { hourMs: startMs, shard: String(by._shard) };
      return {
        ...place,
        ...{ records: Number(records), bytes: Number(bytes), checksum: String(checksum) },
        ofArchive: madeUp.has(placeOf(place)),
      };
    }),
  );
}

export function heldTally({ hour, shard, archived, unknown, checksum }: SinkRow): HeldTally {
  return {
    ...{ hourMs: Number(hour), shard, archived: Number(archived), unknown: Number(unknown) },
    // A sum of signed hashes may be negative: modulo 2^64 it is that of the unsigned ones.
    checksum: BigInt.asUintN(64, BigInt(checksum)).toString(16).padStart(16, "0"),
  };
}

function placeOf({ hourMs, shard }: Pick<LedgerTally, "hourMs" | "shard">): string {
  return `${hourMs} ${shard}`;
}
