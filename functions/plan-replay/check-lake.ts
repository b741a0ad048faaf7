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
  const hours = new Set(holes.map((row) => Number(row.hour)));
  const [from, to] = [Math.min(...hours), Math.max(...hours) + HOUR_MS].map((ms) => new Date(ms).toISOString());
  throw new ReplayRequestError(
    `the lake lacks ${missing} records of the archive, of ${hours.size} hours from ${from} to ${to}, and items are made of rows back to there: nothing was written. ` +
      `Put them there first (npm run replay -- --source archive --target curated --from ${from} --to ${to}), then ask for this under another --name. ` +
      "--lake as-it-is makes items of what there is",
  );
}
