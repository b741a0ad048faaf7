import type { StreamRecord } from "@millrace/engine";

/** The stream as anybody can read it, while its records are retained. */
export interface StreamReader {
  /** The shards that were open at a time (epoch ms) or later: also those that are closed by now, and their children. */
  shardsSince(sinceMs: number): Promise<readonly string[]>;
  /**
   * A shard's records in order, page by page, to where it ends now. It rests between pages; one that is empty may be one that the shard refused
   * for now, so that a caller with little time left looks at the clock after each.
   */
  pages(shard: string, from: ReadFrom, limit?: PageLimit): AsyncIterable<{ readonly records: readonly StreamRecord[] }>;
}

/** At most so many records of the stream on a page: readers of a shard share 2 MB a second. */
export interface PageLimit {
  readonly records: number;
}

/** The first that arrived at a time or later, or the one with a sequence number: where it is gone, the first that is left. */
export type ReadFrom = { readonly arrivalMs: number } | { readonly at: string };

/** The stream does not keep records any more that somebody wants to read: no other try will find them. */
export class StreamGoneError extends Error {
  override readonly name = "StreamGoneError";
}
