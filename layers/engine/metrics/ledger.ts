import type { Aggregate } from "../aggregate.ts";
import { count, sum } from "../aggregates/numbers.ts";
import { compareSequences } from "../position.ts";
import type { CompiledMetric, MetricSlot } from "./compile.ts";
import { type Groups, noGroups, slotsOf } from "./groups.ts";

/**
 * The ledger: per shard and arrival hour what the stream carried, every record, whether it could be read or not. Reconciliation
 * holds it against the archive. A loss and a double count cannot cancel out, because the checksum is a sum of 64-bit hashes
 * modulo 2^64. (Under XOR a record that is there twice would vanish.)
 */
const HOUR_MS = 3_600_000;

export const LEDGER = "ledger";

const slot = <Acc>(aggregate: Aggregate<Acc>, column: string | null): MetricSlot => ({
  aggregate: aggregate as Aggregate<unknown>,
  column,
  by: null,
  steps: null,
  hashed: "record",
  where: [],
});

/** A sum of record hashes modulo 2^64, in two halves of 32 bits; told as 16 hex digits. */
export interface Checksum {
  readonly high: number;
  readonly low: number;
}

const WORD = 0x1_0000_0000;

export function addHashes(a: Checksum, b: Checksum): Checksum {
  const low = a.low + b.low;
  return { high: (a.high + b.high + (low >= WORD ? 1 : 0)) % WORD, low: low % WORD };
}

/** Takes the record's hash from `Input.hash` (upper 48 bits) and `Input.tie` (lower 32 bits). */
const checksum: Aggregate<Checksum> = {
  add: (acc, { hash, tie }) => addHashes(acc ?? { high: 0, low: 0 }, { high: Math.floor(hash / 0x1_0000), low: tie }),
  merge: addHashes,
  result: (acc) => (acc === undefined ? "0".repeat(16) : hex(acc.high) + hex(acc.low)),
  write(writer, { high, low }) {
    writer.uint32(high);
    writer.uint32(low);
  },
  read: (reader) => ({ high: reader.uint32(), low: reader.uint32() }),
  maxBytes: 8,
};

/** The least or greatest sequence number, compared as the number that its digits spell. */
function extremeSequence(which: "first" | "last"): Aggregate<string> {
  const pick = (a: string, b: string) => (compareSequences(a, b) < 0 === (which === "first") ? a : b);
  return {
    add: (acc, { value }) => (acc === undefined ? (value as string) : pick(acc, value as string)),
    merge: pick,
    result: (acc) => acc ?? null,
    write: (writer, acc) => writer.digits(acc),
    read: (reader) => reader.digits(),
    maxBytes: 66,
  };
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}

const slots = {
  records: slot(count, null),
  bytes: slot(sum(0), "_size_bytes"),
  first: slot(extremeSequence("first"), "_sequence"),
  last: slot(extremeSequence("last"), "_sequence"),
  checksum: slot(checksum, null),
};

export const ledger: CompiledMetric = {
  name: LEDGER,
  everyMs: HOUR_MS,
  stepsMs: [HOUR_MS, 24 * HOUR_MS],
  by: ["_shard"],
  // Far more shards than a stream has in a year of resharding.
  limit: 10_000,
  time: "arrival",
  records: "all",
  where: [],
  slots: Object.values(slots),
  measures: Object.entries(slots).map(([name, { aggregate }], slot) => ({ kind: "slot", name, slot, aggregate })),
  keepMs: 400 * 24 * HOUR_MS,
  layout: 1,
};

/** What a shard carried in an hour of arrival. */
export interface LedgerEntry {
  readonly shard: string;
  readonly records: number;
  readonly bytes: number;
  /** The least and the greatest sequence number. */
  readonly first: string;
  readonly last: string;
  /** As 16 hex digits. */
  readonly checksum: string;
}

/** In the hour that begins then (epoch ms). */
export interface HourEntry extends LedgerEntry {
  readonly hourMs: number;
}

/** As the ledger would hold them, had it counted them on the way. */
export function ledgerGroups(entries: readonly LedgerEntry[]): Groups {
  const groups = noGroups();
  for (const { shard, records, bytes, first, last, checksum } of entries) {
    const [high, low] = [checksum.slice(0, 8), checksum.slice(8)].map((word) => Number.parseInt(word, 16));
    Object.assign(slotsOf(ledger, groups, [shard]), [records, bytes, first, last, { high, low }]);
  }
  return groups;
}
