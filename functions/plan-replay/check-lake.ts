import { allRows, type ReplayPlan, ReplayRequestError, type RowObjects } from "@millrace/aws";
import type { SinkRow } from "@millrace/lake";

export interface CheckDeps {
  readonly rows: RowObjects;
}

const HOUR_MS = 3_600_000;

/**
 * Before items are written over: rows that the lake lacks would be gone from items that have them. Throws a ReplayRequestError that says what brings
 * these rows back.
 */
export async function checkLake({ rows }: CheckDeps, sinksPrefix: string): Promise<ReplayPlan> {
  const holes = (await allRows<SinkRow>(rows, sinksPrefix)).filter((row) => Number(row.missing) > 0);
  if (holes.length === 0) return { kind: "whole" };
  const missing = holes.reduce((sum, row) => sum + Number(row.missing), 0);
  const { from, to, hours } = timeOf(holes);
  const commands = [
    ...commandFor(
      "archive",
      holes.filter((row) => Number(row.missing) > Number(row.refused)),
    ),
    ...commandFor(
      "errors",
      holes.filter((row) => Number(row.refused) > 0),
    ),
  ];
  throw new ReplayRequestError(
    `the lake lacks ${missing} records of the archive, of ${hours} hours from ${from} to ${to}, and items are made of rows back to there: nothing was written. ` +
      `Put them there first (${commands.join("; then ")}), then ask for this under another --name. ` +
      "--lake as-it-is makes items of what there is",
  );
}

/** Of what Firehose kept as errors events get their rows, and what is no event its verdict. */
function commandFor(source: "archive" | "errors", holes: readonly SinkRow[]): readonly string[] {
  if (holes.length === 0) return [];
  const { from, to } = timeOf(holes);
  return [`npm run replay -- --source ${source} --target curated --from ${from} --to ${to}`];
}

function timeOf(holes: readonly SinkRow[]): { readonly from: string; readonly to: string; readonly hours: number } {
  const hours = new Set(holes.map((row) => Number(row.hour)));
  const [from, to] = [Math.min(...hours), Math.max(...hours) + HOUR_MS].map((ms) => new Date(ms).toISOString()) as [
    string,
    string,
  ];
  return { from, to, hours: hours.size };
}
