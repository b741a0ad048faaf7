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
