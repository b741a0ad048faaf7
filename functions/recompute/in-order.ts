import { inRunsOf, mapAtMost } from "@millrace/aws";
import { addCounts, noCounts } from "./counts.ts";
import type { Finding, RecomputeCounts } from "./task.ts";

/** Entities whose items are read, recomputed and written together, and how many such groups are under way. */
export const ENTITIES_AT_ONCE = 200;
export const GROUPS_AT_ONCE = 2;

export interface Tally {
  readonly counts: RecomputeCounts;
  readonly findings: Finding[];
}

export interface SettledInOrder extends Tally {
  /** Entities, from the first on. */
  readonly settled: number;
}

/**
 * Settles entities group by group until one cannot be: the stream was not read far enough for it. That one and all behind it are the next invocation's,
 * which counts them; what was done to them all the same is counted here.
 */
export async function settleInOrder(
  entities: readonly string[],
  settle: (group: readonly string[], tally: Tally) => Promise<boolean>,
): Promise<SettledInOrder> {
  let isBehind = false;
  const groups = await mapAtMost(GROUPS_AT_ONCE, inRunsOf(ENTITIES_AT_ONCE, entities), async (group) => {
    const tally = { counts: noCounts(), findings: [] };
    const isSettled = !isBehind && (await settle(group, tally));
    isBehind ||= !isSettled;
    return { ...tally, isSettled, size: group.length };
  });
  const end = groups.findIndex(({ isSettled }) => !isSettled);
  const inOrder = end < 0 ? groups : groups.slice(0, end);
  const again = groups.slice(inOrder.length).map(({ counts }) => doneAlready(counts));
  return {
    settled: inOrder.reduce((sum, { size }) => sum + size, 0),
    counts: [...inOrder.map(({ counts }) => counts), ...again].reduce(addCounts, noCounts()),
    findings: inOrder.flatMap(({ findings }) => findings),
  };
}

/** What the next invocation does not do again. */
function doneAlready({ written, conflicts, alerts, refused, readUnits }: RecomputeCounts): RecomputeCounts {
  return { ...noCounts(), written, conflicts, alerts, refused, readUnits };
}
