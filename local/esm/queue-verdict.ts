/**
 * What an invocation means for messages of a queue. Unlike a stream's, the reported failures are a set: they come again, all others are
 * deleted. An answer that cannot be read, or that names an unknown message, fails all.
 */
import type { Invocation } from "../lambda/host.ts";

/** The ids of the messages that failed. */
export function failedOf(
  invocation: Invocation,
  ids: readonly string[],
  reportsItemFailures: boolean,
): ReadonlySet<string> {
  if (invocation.kind === "error") return new Set(ids);
  if (!reportsItemFailures) return new Set();
  const answer = invocation.payload;
  if (answer === null || answer === "" || (typeof answer === "object" && Object.keys(answer).length === 0))
    return new Set();
  const failures = (answer as { readonly batchItemFailures?: unknown }).batchItemFailures;
  if (failures === null) return new Set();
  if (!Array.isArray(failures)) return new Set(ids);
  const reported = failures.map((failure: unknown) => ((failure ?? {}) as { itemIdentifier?: unknown }).itemIdentifier);
  return reported.every((id) => ids.includes(String(id)) && typeof id === "string")
    ? new Set(reported as string[])
    : new Set(ids);
}
