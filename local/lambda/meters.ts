/** What AWS/Lambda says about a function, by its invocations. A metric that counts says 0 as well, as on AWS: so a quiet minute differs from a good one. */
import type { Metrics } from "../cloudwatch/metrics.ts";
import type { Invocation } from "./host.ts";

export interface FunctionMeters {
  /** Gives the invocation back. */
  finished(invocation: Invocation): Invocation;
}

export function functionMeters(metrics: Metrics, functionName: string): FunctionMeters {
  const meter = (name: string, unit: string) =>
    metrics.meter({ namespace: "AWS/Lambda", name, dimensions: { FunctionName: functionName } }, unit);
  const invocations = meter("Invocations", "Count");
  const errors = meter("Errors", "Count");
  const throttles = meter("Throttles", "Count");
  const duration = meter("Duration", "Milliseconds");
  return {
    finished(invocation) {
      const failed = invocation.kind === "error";
      const throttled = failed && invocation.errorType === "TooManyRequestsException";
      throttles(throttled ? 1 : 0);
      // A throttled or oversize request runs nothing.
      if (throttled || (failed && invocation.errorType === "RequestEntityTooLargeException")) return invocation;
      invocations(1);
      errors(failed ? 1 : 0);
      duration(invocation.durationMs);
      return invocation;
    },
  };
}
