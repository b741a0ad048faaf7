/** What a lane has to do: a batch, or the final invocation of the open window. */
import type { Condition } from "./failure-record.ts";
import type { Call, Entry } from "./records.ts";
import { type Folded, type TumblingWindow, toCall } from "./window.ts";

export interface Batch {
  readonly kind: "batch";
  readonly entries: readonly Entry[];
  /** Invocations that failed without progress. */
  readonly attempts: number;
}

export interface Final {
  readonly kind: "final";
  readonly early: boolean;
  readonly attempts: number;
  /** When it was first due: its age counts from here. */
  readonly sinceMs: number;
}

export type Task = Batch | Final;

export interface GivenUp {
  /** A window whose final invocation failed: its records were handed over, what they came to is lost. */
  readonly what: "records" | "window";
  readonly call: Call;
  readonly batch: Folded;
  readonly condition: Condition;
  readonly invocations: number;
  readonly functionError?: "Unhandled" | null;
}

export interface Reason {
  readonly condition: Condition;
  /** Of the last answer, where one belongs to the reason. */
  readonly functionError?: "Unhandled" | null;
}

export function callOf(task: Task, window: TumblingWindow | null): Call {
  return task.kind === "final"
    ? { entries: [], window: window && toCall(window, true, task.early) }
    : { entries: task.entries, window: window && toCall(window, false, false) };
}

/** Null for a window that stands for no record. */
export function toGivenUp(task: Task, window: TumblingWindow | null, reason: Reason): GivenUp | null {
  const common = { call: callOf(task, window), invocations: task.attempts, ...reason };
  if (task.kind === "batch") return { ...common, what: "records", batch: foldedOf(task.entries) };
  return window?.folded ? { ...common, what: "window", batch: window.folded } : null;
}

function foldedOf(entries: readonly Entry[]): Folded {
  return { first: entries[0] as Entry, last: entries.at(-1) as Entry, count: entries.length };
}
