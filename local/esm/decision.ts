/** What follows from an invocation: what of the task is done, what comes again, and how; what is given up. Nothing happens here. */
import type { Entry } from "./records.ts";
import type { MappingSettings } from "./settings.ts";
import type { Batch, Reason, Task } from "./task.ts";
import type { Verdict } from "./verdict.ts";

export interface Decision {
  readonly done: readonly Entry[];
  /** In order. */
  readonly todo: readonly Task[];
  readonly givenUp: { readonly task: Task; readonly reason: Reason } | null;
  /** The batch was cut. */
  readonly split: boolean;
  /** Without progress the wait for the next try grows. */
  readonly progress: boolean;
  readonly wait: boolean;
}

type Rules = Pick<MappingSettings, "bisectBatchOnFunctionError" | "maximumRetryAttempts">;

const finished: Decision = { done: [], todo: [], givenUp: null, split: false, progress: true, wait: false };

export function decide(task: Task, verdict: Verdict, rules: Rules): Decision {
  // The function did not run: that is no attempt.
  if (verdict.kind === "throttled") return { ...finished, todo: [task], progress: false, wait: true };
  if (task.kind === "final") return verdict.kind === "done" ? finished : again(task, verdict, rules);
  const { entries } = task;
  if (verdict.kind === "done") return { ...finished, done: entries };
  if (verdict.kind === "partial" && verdict.from > 0) {
    // The rest is a fresh batch: partial progress resets the retry counter.
    const rest = { ...task, entries: entries.slice(verdict.from), attempts: 0 };
    return { ...finished, done: entries.slice(0, verdict.from), todo: [rest], split: true, wait: true };
  }
  const bisects = verdict.kind === "failed" && rules.bisectBatchOnFunctionError && entries.length > 1;
  return bisects ? { ...finished, todo: halvesOf(task), split: true } : again(task, verdict, rules);
}

/** Splitting does not count as a retry; a single record can only be retried. */
function halvesOf(batch: Batch): readonly Batch[] {
  const middle = Math.ceil(batch.entries.length / 2);
  const halves = [batch.entries.slice(0, middle), batch.entries.slice(middle)];
  return halves.map((entries) => ({ ...batch, entries, attempts: 0 }));
}

function again(task: Task, verdict: Verdict, { maximumRetryAttempts }: Rules): Decision {
  const tried = { ...task, attempts: task.attempts + 1 };
  if (maximumRetryAttempts === null || tried.attempts <= maximumRetryAttempts) {
    return { ...finished, todo: [tried], progress: false, wait: true };
  }
  const functionError = verdict.kind === "failed" ? verdict.functionError : null;
  return { ...finished, givenUp: { task: tried, reason: { condition: "RetryAttemptsExhausted", functionError } } };
}

const firstBackoffMs = 250;
const longestBackoffMs = 60_000;

/** AWS documents no delays. This doubling gives the 8 invocations within 60 s that were observed there. */
export function backoffMs(failuresInARow: number): number {
  return Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.max(0, failuresInARow - 1));
}
