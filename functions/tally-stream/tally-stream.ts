import { MOST_SLICE_MS, type ResultObjects, readRange, type StreamReader } from "@millrace/aws";
import { type HourEntry, type Position, recordHash, type StreamRecord } from "@millrace/engine";

export interface Deps {
  readonly stream: StreamReader;
  readonly results: ResultObjects;
  readonly now: () => number;
}

/** One shard in a time of arrival, half-open (ISO 8601). */
export interface TallyTask {
  readonly shard: string;
  readonly from: string;
  readonly to: string;
  readonly resultKey: string;
  /** What the last invocation answered; null at the first. */
  readonly progress: Progress | null;
}

export interface Progress {
  /** Read up to here; null: nothing yet. */
  readonly last: Position | null;
  readonly tallies: readonly HourEntry[];
}

export interface TallyAnswer {
  readonly done: boolean;
  readonly progress: Progress;
}

const HOUR_MS = 3_600_000;

/** Reads a shard of the stream once more, and adds up what the ledger should say. */
export function tallyStream({ stream, results, now }: Deps) {
  return async ({ shard, from, to, resultKey, progress }: TallyTask): Promise<TallyAnswer> => {
    const endMs = now() + MOST_SLICE_MS;
    const range = { kind: "arrived", shard, fromMs: Date.parse(from), toMs: Date.parse(to) } as const;
    const tallies = new Map((progress?.tallies ?? []).map((tally) => [tally.hourMs, tally]));
    let last = progress?.last ?? null;
    let isLate = false;
    for await (const records of readRange(stream, range, last)) {
      if (isLate) return { done: false, progress: { last, tallies: [...tallies.values()] } };
      for (const record of records) add(tallies, record);
      last = records.at(-1)?.position ?? last;
      isLate = now() >= endMs;
    }
    await results.put(resultKey, [...tallies.values()]);
    return { done: true, progress: { last, tallies: [] } };
  };
}

function add(tallies: Map<number, HourEntry>, record: StreamRecord): void {
  const { arrivalMs, data, position } = record;
  const hourMs = Math.floor(arrivalMs / HOUR_MS) * HOUR_MS;
  const { sequence } = position;
  // A shard is read in its order.
  const { records = 0, bytes = 0, first = sequence, checksum = "0" } = tallies.get(hourMs) ?? {};
  const { high, low } = recordHash(record);
  const sum = BigInt(`0x${checksum}`) + (BigInt(high) << 32n) + BigInt(low);
  tallies.set(hourMs, {
    ...{ hourMs, shard: position.shard, records: records + 1, bytes: bytes + data.length, first, last: sequence },
    checksum: BigInt.asUintN(64, sum).toString(16).padStart(16, "0"),
  });
}
