/** What a task with `.sync` waits for: the job that its call has begun. By the service and operation of the wire; only optimised integrations have it. */
import type { Json, JsonMap } from "./json.ts";
import { unlessAborted } from "./pace.ts";
import type { TaskResource } from "./resource.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";

export interface Job {
  /** Whether there is `.sync:2`, too, which gives the result as JSON and not as text. */
  readonly hasSecondForm: boolean;
  /**
   * Waits for the end of what was begun, by the answer to the call. Resolves with the task's result; throws a StateError when the job has failed.
   * Ends the job and rejects with the signal's reason when the strand's signal is aborted: what is waited for ends with the task.
   */
  result(answer: JsonMap, strand: Strand, form: { readonly parsesOutput: boolean }): Promise<Json>;
}

const execution: Job = {
  hasSecondForm: true,
  async result({ ExecutionArn: arn }, { around, signal }, { parsesOutput }) {
    const child = await around.ended(String(arn), signal);
    if (child.Status !== "SUCCEEDED") throw new StateError("States.TaskFailed", JSON.stringify(child));
    return parsesOutput ? { ...child, Output: JSON.parse(String(child.Output)) as Json } : child;
  },
};

const pollMs = 1000;

const query: Job = {
  hasSecondForm: false,
  async result({ QueryExecutionId: id = "" }, { around, signal, sleep, execution: { machine } }) {
    const call = (operation: string): Promise<Json> =>
      around.pace.call(() => around.wire.call(athena(operation), { QueryExecutionId: id }, `${machine.logicalId}-1`));
    try {
      for (;;) {
        const found = (await unlessAborted(call("GetQueryExecution"), signal)) as JsonMap;
        const { State: state } = (found.QueryExecution as JsonMap).Status as JsonMap;
        if (state === "SUCCEEDED") return found;
        if (state === "FAILED" || state === "CANCELLED")
          throw new StateError("States.TaskFailed", JSON.stringify(found.QueryExecution));
        await sleep(pollMs);
      }
    } catch (error) {
      // A refusal to stop it is nothing that the task, which has ended, could say.
      if (signal.aborted) call("StopQueryExecution").catch(() => {});
      throw error;
    }
  },
};

function athena(operation: string): TaskResource {
  return {
    service: "athena",
    operation,
    pattern: "request",
    parsesOutput: false,
    errorPrefix: "Athena",
    functionArn: null,
  };
}

const jobs: Readonly<Record<string, Job>> = {
  "states:StartExecution": execution,
  "athena:StartQueryExecution": query,
};

/** Null for a call that begins nothing to wait for. */
export function jobOf({ service, operation }: { readonly service: string; readonly operation: string }): Job | null {
  return jobs[`${service}:${operation}`] ?? null;
}
