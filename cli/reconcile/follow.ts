import type { HistoryEvent } from "@aws-sdk/client-sfn";
import type { ReconcileAnswer } from "../../functions/reconcile/reconcile.ts";

/** What an execution's history says by now. */
export interface Followed {
  /** States that were entered, in their order, each once. */
  readonly entered: readonly string[];
  /** What was found; null before. */
  readonly answer: ReconcileAnswer | null;
  /** By which a person can approve the repair; null where nobody is asked. */
  readonly token: string | null;
}

export function followed(history: readonly HistoryEvent[]): Followed {
  const entered = history.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
  const judged = history.findLast(({ stateExitedEventDetails }) => stateExitedEventDetails?.name === "Judge");
  const output = judged?.stateExitedEventDetails?.output;
  const asked = history.findLast(({ taskScheduledEventDetails }) =>
    /--approve /.test(taskScheduledEventDetails?.parameters ?? ""),
  );
  const { Message: message = "" } = JSON.parse(asked?.taskScheduledEventDetails?.parameters ?? "{}") as {
    Message?: string;
  };
  return {
    entered: [...new Set(entered)],
    answer: output === undefined ? null : (JSON.parse(output) as ReconcileAnswer),
    token: /--approve (\S+)/.exec(message)?.[1] ?? null,
  };
}
