import type { Position, StreamRecord } from "@millrace/engine";

/**
 * The end of a stream, from a moment on, or from where others have read it to. It grows as far as it is asked for and is read once; each call hands over
 * what it has read on top of the calls before, page by page: nothing is held but what the taker keeps.
 */
export interface StreamTail {
  /** Reads on, in the shards of these positions, up to them. */
  upTo(positions: readonly Position[], take: TakeRecords): Promise<void>;
  /** Reads on in all shards, to where the stream ends now. */
  toTip(take: TakeRecords): Promise<void>;
  /** Whether it has read all there is up to a position. */
  hasReached(position: Position): boolean;
  /** Where it stands in each shard. */
  ends(): readonly Position[];
}

export type TakeRecords = (records: readonly StreamRecord[]) => void;

/** The stream keeps records only so long: from then on they are in the lake alone. */
export class TailGoneError extends Error {
  override readonly name = "TailGoneError";
}

/** Throws a TailGoneError where the stream does not keep what arrived at that time. */
export function demandKept(sinceMs: number, { retentionMs, nowMs }: { retentionMs: number; nowMs: number }): void {
  if (nowMs - retentionMs <= sinceMs) return;
  throw new TailGoneError(
    `expected the stream's records from ${new Date(sinceMs).toISOString()} on, but it keeps them for ${retentionMs / 3_600_000} h only: ` +
      "ask for newer rows of the lake, with a later settledUntil, by a run under another name",
  );
}
