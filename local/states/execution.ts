/** One execution as it is remembered: where each of its strands stands, and what has happened. */
import { uuidOf } from "../uuid.ts";
import type { Definition } from "./definition.ts";
import { bytesOf, type Json, type JsonMap, tooLarge } from "./json.ts";
import type { MapRun } from "./map-run.ts";
import { StateError } from "./state-error.ts";

export interface Machine {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** Only the children of a distributed Map can be Express here. */
  readonly type: "STANDARD" | "EXPRESS";
  readonly roleArn: string;
  readonly definition: Definition;
  readonly definitionText: string;
  readonly createdMs: number;
}

export function regionOf({ arn }: Machine): string {
  return arn.split(":")[3] ?? "";
}

export type Status = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly type: string;
  readonly [details: string]: unknown;
}

/** Where a list of states stands; a redrive goes on from here. */
export interface Progress {
  state: string;
  input: Json;
  variables: JsonMap;
  /** Of its own variables, those of outside left out. */
  readonly variableBytes: Map<string, number>;
  done: { readonly output: Json } | null;
  /** Of the branches or items of the present state; null for an item that has not begun. */
  inner: (Progress | null)[] | null;
  /** Of the present state, where it is a distributed Map. */
  mapRun: MapRun | null;
}

export interface Execution {
  readonly arn: string;
  readonly name: string;
  readonly machine: Machine;
  readonly input: Json;
  /** That it is a child of. */
  readonly mapRun: MapRun | null;
  readonly startMs: number;
  progress: Progress;
  readonly history: HistoryEvent[];
  readonly redrivenMs: number[];
  status: Status;
  stopMs: number | null;
  output: Json | undefined;
  failure: { readonly error: string; readonly cause: string } | null;
  end: (reason: Error) => void;
  /** So that what is drawn differs each time and is the same in each run. */
  draws: number;
}

export const historyLimit = 25_000;

/** A line of events: each names the one before it on the same strand. */
export interface Trail {
  last: number;
}

export function record(execution: Execution, trail: Trail, nowMs: number, type: string, details: object = {}): void {
  const { history } = execution;
  const isLast = history.length === historyLimit - 1 && !type.startsWith("Execution");
  if (isLast || history.length >= historyLimit) {
    const cause = `The execution reached the maximum number of history events (${historyLimit}).`;
    throw new StateError("States.Runtime", cause, { isFatal: true });
  }
  const id = history.length + 1;
  history.push({ timestamp: nowMs / 1000, type, id, previousEventId: trail.last, ...details });
  trail.last = id;
}

export function progressFrom(state: string, input: Json, variables: JsonMap = {}): Progress {
  return { state, input, variables, variableBytes: new Map(), done: null, inner: null, mapRun: null };
}

const variablesLimitBytes = 10 * 1024 * 1024;

/** Takes new values of variables, which live as long as their scope. Throws States.DataLimitExceeded when the execution has too much of them. */
export function assign(execution: Execution, progress: Progress, assigned: JsonMap): void {
  // Most states assign nothing, and the sum walks all of the execution.
  if (Object.keys(assigned).length === 0) return;
  const had = new Map(progress.variableBytes);
  for (const [name, value] of Object.entries(assigned)) progress.variableBytes.set(name, bytesOf(value));
  const sizeBytes = storedBytes(execution.progress);
  if (sizeBytes > variablesLimitBytes) {
    for (const name of Object.keys(assigned)) progress.variableBytes.delete(name);
    for (const [name, bytes] of had) progress.variableBytes.set(name, bytes);
    throw tooLarge("The variables of an execution together", sizeBytes, variablesLimitBytes);
  }
  progress.variables = { ...progress.variables, ...assigned };
}

function storedBytes({ variableBytes, inner }: Progress): number {
  let sum = 0;
  for (const bytes of variableBytes.values()) sum += bytes;
  for (const one of inner ?? []) if (one !== null && one.done === null) sum += storedBytes(one);
  return sum;
}

export function drawUuid(execution: Execution, seed: number, what: string): string {
  return uuidOf(seed, what, execution.arn, ++execution.draws);
}
