import type { Position, Rejection, Stage, StreamRecord } from "@millrace/engine";
import type { S3Place } from "../object-lines.ts";
import type { StreamRange } from "../stream-range.ts";
import type { PageLimit } from "../stream-reader.ts";

/** A piece of a source that one worker reads from its beginning to its end, in as many invocations as it takes: an object, or a part of a shard. */
export type Chunk = StoredChunk | StreamRange;

export interface StoredChunk extends S3Place {
  readonly kind: "stored";
}

/** One record of a source; from quarantine with the verdict that put it there. */
export interface Sourced {
  /** Null for a piece of the source that holds no record with a position. */
  readonly record: StreamRecord | null;
  readonly quarantined?: Quarantined;
  /** Of an error of Firehose: quarantine says nothing of the record. */
  readonly unjudged?: boolean;
}

export interface Quarantined {
  readonly reason: Rejection["reason"];
  readonly stage: Stage;
  readonly view: string | null;
  readonly attempt: number;
}

/** How far a chunk was read: an object is gone through by number, a shard by position, since it loses its oldest records. */
export interface Reached {
  readonly taken: number;
  /** Of the last record that had a position. */
  readonly last: Position | null;
}

export const NOTHING_REACHED: Reached = { taken: 0, last: null };

/**
 * The records of a chunk that come after what was reached. The same chunk gives the same records in the same order each time, as long as it is
 * there. A shard is not read for more than `most`, and ends when the time is over, whether or not that was all.
 */
export type ReadChunk = (chunk: Chunk, reached: Reached, most: ReadLimit) => AsyncIterable<Sourced>;

/** What will be used of the records, where filters leave nothing out, and until when (epoch ms). */
export interface ReadLimit extends PageLimit {
  readonly untilMs: number;
}
