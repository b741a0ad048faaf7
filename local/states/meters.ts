/** What AWS/States says about a machine, by its executions. Those of a Map Run are not counted: they are none of their own. */
import type { Metrics } from "../cloudwatch/metrics.ts";
import type { Execution } from "./execution.ts";

const endMetrics = {
  ExecutionsSucceeded: "SUCCEEDED",
  ExecutionsFailed: "FAILED",
  ExecutionsTimedOut: "TIMED_OUT",
  ExecutionsAborted: "ABORTED",
} as const;

export interface ExecutionMeters {
  started(execution: Execution): void;
  ended(execution: Execution): void;
}

export function executionMeters(metrics: Metrics): ExecutionMeters {
  const count = ({ machine, mapRun }: Execution, name: string, value: number, unit = "Count"): void => {
    if (mapRun !== null) return;
    metrics.meter({ namespace: "AWS/States", name, dimensions: { StateMachineArn: machine.arn } }, unit)(value);
  };
  return {
    started: (execution) => count(execution, "ExecutionsStarted", 1),
    ended(execution) {
      const { status, startMs, stopMs } = execution;
      for (const [name, of] of Object.entries(endMetrics)) count(execution, name, status === of ? 1 : 0);
      count(execution, "ExecutionTime", (stopMs ?? startMs) - startMs, "Milliseconds");
    },
  };
}
