/** A finished run's page as a file of its own, with its charts and the features of some entities in it. */
import { writeFileSync } from "node:fs";
import { rangeOver } from "@millrace/charts";
import { sentence } from "../../functions/reconcile/message.ts";
import type { Runtime } from "../../local/runtime.ts";
import type { Definitions } from "../definitions.ts";
import type { MetricRows } from "../start/metrics.ts";
import type { Reconciliation } from "../start/reconcile-day.ts";
import type { EntityFeatures } from "../start/table.ts";
import { buildPage } from "./build-page.ts";
import { compose } from "./compose.ts";
import { connectTo } from "./connection.ts";
import { parquetRows, readLakeFiles } from "./lake-files.ts";
import { inWords, readingsOf, withoutVersion } from "./readings.ts";
import type { LookedUp, Snapshot } from "./snapshot.ts";
import { alarmsOf, alertsOf, nextStartsOf } from "./source.ts";

export interface ReportPage {
  readonly runtime: Runtime;
  readonly definitions: Definitions;
  readonly fromMs: number;
  readonly toMs: number;
  /** Those that can be looked up. */
  readonly entities: readonly EntityFeatures[];
  /** The metrics' rows of that time, which the run has read already. */
  readonly rows: MetricRows;
  readonly reconciliation: Reconciliation;
  readonly pathOf: (bucket: string, key: string) => string;
  readonly path: string;
}

export async function writeReportPage({
  runtime,
  definitions,
  fromMs,
  toMs,
  entities,
  rows,
  reconciliation,
  pathOf,
  path,
}: ReportPage): Promise<void> {
  const connection = connectTo(runtime);
  const bucket = runtime.physicalId("LakeBucket");
  const examples = new Map<string, string[]>();
  for (const { view: name, entity } of entities) {
    const view = withoutVersion(name);
    examples.set(view, [...(examples.get(view) ?? []), entity]);
  }
  const snapshot = await compose({
    title: "Millrace: report of npm start",
    about: `${words(fromMs)} to ${words(toMs)} UTC, virtual time`,
    ...{ definitions, connection },
    examples: async () => examples,
    readings: readingsOf(definitions, connection, rows),
    range: rangeOver(fromMs, toMs),
    atMs: toMs,
    alerts: alertsOf(runtime),
    alarms: async () => alarmsOf(runtime),
    nextMs: nextStartsOf(runtime),
    files: () =>
      readLakeFiles({ s3: connection.s3, bucket, prefixes: [""], rowsIn: parquetRows((key) => pathOf(bucket, key)) }),
  });
  connection.close();
  const lookedUp = entities.map(({ view, entity, features }): LookedUp => {
    const values = Object.entries(features).map(([name, value]) => [name, inWords(value)] as const);
    return { view: withoutVersion(view), entity, seen: true, asOfMs: toMs, lastArrivalMs: null, features: values };
  });
  writeFileSync(
    path,
    await buildPage({ snapshot: { ...snapshot, reconciliation: toReconciled(reconciliation) }, lookedUp }),
  );
}

function words(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}

function toReconciled({ holds, checks, findings, advice }: Reconciliation): Snapshot["reconciliation"] {
  return {
    holds,
    checks: checks
      .filter(({ holds }) => holds !== null)
      .map(({ holds, promise, compared, diverging }) => ({ holds: holds === true, promise, compared, diverging })),
    findings: findings.filter(({ weight }) => weight === "divergence").map(sentence),
    advice,
  };
}
