/**
 * Query executions on the runtime's clock: queued, running, then succeeded, failed or cancelled. What a query reads is what lies in the buckets when it
 * begins to run; what it writes appears when it ends, after a modelled time.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Principal } from "../iam/access.ts";
import type { ObjectStore } from "../s3/store.ts";
import { uuidOf } from "../uuid.ts";
import type { Outcome, QueryEngine } from "./query-engine.ts";
import { QueryError, queryErrorOf } from "./query-error.ts";
import { toCsv } from "./result-set.ts";
import { isUnload } from "./unload.ts";
import type { WorkGroup } from "./work-groups.ts";

export interface QueryInput {
  readonly sql: string;
  readonly database: string;
  readonly catalog: string;
  readonly workGroup: WorkGroup;
  /** Ends in a slash. */
  readonly outputLocation: string;
  readonly principal: Principal;
}

export interface QueryExecution extends QueryInput {
  readonly id: string;
  readonly submittedMs: number;
  readonly isUnload: boolean;
  state: "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";
  reason: string | null;
  /** Of Athena's categories: 1 is its own fault, 2 the user's. */
  errorCategory: number | null;
  startedMs: number | null;
  completedMs: number | null;
  outcome: Outcome | null;
}

export interface Executions {
  start(input: QueryInput): QueryExecution;
  find(id: string): QueryExecution | undefined;
  /** The newest first. */
  all(): readonly QueryExecution[];
  /** Does nothing to one that has ended. */
  stop(execution: QueryExecution): void;
}

export interface ExecutionsOptions {
  readonly clock: Clock;
  readonly seed: number;
  readonly engine: QueryEngine;
  readonly objects: ObjectStore;
}

/** The model of a query's time. */
export const QUEUE_MS = 150;
export const START_MS = 850;
export const SCANNED_BYTES_PER_MS = 100_000;

export function createExecutions({ clock, seed, engine, objects }: ExecutionsOptions): Executions {
  const executions: QueryExecution[] = [];
  const timers = new Map<QueryExecution, Timer>();

  const end = (execution: QueryExecution, state: QueryExecution["state"], error: QueryError | null = null): void => {
    timers.delete(execution);
    execution.state = state;
    execution.completedMs = clock.now();
    if (error === null) return;
    execution.reason = error.message;
    execution.errorCategory = error.code === "GENERIC_INTERNAL_ERROR" ? 1 : 2;
  };
  const has = (execution: QueryExecution, state: QueryExecution["state"]): boolean => execution.state === state;
  const run = async (execution: QueryExecution): Promise<void> => {
    execution.state = "RUNNING";
    execution.startedMs = clock.now();
    const { id, sql, database, principal, workGroup } = execution;
    let failure: QueryError | null = null;
    try {
      demandOutput(execution);
      const scanLimitBytes = workGroup.scanLimitBytes;
      execution.outcome = await engine.run({ id, sql, database, principal, nowMs: clock.now(), scanLimitBytes });
    } catch (error) {
      failure = queryErrorOf(error);
    }
    if (!has(execution, "RUNNING")) return;
    const tookMs = START_MS + Math.ceil((execution.outcome?.scannedBytes ?? 0) / SCANNED_BYTES_PER_MS);
    timers.set(
      execution,
      clock.at(execution.startedMs + tookMs, async () => {
        if (failure === null) {
          try {
            await putResults(execution);
            // From now on they lie in the bucket.
            if (execution.outcome !== null) execution.outcome = { ...execution.outcome, rows: [], written: null };
          } catch (error) {
            failure = queryErrorOf(error);
          }
        }
        if (has(execution, "RUNNING")) end(execution, failure === null ? "SUCCEEDED" : "FAILED", failure);
      }),
    );
  };
  const putResults = async ({ id, outcome, outputLocation, principal }: QueryExecution): Promise<void> => {
    if (outcome === null) return;
    const { columns, rows, written } = outcome;
    const put = async (bucket: string, key: string, body: Buffer): Promise<void> => {
      const object = `arn:aws:s3:::${bucket}/${key}`;
      principal.demand("s3:PutObject", object);
      // Large objects go up in parts, which is why AWS's documentation wants these as well.
      for (const action of ["AbortMultipartUpload", "ListMultipartUploadParts"])
        principal.refusal(`s3:${action}`, object);
      await objects.put(bucket, key, body);
    };
    const { bucket, prefix } = placeOf(outputLocation);
    if (written === null) {
      const header = columns.map(({ name }) => name);
      return put(bucket, `${prefix}${id}.csv`, Buffer.from(toCsv([header, ...rows])));
    }
    for (const object of written) await put(object.bucket, object.key, object.body);
    const manifest = written.map((object) => `s3://${object.bucket}/${object.key}\n`).join("");
    await put(bucket, `${prefix}${id}-manifest.csv`, Buffer.from(manifest));
  };

  return {
    start(input) {
      const execution: QueryExecution = {
        ...input,
        id: uuidOf(seed, "query", executions.length + 1),
        submittedMs: clock.now(),
        isUnload: isUnload(input.sql),
        state: "QUEUED",
        reason: null,
        errorCategory: null,
        startedMs: null,
        completedMs: null,
        outcome: null,
      };
      executions.push(execution);
      timers.set(
        execution,
        clock.at(clock.now() + QUEUE_MS, () => run(execution)),
      );
      return execution;
    },
    find: (id) => executions.find((execution) => execution.id === id),
    all: () => executions.toReversed(),
    stop(execution) {
      if (execution.completedMs !== null) return;
      const timer = timers.get(execution);
      if (timer !== undefined) clock.cancel(timer);
      if (execution.state === "RUNNING" && execution.outcome === null) engine.interrupt();
      end(execution, "CANCELLED", new QueryError("Query cancelled", "by StopQueryExecution"));
    },
  };
}

export function placeOf(outputLocation: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(outputLocation) ?? [];
  return { bucket, prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/` };
}

function demandOutput({ principal, outputLocation }: QueryExecution): void {
  const bucket = `arn:aws:s3:::${placeOf(outputLocation).bucket}`;
  principal.demand("s3:GetBucketLocation", bucket);
  for (const action of ["ListBucket", "ListBucketMultipartUploads"]) principal.refusal(`s3:${action}`, bucket);
}
