import type { StreamRecord } from "@millrace/engine";

/** The stream as anybody can read it, while its records are retained. */
export interface StreamReader {
  /** The shards that were open at a time (epoch ms) or later. */
  shardsSince(sinceMs: number): Promise<readonly string[]>;
  /** A shard's records in order, page by page, to where it ends now. */
  pages(shard: string, from: ReadFrom): AsyncIterable<{ readonly records: readonly StreamRecord[] }>;
}

/** The first that arrived at a time or later, or the first after a sequence number. */
export type ReadFrom = { readonly arrivalMs: number } | { readonly after: string };
