/**
 * What the page shows, as data. The server makes it, of a running pipeline, a finished run or a deployed stack alike; the page only draws it,
 * and knows nothing of AWS or of the definitions. Times are epoch milliseconds.
 */
export interface Snapshot {
  readonly title: string;
  /** One sentence: what is shown, and over which time. */
  readonly about: string;
  readonly atMs: number;
  readonly figures: readonly Figure[];
  readonly charts: readonly Chart[];
  readonly rankings: readonly Ranking[];
  readonly views: readonly ViewToLookUp[];
  /** The newest first; null where they cannot be read back. */
  readonly alerts: readonly Alert[] | null;
  readonly alarms: readonly Alarm[];
  readonly files: LakeFiles;
  /** Faults that the page can inject; none where there is nothing to inject them into. */
  readonly faults: readonly FaultButton[];
  /** What could not be read, in words for people. */
  readonly problems: readonly string[];
}

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

export interface ViewToLookUp {
  readonly name: string;
  /** The column that says whose features these are. */
  readonly entity: string;
  /** Entities to choose from; people may ask for any other. */
  readonly examples: readonly string[];
}

/** The answer to a look-up. */
export interface LookedUp {
  readonly view: string;
  readonly entity: string;
  readonly seen: boolean;
  readonly asOfMs: number;
  /** When the newest event in it reached the stream. */
  readonly lastArrivalMs: number | null;
  /** Each value in words. */
  readonly features: readonly (readonly [name: string, value: string])[];
}

/** What a condition over features said of somebody. */
export interface Alert {
  readonly name: string;
  readonly entity: string;
  readonly view: string;
  readonly atMs: number;
}

export interface Alarm {
  readonly name: string;
  readonly description: string;
  readonly state: "ringing" | "rang";
  readonly sinceMs: number;
  readonly reason: string;
}

export interface LakeFiles {
  readonly newest: readonly LakeFile[];
  /** All of them, those included that are not listed. */
  readonly totalFiles: number;
  readonly totalBytes: number;
}

export interface LakeFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Null where they are not counted. */
  readonly rows: number | null;
}

export interface FaultButton {
  readonly name: string;
  readonly label: string;
  readonly means: string;
  /** How often it has happened. */
  readonly injected: number;
}

/** A report holds its look-ups, since nobody answers it. */
export interface Inlined {
  readonly snapshot: Snapshot;
  readonly lookedUp: readonly LookedUp[];
}
