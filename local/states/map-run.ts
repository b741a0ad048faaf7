/** One run of a distributed Map: its children, how many of them may run at once and how many may fail, and what has become of them. */
import type { Execution, Status } from "./execution.ts";
import type { Json } from "./json.ts";

/** What is done in one execution of its own: an item, or a batch of them. */
export interface Child {
  readonly input: Json;
  readonly itemCount: number;
  /** Null while it waits for its turn. */
  execution: Execution | null;
  /** It has failed before, and a redrive has not come to it yet. */
  awaitsRedrive: boolean;
  isWritten: boolean;
}

export interface ResultFile {
  readonly Key: string;
  readonly Size: number;
}

/** Of the three kinds of results, by the names that they have in the manifest. */
export type ResultFiles = Readonly<Record<"FAILED" | "PENDING" | "SUCCEEDED", readonly ResultFile[]>>;

export interface MapRun {
  readonly arn: string;
  /** The last part of its ARN, and the folder of its results. */
  readonly id: string;
  /** The one that the Map is a state of. */
  readonly execution: Execution;
  readonly stateName: string;
  readonly startMs: number;
  readonly redrivenMs: number[];
  stopMs: number | null;
  status: "RUNNING" | "SUCCEEDED" | "FAILED" | "ABORTED";
  /** 0: as many as AWS allows. */
  maxConcurrency: number;
  /** Null where nothing was said: without either, none may fail. */
  toleratedFailurePercentage: number | null;
  toleratedFailureCount: number | null;
  /** Null until the items have been read. */
  children: readonly Child[] | null;
  /** What a ResultWriter has written, redrives included. */
  files: ResultFiles;
  /** To be called after a change of the limits. */
  changed: () => void;
}

/** AWS runs so many children of one Map Run side by side at most. */
export const greatestConcurrency = 10_000;

export function concurrencyOf({ maxConcurrency }: MapRun): number {
  return Math.min(maxConcurrency === 0 ? greatestConcurrency : maxConcurrency, greatestConcurrency);
}

/** Items count, not executions; one that timed out has failed. */
export function hasFailedTooOften(run: MapRun): boolean {
  const { failed, timedOut, total } = itemCounts(run);
  const bad = failed + timedOut;
  const { toleratedFailureCount: count, toleratedFailurePercentage: percentage } = run;
  if (bad === 0) return false;
  if (count === null && percentage === null) return true;
  return (count !== null && bad > count) || (percentage !== null && (bad * 100) / total > percentage);
}

const countedAs: Readonly<Record<Status, keyof Counts>> = {
  RUNNING: "running",
  SUCCEEDED: "succeeded",
  FAILED: "failed",
  TIMED_OUT: "timedOut",
  ABORTED: "aborted",
};

export interface Counts {
  pending: number;
  running: number;
  succeeded: number;
  failed: number;
  timedOut: number;
  aborted: number;
  total: number;
  resultsWritten: number;
  failuresNotRedrivable: number;
  pendingRedrive: number;
}

export function itemCounts(run: MapRun): Counts {
  return countsOf(run, ({ itemCount }) => itemCount);
}

export function executionCounts(run: MapRun): Counts {
  return countsOf(run, () => 1);
}

function countsOf({ children }: MapRun, weightOf: (child: Child) => number): Counts {
  const counts: Counts = {
    pending: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    timedOut: 0,
    aborted: 0,
    total: 0,
    resultsWritten: 0,
    failuresNotRedrivable: 0,
    pendingRedrive: 0,
  };
  for (const child of children ?? []) {
    const weight = weightOf(child);
    const { execution } = child;
    const kind = child.awaitsRedrive ? "pendingRedrive" : execution === null ? "pending" : countedAs[execution.status];
    counts[kind] += weight;
    counts.total += weight;
    if (child.isWritten) counts.resultsWritten += weight;
  }
  return counts;
}
