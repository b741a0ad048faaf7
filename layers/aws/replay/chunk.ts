import type { Rejection, Stage, StreamRecord } from "@millrace/engine";

/** A piece of a source that one invocation reads from its beginning, as often as it takes: an object. */
export interface Chunk {
  readonly bucket: string;
  readonly key: string;
}

/** One record of a source; from quarantine with the verdict that put it there. */
export interface Sourced {
  /** Null for a piece of the source that holds no record with a position. */
  readonly record: StreamRecord | null;
  readonly quarantined?: Quarantined;
}

export interface Quarantined {
  readonly reason: Rejection["reason"];
  readonly stage: Stage;
  readonly view: string | null;
  readonly attempt: number;
}

/** The same chunk gives the same records in the same order each time, as long as it is there: a cursor is a number of them. */
export type ReadChunk = (chunk: Chunk) => AsyncIterable<Sourced>;
