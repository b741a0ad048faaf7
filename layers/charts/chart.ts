/** What is drawn, as data. Times are epoch milliseconds. */
export type Unit = "count" | "perSecond" | "milliseconds" | "share" | "bytes" | "amount";

export interface Figure {
  readonly id: string;
  readonly label: string;
  /** Null: not known, or nothing to make it of. */
  readonly value: number | null;
  readonly unit: Unit;
  /** Says that a value above zero is bad, or that it is good when the figure is as it should be. */
  readonly tone?: "good" | "bad";
  readonly note?: string;
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** In rising order, the same for all lines. */
  readonly timesMs: readonly number[];
  readonly lines: readonly Line[];
  /** What is said in place of an empty chart. */
  readonly empty: string;
}

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

/** Values in a given order, each as a bar: the heaviest keys, or the buckets of a histogram. */
export interface Ranking {
  readonly id: string;
  readonly title: string;
  readonly bars: readonly Bar[];
  readonly empty: string;
}

export interface Bar {
  readonly label: string;
  readonly count: number;
  /** Of all, from 0 to 1. */
  readonly share: number;
}
