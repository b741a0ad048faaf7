/**
 * What an invocation means for its batch. With ReportBatchItemFailures the lowest reported sequence number is a checkpoint: all
 * before it is done, it and all after it come again. With a tumbling window an answer must bring the window's state.
 */
import type { Invocation } from "../lambda/host.ts";
import type { Entry } from "./records.ts";

/** The state of an answer in a tumbling window; null outside of one. */
type State = object | null;

export type Verdict =
  | { readonly kind: "done"; readonly state: State }
  /** The function did not run: tried again, and not counted as an attempt. */
  | { readonly kind: "throttled" }
  /** `from` is the index of the first record that failed; above 0 there was progress. */
  | { readonly kind: "partial"; readonly from: number; readonly state: State }
  /** The whole batch failed: by an error, or by an answer that AWS takes as one. */
  | { readonly kind: "failed"; readonly functionError: "Unhandled" | null };

export interface Expected {
  readonly itemFailures: boolean;
  readonly state: boolean;
}

export function judge(invocation: Invocation, batch: readonly Entry[], expected: Expected): Verdict {
  if (invocation.kind === "error") {
    const throttled = invocation.errorType === "TooManyRequestsException";
    return throttled ? { kind: "throttled" } : { kind: "failed", functionError: "Unhandled" };
  }
  const answer = invocation.payload;
  const state = expected.state ? stateOf(answer) : null;
  if (expected.state && state === null) return { kind: "failed", functionError: null };
  if (!expected.itemFailures) return { kind: "done", state };
  const isEmpty = answer === null || answer === "" || (typeof answer === "object" && Object.keys(answer).length === 0);
  if (isEmpty) return { kind: "done", state };

  const failures =
    typeof answer === "object" ? (answer as { batchItemFailures?: unknown }).batchItemFailures : undefined;
  // Beside a state the list may be left out; alone, an answer without it is not one.
  if (failures === null || (failures === undefined && expected.state)) return { kind: "done", state };
  if (!Array.isArray(failures)) return { kind: "failed", functionError: null };
  if (failures.length === 0) return { kind: "done", state };
  // Reversed, because the inner records of an aggregate share its number: the first of them counts.
  const indices = new Map<unknown, number>(batch.map(({ identifier }, at) => [identifier, at] as const).toReversed());
  // The batch is in the order of sequence numbers, so the lowest index is the lowest number. -1: not of this batch.
  const reported = failures.map((failure: unknown) => indices.get(identifierOf(failure)) ?? -1);
  const from = reported.reduce((lowest, index) => Math.min(lowest, index));
  return from === -1 ? { kind: "failed", functionError: null } : { kind: "partial", from, state };
}

function identifierOf(failure: unknown): unknown {
  return ((failure ?? {}) as { itemIdentifier?: unknown }).itemIdentifier;
}

function stateOf(answer: unknown): State {
  const { state } = (answer ?? {}) as { state?: unknown };
  return typeof state === "object" && !Array.isArray(state) ? state : null;
}
