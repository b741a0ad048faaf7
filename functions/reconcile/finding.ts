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
  /** Which target of a replay puts it right; null where none can or need. */
  readonly repair: "curated" | RepairOfFeatures | null;
  /** The view whose features are to be repaired. */
  readonly view?: string;
}

export type CheckName = "stream" | "archive" | "lake" | "features" | "views" | "counters" | "metrics";

export function places(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;
}

/** Items made anew as far as they go, of batches that were given up, or from nothing, because there are none. */
export type RepairOfFeatures = "features" | "failed batches" | "lost items";
