import type { Position, StreamRecord } from "@millrace/engine";
import type { ReadFrom } from "./stream-reader.ts";

/**
 * The end of a stream, from a moment on, or from where others have read it to. It grows as far as it is asked for and is read once; each call hands over
 * what it has read on top of the calls before, page by page: nothing is held but what the taker keeps.
 */
export interface StreamTail {
  /**
   * Reads on, in the shards of these positions, up to them. False where it had not come so far at `untilMs` (epoch ms); a page of each shard is read in
   * any case, so that whoever asks again and again gets there.
   */
  upTo(positions: readonly Position[], take: TakeRecords, untilMs: number): Promise<boolean>;
  /** Reads on in all shards, to where the stream ends now. */
  toTip(take: TakeRecords): Promise<void>;
  /** Whether it has read all there is up to a position. */
  hasReached(position: Position): boolean;
  /** Where it stands in each shard: with what was handed over, and no further. */
  ends(): readonly TailEnd[];
}

/** The last record that was read of a shard. When it arrived tells whether the stream still keeps what comes after it. */
export interface TailEnd extends Position {
  /** Epoch ms. */
  readonly arrivalMs: number;
}

/** Nothing more is read of the shard until it is done with them. */
export type TakeRecords = (records: readonly StreamRecord[]) => void | Promise<void>;

/** The stream keeps records only so long: from then on they are in the lake alone. */
export class TailGoneError extends Error {
  override readonly name = "TailGoneError";
}

interface Keeping {
  readonly slackMs: number;
  readonly retentionMs: number;
  readonly nowMs: number;
}

/** Where to read a shard on from its last record, or from a moment (epoch ms). Throws a TailGoneError where the stream does not keep that any more. */
export function tailStart(last: TailEnd | null, fromMs: number, { slackMs, ...keeping }: Keeping): ReadFrom {
  const sinceMs = (last?.arrivalMs ?? fromMs) - slackMs;
  demandKept(sinceMs, keeping);
  return last === null ? { arrivalMs: sinceMs } : { at: last.sequence };
}

function demandKept(sinceMs: number, { retentionMs, nowMs }: Omit<Keeping, "slackMs">): void {
  if (nowMs - retentionMs <= sinceMs) return;
  throw new TailGoneError(
    `expected the stream's records from ${new Date(sinceMs).toISOString()} on, but it keeps them for ${retentionMs / 3_600_000} h only: ` +
      "ask for newer rows of the lake, with a later settledUntil, by a run under another name",
  );
}
