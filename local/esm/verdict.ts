/**
 * What an invocation means for its batch. With ReportBatchItemFailures the lowest reported sequence number is a checkpoint: all
 * before it is done, it and all after it come again.
 */
import type { Invocation } from "../lambda/host.ts";
import type { Entry } from "./records.ts";

export type Verdict =
  | { readonly kind: "done" }
  /** The function did not run: tried again, and not counted as an attempt. */
  | { readonly kind: "throttled" }
  /** `from` is the index of the first record that failed; above 0 there was progress. */
  | { readonly kind: "partial"; readonly from: number }
  /** The whole batch failed: by an error, or by an answer that AWS takes as one. */
  | { readonly kind: "failed"; readonly functionError: "Unhandled" | null };

export function judge(invocation: Invocation, batch: readonly Entry[], reportsItemFailures: boolean): Verdict {
  if (invocation.kind === "error") {
    const throttled = invocation.errorType === "TooManyRequestsException";
    return throttled ? { kind: "throttled" } : { kind: "failed", functionError: "Unhandled" };
  }
  if (!reportsItemFailures) return { kind: "done" };
  const answer = invocation.payload;
  const isEmpty = answer === null || answer === "" || (typeof answer === "object" && Object.keys(answer).length === 0);
  if (isEmpty) return { kind: "done" };

  const failures =
    typeof answer === "object" ? (answer as { batchItemFailures?: unknown }).batchItemFailures : undefined;
  if (failures === null) return { kind: "done" };
  if (!Array.isArray(failures)) return { kind: "failed", functionError: null };
  if (failures.length === 0) return { kind: "done" };
  const indices = new Map<unknown, number>(batch.map(({ record }, at) => [record.sequenceNumber, at]));
  // The batch is in the order of sequence numbers, so the lowest index is the lowest number. -1: not of this batch.
  const reported = failures.map((failure: unknown) => indices.get(identifierOf(failure)) ?? -1);
  const from = reported.reduce((lowest, index) => Math.min(lowest, index));
  return from === -1 ? { kind: "failed", functionError: null } : { kind: "partial", from };
}

function identifierOf(failure: unknown): unknown {
  return ((failure ?? {}) as { itemIdentifier?: unknown }).itemIdentifier;
}
