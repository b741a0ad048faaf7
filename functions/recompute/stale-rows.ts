import type { LakeStamps } from "@millrace/aws";
import type { RecomputeTask } from "./task.ts";

/** Files of a replay are kept for 45 days. Without its rows a bucket would look as if there were nothing to do. */
export const MOST_ROWS_AGE_MS = 40 * 86_400_000;

export class RowsGoneError extends Error {
  override readonly name = "RowsGoneError";
}

/** Throws a RowsGoneError where the rows' files may be gone. */
export function refuseOldRows({ view, unloadedAt }: RecomputeTask, nowMs: number): void {
  if (unloadedAt === undefined || nowMs - Date.parse(unloadedAt) <= MOST_ROWS_AGE_MS) return;
  throw new RowsGoneError(
    `the rows of ${view} were read at ${unloadedAt}, more than 40 days ago, and files are forgotten after 45: ask again under another --name`,
  );
}

/**
 * Whether another replay has put rows since these were read. Asked after the items were read: whoever has written newer ones by then has
 * stamped before, and whoever does later changes the version that they are written over.
 */
export async function areStale(
  stamps: Pick<LakeStamps, "lastOfOthers">,
  { mode, unloadedAt, pacing }: RecomputeTask,
): Promise<boolean> {
  if (mode === "compare" || unloadedAt === undefined) return false;
  const { changedMs } = await stamps.lastOfOthers(pacing?.execution ?? "");
  return changedMs > Date.parse(unloadedAt);
}
