/** One thing that does not add up, in words for a person and in numbers for a threshold. */
export interface Finding {
  readonly check: CheckName;
  /** A note is told and fails nothing: what readers of the sinks allow for anyway. */
  readonly weight: "divergence" | "note";
  /** The arrival hour (of a metric: the hour of its windows) and the shard, where there are such. */
  readonly hourMs: number | null;
  readonly shard: string | null;
  /** How many records (entities) it is about, at least. */
  readonly count: number;
  readonly says: string;
  /** What puts it right; null where no replay can or need. */
  readonly repair: RepairOfTheLake | RepairOfFeatures | "metrics" | null;
  /** The view whose features are to be repaired. */
  readonly view?: string;
}

export type CheckName = "stream" | "archive" | "lake" | "features" | "views" | "counters" | "metrics";

export function places(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

/**
 * Rows out of the stream, where the archive lacks their records too; or out of the archive; or what Firehose kept as errors, of which an event gets its row,
 * and what is none its verdict.
 */
export type RepairOfTheLake = "stream" | "rows" | "errors";

/** Items made anew as far as they go, of batches that were given up, or from nothing, because there are none. */
export type RepairOfFeatures = "features" | "failed batches" | "lost items";
