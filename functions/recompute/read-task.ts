import { isRate } from "@millrace/aws";
import { MOST_BUCKETS } from "@millrace/lake";
import type { RecomputeTask } from "./task.ts";

/** What a state machine handed over, or a TypeError that names the field: a wrong task would recompute from nothing. */
export function readTask(input: unknown): RecomputeTask {
  const task = input as { readonly [field: string]: unknown } | null;
  const demand = (field: string, expected: string, holds: (value: unknown) => boolean): void => {
    const value = task?.[field];
    if (holds(value)) return;
    throw new TypeError(`recompute: expected ${field} to be ${expected}, got ${JSON.stringify(value)?.slice(0, 100)}`);
  };
  const isWhole = (value: unknown) => Number.isSafeInteger(value);
  const isPrefix = (value: unknown) => typeof value === "string" && value.endsWith("/");
  demand("view", "the name of a view", (value) => typeof value === "string");
  demand("mode", '"compare" or "write"', (value) => value === "compare" || value === "write");
  demand("rowsPrefix", 'a prefix that ends in "/"', isPrefix);
  demand("resultPrefix", 'a prefix that ends in "/"', isPrefix);
  demand(
    "buckets",
    `from 1 to ${MOST_BUCKETS}`,
    (value) => isWhole(value) && 1 <= Number(value) && Number(value) <= MOST_BUCKETS,
  );
  demand(
    "bucket",
    "the number of a bucket",
    (value) => isWhole(value) && 0 <= Number(value) && Number(value) < Number(task?.buckets),
  );
  demand("settledUntil", "a time, ISO 8601", isTime);
  demand("unloadedAt", "a time, ISO 8601, or left out", (value) => value === undefined || isTime(value));
  demand("historyFrom", "a time, ISO 8601, or null", (value) => value === null || isTime(value));
  demand("since", "a time, ISO 8601, or left out", (value) => value === undefined || isTime(value));
  demand("itemsPrefix", 'a prefix that ends in "/", or left out', (value) => value === undefined || isPrefix(value));
  demand("tailPrefix", 'a prefix that ends in "/", or left out', (value) => value === undefined || isPrefix(value));
  demand("among", "names, or from and to, or left out", isAmong);
  demand("raiseTo", '"latest" or positions', isRaise);
  demand("pacing", "execution, rowsPerSecond and workers, or left out", isPacing);
  demand("progress", "what the invocation before answered, or null", isProgress);
  demand("fewer", '"write", or left out', (value) => value === undefined || value === "write");
  return input as RecomputeTask;
}

function isTime(value: unknown): boolean {
  return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function isAmong(value: unknown): boolean {
  if (value === undefined) return true;
  if (Array.isArray(value)) return value.every((one) => typeof one === "string");
  const time = value as { readonly [field: string]: unknown } | null;
  return isTime(time?.from) && isTime(time?.to);
}

function isRaise(value: unknown): boolean {
  if (value === undefined || value === "latest") return true;
  return Array.isArray(value) && value.every(isPosition);
}

function isPacing(value: unknown): boolean {
  if (value === undefined) return true;
  const { execution, rowsPerSecond, workers } = (value ?? {}) as { readonly [field: string]: unknown };
  return typeof execution === "string" && (rowsPerSecond === null || isRate(rowsPerSecond)) && isRate(workers);
}

function isProgress(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  const { after, counts, findings } = value as { readonly [field: string]: unknown };
  return (after === null || typeof after === "string") && typeof counts === "object" && typeof findings === "object";
}

function isPosition(value: unknown): boolean {
  const position = value as { readonly [field: string]: unknown } | null;
  return (
    typeof position?.shard === "string" &&
    typeof position.sequence === "string" &&
    /^\d+$/.test(position.sequence) &&
    Number.isSafeInteger(position.subSequence)
  );
}
