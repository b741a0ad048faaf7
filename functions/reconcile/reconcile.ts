import type { ReportObjects, Telemetry } from "@millrace/aws";
import type { Finding } from "./finding.ts";
import type { Judgement } from "./judge.ts";
import { judge } from "./judge.ts";
import { type Further, type FurtherQuestion, lookFurther } from "./look-further.ts";
import { messageOf } from "./message.ts";
import { readTables, type Sources, type TablesQuestion } from "./read-tables.ts";
import { type Repair, repairsFor } from "./repairs.ts";
import { reportPage } from "./report-page.ts";
import type { Tables } from "./tables.ts";

export interface Deps extends Sources {
  readonly reports: ReportObjects;
  readonly stack: string;
  /** As in the context of repairs. */
  readonly place: string;
  readonly telemetry: Telemetry;
}

export interface ReconcileTask extends TablesQuestion {
  readonly execution: string;
  /** What was left out, and why. */
  readonly notes: readonly string[];
  readonly thresholdPercent: number;
  /** Where the report goes: a prefix of keys in the lake's bucket. */
  readonly report: string;
  /** What the machine was told to look at before features are repaired; null the first time. */
  readonly further: FurtherQuestion | null;
}

export type ConservedView = Pick<Tables["views"][number], "view" | "entities" | "wholeHistory" | "conserved">;

/** The report as JSON. */
export interface ReconcileReport extends Judgement {
  readonly stack: string;
  readonly place: string;
  readonly execution: string;
  readonly from: string;
  readonly to: string;
  readonly thresholdPercent: number;
  readonly notes: readonly string[];
  readonly repairs: readonly Repair[];
  /** What the lake lacks outside the time, where features are to be repaired. */
  readonly further: readonly Finding[];
  readonly metrics: Tables["metrics"];
  /** Of each view, the entities that were compared, and whether with all that they ever did. */
  readonly conservation: readonly ConservedView[];
  readonly differences: readonly {
    readonly view: string;
    readonly differences: Tables["views"][number]["differences"];
  }[];
}

/** What the machine goes on with. */
export interface ReconcileAnswer {
  readonly holds: boolean;
  /** Whether the lake is to be looked at as far as items reach, before a repair of features is offered. */
  readonly looksFurther: boolean;
  readonly findings: number;
  readonly subject: string;
  readonly message: string;
  /** By which a command that approves the repair finds this machine. */
  readonly place: string;
  /** The inputs of replays that put it right, in their order. */
  readonly repairs: readonly Repair["input"][];
  /** Keys in the lake's bucket. */
  readonly reportJson: string;
  readonly reportHtml: string;
}

/** Reads the tables, judges them, and says so: in a report, in metrics, and in the words of a message. */
export function reconcile(deps: Deps) {
  return async (task: ReconcileTask): Promise<ReconcileAnswer> => {
    const { execution, from, to, thresholdPercent } = task;
    const tables = await readTables(deps, task);
    const judgement = judge(tables, { thresholdPercent });
    const further = task.further === null ? NOTHING_FURTHER : await lookFurther(deps, task.further, tables);
    const repairsFrom = further.canBeWhole ? judgement.findings : judgement.findings.filter(isNoRepairOfFeatures);
    const repairs = repairsFor([...further.findings, ...repairsFrom], { place: deps.place, execution, from, to });
    const notes = [...task.notes, ...noteUnseen(judgement), ...(further.canBeWhole ? [] : [NEVER_WHOLE])];
    const report: ReconcileReport = {
      ...{ stack: deps.stack, place: deps.place, execution, from, to, thresholdPercent, notes },
      ...judgement,
      ...{ repairs, further: further.findings },
      metrics: tables.metrics,
      conservation: tables.views.map(({ view, entities, wholeHistory, conserved }) => ({
        ...{ view, entities, wholeHistory, conserved },
      })),
      differences: tables.views.map(({ view, differences }) => ({ view, differences })),
    };
    const [reportJson, reportHtml] = [`${task.report}report.json`, `${task.report}report.html`];
    await deps.reports.put(reportJson, `${JSON.stringify(report, null, 2)}\n`, "application/json");
    await deps.reports.put(reportHtml, reportPage(report), "text/html; charset=utf-8");
    tell(deps.telemetry, report);
    const { subject, message } = messageOf(report, reportHtml);
    return {
      looksFurther:
        !judgement.holds && task.further === null && repairs.some(({ input }) => input.target === "features"),
      ...{ holds: judgement.holds, findings: judgement.findings.length, subject, message, place: deps.place },
      repairs: repairs.map(({ input }) => input),
      ...{ reportJson, reportHtml },
    };
  };
}

/** That nothing diverges says nothing of these. */
function noteUnseen({ checks }: Judgement): readonly string[] {
  const unseen = checks.filter(({ holds }) => holds === null).map(({ check }) => check);
  return unseen.length === 0 ? [] : [`Nothing was looked at by: ${unseen.join(", ")}.`];
}

const NOTHING_FURTHER: Further = { findings: [], canBeWhole: true };
const NEVER_WHOLE =
  "Features are not repaired: as far back as their windows reach neither the archive nor the lake has records that the ledger counted, and the stream does not keep them any more. A replay with --lake as-it-is makes items without these.";

function isNoRepairOfFeatures({ view }: Finding): boolean {
  return view === undefined;
}

function tell(telemetry: Telemetry, { checks, findings, holds, from, to }: ReconcileReport): void {
  const diverging = findings.filter(({ weight }) => weight === "divergence").length;
  telemetry.batch({
    message: "reconciled",
    counts: { Divergences: diverging, Notes: findings.length - diverging },
    percents: Object.fromEntries(
      checks
        .filter(({ holds: isSeen }) => isSeen !== null)
        .map(({ check, percent }) => [`${check[0]?.toUpperCase()}${check.slice(1)}Drift`, percent]),
    ),
    context: { from, to, holds },
    level: holds ? "info" : "warn",
  });
}
