/** The day of a run, reconciled by the machine of the template as on AWS: started over the run's hours, on its clock, with every entity. */
import { join } from "node:path";
import type { ReconcileAnswer, ReconcileReport } from "../../functions/reconcile/reconcile.ts";
import type { Runtime } from "../../local/runtime.ts";
import type { JsonMap } from "../../local/states/json.ts";

export interface Reconciliation extends Pick<ReconcileReport, "from" | "to" | "holds" | "checks" | "findings"> {
  /** What to do about it; null where nothing is to be repaired. */
  readonly advice: string | null;
  /** The report as a page. */
  readonly page: string;
}

/** For runs in which days pass in seconds: none comes by itself, and each would take its time. */
export const NO_DAILY_RECONCILIATION = { ReconcileSchedule: "cron(0 0 1 1 ? 2199)" };

const HOUR_MS = 3_600_000;
const STEP_MS = 600_000;
/** From the end of the range until the sinks have settled, and the machine's own steps. */
const MOST_STEPS = 1000;

/** Throws when the machine could not look at the day. */
export async function reconcileDay(
  runtime: Runtime,
  { firstMs, lastMs }: { readonly firstMs: number; readonly lastMs: number },
  outName: string,
  // Here a sink is there from the first record on.
  asked: JsonMap = { activeFrom: iso(Math.floor(firstMs / HOUR_MS) * HOUR_MS) },
): Promise<Reconciliation> {
  const machine = runtime.machines.all().find(({ logicalId }) => logicalId === "ReconcileMachine");
  if (machine === undefined) throw new Error("The template has no ReconcileMachine.");
  const [from, to] = [Math.floor(firstMs / HOUR_MS), Math.floor(lastMs / HOUR_MS) + 1].map((hour) =>
    iso(hour * HOUR_MS),
  );
  const input = { from, to, samplePerMille: 1000, wholeHistory: true, thresholdPercent: 0, ...asked };
  const execution = runtime.machines.start(machine, input as JsonMap, "npm-start");
  const judged = () => outputOf(execution.history, "Judge") as ReconcileAnswer | null;
  for (let step = 0; step < MOST_STEPS && execution.status === "RUNNING" && isOpen(judged()); step++) {
    await runtime.advanceTo(runtime.clock.now() + STEP_MS);
  }
  const answer = judged();
  if (answer === null) {
    const { error, cause } = execution.failure ?? { error: execution.status, cause: "it did not come to an end" };
    throw new Error(`The reconciliation of the run failed: ${error}: ${cause}`);
  }
  // Nobody is here to approve a repair.
  if (execution.status === "RUNNING") runtime.machines.stop(execution, "", "");
  const bucket = runtime.physicalId("LakeBucket");
  const text = (await runtime.objects.get(bucket, answer.reportJson)) as Buffer;
  const report = JSON.parse(text.toString()) as ReconcileReport;
  return {
    ...{ from: report.from, to: report.to, holds: report.holds, checks: report.checks, findings: report.findings },
    advice: adviceOn(report.repairs),
    page: join(outName, bucket, answer.reportHtml),
  };
}

/** Before a repair of features is offered the lake is looked at further, and judged again. */
function isOpen(answer: ReconcileAnswer | null): boolean {
  return answer?.looksFurther ?? true;
}

/** The commands of the report would find nothing: the machines that repair end with the run. */
export function adviceOn(repairs: readonly object[]): string | null {
  if (repairs.length === 0) return null;
  return (
    "This run has ended, and the machines that repair have ended with it: mend the cause and run it again. " +
    "On a stack, and under npm run dev, npm run reconcile says what to type."
  );
}

/** Of a state that was left, from an execution's history; null before. */
function outputOf(history: readonly object[], state: string): unknown {
  for (const event of history.toReversed() as readonly Record<string, unknown>[]) {
    const details = event.stateExitedEventDetails as { readonly name?: string; readonly output?: string } | undefined;
    if (details?.name === state) return JSON.parse(details.output ?? "null");
  }
  return null;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
