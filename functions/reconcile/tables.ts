import type { HeldTally, LedgerTally, MetricTally } from "@millrace/lake";

/**
 * What a reconciliation looks at: counts and checksums of each place that records go through, by arrival hour and shard, and what
 * came of comparing features and metrics with the lake. Times are epoch ms.
 */
export interface Tables {
  /** The arrival hours that are judged, half-open. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What roll-up-metrics counted while the records went by. */
  readonly ledger: readonly StreamTally[];
  /** Of the ledger, what a replay made up from the archive after it was lost: about the archive it proves nothing. */
  readonly ledgerOfArchive: readonly StreamTally[];
  /** What the stream holds when it is read once more; null when that was not asked for. */
  readonly stream: readonly StreamTally[] | null;
  readonly sinks: readonly SinkTally[];
  readonly views: readonly ViewTally[];
  /** None where the lake lacks records: then no window became final. */
  readonly metrics: readonly MetricTally[];
  /** From when on the stream can be read once more (epoch ms). */
  readonly streamFromMs: number;
  /** Whether there are metrics that can become final at all. */
  readonly hasFinalMetrics: boolean;
}

export type StreamTally = LedgerTally;

/** Positions, each once, unless something else is said. */
export interface SinkTally extends HeldTally {
  readonly archiveLines: number;
  /** Positions that stand in the archive with different bytes. */
  readonly conflicting: number;
  readonly bytes: number;
  readonly inLake: number;
  readonly lakeRows: number;
  /** Rows of the lake that are there once more under the same pipeline version. */
  readonly lakeAgain: number;
  /** Archived, not in the lake, and no loss: an error of Firehose whose record can be no row, as quarantine says. */
  readonly inErrors: number;
  /** Archived, and neither in the lake nor accounted for; Firehose may have them as errors. */
  readonly missing: number;
  /** Of those that are missing, what Firehose kept as an error: an event that was refused, or a record without a verdict in quarantine. */
  readonly refused: number;
  readonly firstMissing: string | null;
}

/** One view: its items as they are, and made anew from the lake at their marks. Without the rows that the view refused. */
export interface ViewTally {
  readonly view: string;
  /** Those that were compared. */
  readonly entities: number;
  /** Rows of the lake that arrived in the time or later. */
  readonly rows: number;
  /** Rows above the items' marks, though they arrived long ago. */
  readonly beyond: number;
  /** Entities whose features differ, and those whose items counted another number of events than the lake has for them. */
  readonly differing: number;
  readonly miscounted: number;
  /** Of those that differ, the entities that have no item at all. */
  readonly missing: number;
  /** Entities that have an item and not one row of those that it must be made of; not among those that differ. */
  readonly rowless: number;
  /** Whether counters could be checked, because all that their entities ever did was read. */
  readonly wholeHistory: boolean;
  readonly conserved: Conserved;
  /** Some of both. */
  readonly differences: readonly Difference[];
}

/** Matching = applied + duplicates + quarantined + failed, over the entities that were compared, each position once. */
export interface Conserved {
  readonly matching: number;
  readonly applied: number;
  readonly duplicates: number;
  /** By the view's fold; by reason. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** Above the items' marks: of batches that were given up, or still to come. */
  readonly failed: number;
  /** By how many events entities are apart, added up without regard to the sign; 0: it adds up. */
  readonly unaccounted: number;
}

export interface Difference {
  readonly entity: string;
  readonly kind: "features" | "counters" | "rowless";
  /** What differs: features, or `applied` and `duplicates`. */
  readonly values: Readonly<Record<string, { readonly online?: unknown; readonly offline?: unknown }>>;
  /** The entity's newest events, where to look. */
  readonly events: readonly FoundEvent[];
}

export interface FoundEvent {
  readonly id: string;
  readonly time: string;
  readonly shard: string;
  readonly sequence: string;
}
