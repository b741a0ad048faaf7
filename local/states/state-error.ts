/** What can go wrong in a state, by the names that Retry and Catch know. */
export class StateError extends Error {
  readonly error: string;
  override readonly cause: string;
  /** Ends the execution whatever is caught: its history is full. */
  readonly isFatal: boolean;

  constructor(error: string, cause: string, { isFatal = false }: { readonly isFatal?: boolean } = {}) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
    this.isFatal = isFatal;
  }
}

/** An execution that was stopped from outside, or a branch whose sibling has failed: nothing catches it. */
export class Aborted extends Error {}

const beyondAll = new Set(["States.DataLimitExceeded", "States.Runtime"]);

/** Whether an `ErrorEquals` names the error. States.ALL leaves out what a retry could not mend. */
export function names(errorEquals: readonly string[], { error, isFatal }: StateError): boolean {
  if (isFatal) return false;
  return errorEquals.some(
    (name) =>
      name === error ||
      (name === "States.ALL" && !beyondAll.has(error)) ||
      (name === "States.TaskFailed" && error !== "States.Timeout" && !beyondAll.has(error)),
  );
}
