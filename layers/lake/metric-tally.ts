/** One metric in one hour of event time, window by window. */
export interface MetricTally {
  readonly metric: string;
  readonly hourMs: number;
  /** Events of the lake, each identity once, too late ones included: what the final rows count. */
  readonly events: number;
  /** Too late, so that no row counted them before. */
  readonly late: number;
  /** Accepted events that the live rows lack, and that they have more than once; null where nothing of the metric tells. */
  readonly lost: number | null;
  readonly again: number | null;
}

/** Windows of a metric that readers saw less of, or nothing. */
export interface Restored {
  readonly metric: string;
  readonly windows: number;
  /** Measures that nothing tells but the counting on the way: of these windows they say what is left. */
  readonly without: readonly string[];
  /** Of the ledger, the shards and hours in which it is now what the archive has, and not what the stream had. */
  readonly ofArchive: number;
}
