import type { ReplayRequest, Returned, Wanted } from "@millrace/aws";

/**
 * What update-features never said: of the records of a batch that it gave up, and of errors of Firehose that quarantine does not know. A verdict
 * follows from the record alone, so it is the one that update-features would have put. It is the first attempt, however often it is put: readers take each
 * position once, and what a later attempt said stands above it.
 */
export function firstVerdicts(
  { source }: Pick<ReplayRequest, "source">,
  wanted: readonly Wanted[],
): readonly Returned[] {
  return wanted.flatMap(({ decoded, unjudged = false }) =>
    decoded.kind === "rejection" && (unjudged || source === "failed") ? [{ ...decoded.rejection, attempt: 1 }] : [],
  );
}
