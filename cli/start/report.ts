/** What a run has to say, as data: `--json` prints it, `report.json` keeps it, `print-report.ts` says it to people. */
import type { FeatureValue } from "@millrace/engine";
import type { FaultCounts } from "../../local/faults/catalogue.ts";
import type { AlarmFigures } from "./alarms.ts";
import type { Check, ViewAccount } from "./conservation.ts";
import type { NotPut, Throttled } from "./feed.ts";
import type { FunctionErrors } from "./function-errors.ts";
import type { Lateness } from "./lateness.ts";
import type { MetricAccount } from "./metrics.ts";
import type { Reconciliation } from "./reconcile-day.ts";

export interface Report {
  /** Every record of the source is on the stream, and everything adds up. */
  readonly ok: boolean;
  readonly source: Source;
  readonly stream: StreamFigures;
  readonly throttled: Throttled;
  /** All records that are in no sink because the stream does not take them. */
  readonly notPut: readonly NotPut[];
  readonly views: readonly ViewAccount[];
  readonly redeliveries: Redeliveries;
  /** Those injected, by name; null without --faults. */
  readonly faults: FaultCounts | null;
  readonly functionErrors: readonly FunctionErrors[];
  readonly checks: readonly Check[];
  /** What the daily reconciliation says of the run's hours, all entities included. */
  readonly reconciliation: Reconciliation;
  readonly metrics: readonly MetricAccount[];
  readonly lake: readonly LakePart[];
  readonly quarantine: Quarantine;
  readonly lateness: Lateness;
  readonly alarms: AlarmFigures;
  /** As of this moment of the run's clock. */
  readonly asOf: string;
  readonly examples: readonly Example[];
  /** Of the features. */
  readonly table: TableFigures;
  readonly metricsTable: TableFigures;
  /** The only part that differs between two runs of the same seed and input. */
  readonly speed: Speed;
  readonly files: Files;
  /** The template's parameters that this run set, and why the defaults were not kept. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What the template asks for and this machine does not do. */
  readonly notSimulated: readonly string[];
}

export type Source =
  | { readonly kind: "sample-day"; readonly seed: number; readonly events: number }
  | { readonly kind: "files"; readonly files: readonly string[]; readonly map: string | null; readonly order: string };

export interface StreamFigures {
  readonly records: number;
  readonly shards: number;
  readonly firstArrival: string;
  readonly lastArrival: string;
}

export interface Redeliveries {
  /** Batches that a function was given again, and the records in them. */
  readonly batches: number;
  readonly records: number;
}

export interface LakePart {
  readonly name: string;
  readonly folder: string;
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface Quarantine {
  /** Distinct records by reason, over all views. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first of them, with where they stood when they came from a file. */
  readonly first: readonly QuarantinedRecord[];
  readonly records: number;
}

export interface QuarantinedRecord {
  readonly reason: string;
  readonly detail: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly position: string;
}

export interface Example {
  readonly view: string;
  readonly entity: string;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

export interface TableFigures {
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly writeUnitsPerEvent: number;
  readonly requestsPerEvent: number;
}

export interface Speed {
  readonly startSeconds: number;
  readonly runSeconds: number;
  readonly reportSeconds: number;
  /** Over the run, from the first record put to the last object written. */
  readonly eventsPerSecond: number;
}

export interface Files {
  readonly features: string;
  /** The dashboard of the run, to open in a browser. */
  readonly page: string;
  readonly report: string;
  /** Every quarantined record with its reason, and its file and line when it came from a file. */
  readonly quarantined: string;
  readonly raw: string;
  readonly lake: string;
  readonly failed: string;
  readonly logs: string;
  /** What to type to look at the lake. */
  readonly query: string;
}
