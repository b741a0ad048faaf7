/** What a run is judged by, and how a difference is told. */
import type { MetricsPipeline, Pipeline } from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import type { Served } from "./ask-serve.ts";
import type { Found } from "./found.ts";
import type { Expected, Placed } from "./naive/expect.ts";

export interface Outcome {
  readonly definitions: Definitions;
  readonly pipeline: Pipeline;
  readonly metrics: MetricsPipeline;
  readonly placed: readonly Placed[];
  readonly expected: Expected;
  readonly found: Found;
  readonly served: Served;
  readonly alerts: Alerted;
  /** The arrival of the last record. */
  readonly lastMs: number;
  /** The length of the windows by which metrics gather records. */
  readonly tumblingMs: number;
  /** How far from its arrival an event may lie and still have a place in the lake. */
  readonly partitionBounds: { readonly pastMs: number; readonly futureMs: number };
}

/** By their ids, in the order in which it happened. */
export interface Alerted {
  readonly published: readonly string[];
  readonly acted: readonly string[];
  /** What may have kept a function from noting what it had done. */
  readonly interruptions: number;
}

/** Where something differs, what ought to be there, and what is. */
export interface Difference {
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

export type Differences = readonly Difference[];

export function differ(where: string, expected: unknown, found: unknown): Differences {
  const [wanted, got] = [JSON.stringify(expected), JSON.stringify(found)];
  return wanted === got ? [] : [{ where, expected: wanted ?? "nothing", found: got ?? "nothing" }];
}

export function setDifferences(wanted: ReadonlySet<string>, got: ReadonlySet<string>): Differences {
  return [
    ...[...wanted].filter((one) => !got.has(one)).map((one) => ({ where: one, expected: "there", found: "missing" })),
    ...[...got].filter((one) => !wanted.has(one)).map((one) => ({ where: one, expected: "nothing", found: "there" })),
  ];
}
