import type { StreamRecord } from "@millrace/engine";

/** A piece of a source that one invocation reads from its beginning, as often as it takes: an object. */
export interface Chunk {
  readonly bucket: string;
  readonly key: string;
}

/** One record of a source; null for a piece of it that holds no record with a position. */
export interface Sourced {
  readonly record: StreamRecord | null;
}

/** The same chunk gives the same records in the same order each time, as long as it is there: a cursor is a number of them. */
export type ReadChunk = (chunk: Chunk) => AsyncIterable<Sourced>;
