import type { Chart, Figure, Ranking } from "@millrace/charts";

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
  readonly machines: readonly StateMachine[];
  /** Of a finished run; null where nothing was reconciled. */
  readonly reconciliation: Reconciled | null;
  readonly files: LakeFiles;
  /** Faults that the page can inject; none where there is nothing to inject them into. */
  readonly faults: readonly FaultButton[];
  /** What could not be read, in words for people. */
  readonly problems: readonly string[];
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

/** A state machine of Step Functions. */
export interface StateMachine {
  readonly name: string;
  /** When a schedule starts it next; null where none does, or it is not known. */
  readonly nextMs: number | null;
  readonly graph: Graph;
  /** The newest first. */
  readonly executions: readonly Execution[];
}

export interface Execution {
  readonly name: string;
  /** As Step Functions calls it: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED. */
  readonly status: string;
  readonly startMs: number;
  readonly stopMs: number | null;
  /** Where it stands, or stood when it failed. Known of the newest one and of those that run. */
  readonly states: readonly string[];
  /** Those that it has left behind; known as above. */
  readonly done: readonly string[];
  readonly mapRuns: readonly MapProgress[];
  readonly problem: string | null;
}

/** How far a distributed Map has come, in items. */
export interface MapProgress {
  readonly label: string;
  readonly status: string;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly running: number;
}

/** States with their places, in pixels from the top left. */
export interface Graph {
  readonly width: number;
  readonly height: number;
  /** A state that holds others comes before them. */
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

export interface Box {
  readonly name: string;
  /** The state's Type. */
  readonly kind: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Arrow {
  readonly kind: "next" | "catch";
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Whether every sink has what the stream carried, and features and metrics are those of the lake. */
export interface Reconciled {
  readonly holds: boolean;
  readonly checks: readonly {
    readonly holds: boolean;
    readonly promise: string;
    readonly compared: number;
    readonly diverging: number;
  }[];
  readonly findings: readonly string[];
  /** What to do about it; null where nothing is to be repaired. */
  readonly advice: string | null;
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
