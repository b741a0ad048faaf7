import type { RecomputeCounts } from "./task.ts";

export function noCounts(): RecomputeCounts {
  const items = { written: 0, unchanged: 0, fewer: 0, tooLarge: 0, stale: 0 };
  const writes = { conflicts: 0, alerts: 0, refused: 0 };
  const counted = { matching: 0, applied: 0, duplicates: 0, unaccounted: 0 };
  const quarantined = { outOfHorizon: 0, overLimit: 0, outOfOrder: 0 };
  const compared = { expired: 0, equal: 0, different: 0, missing: 0, rowless: 0, older: 0 };
  return {
    rows: 0,
    recent: 0,
    tail: 0,
    streamed: 0,
    entities: 0,
    beyond: 0,
    readUnits: 0,
    writeUnits: 0,
    ...items,
    ...writes,
    ...compared,
    ...counted,
    ...quarantined,
  };
}

/** What every slice of a bucket reads is counted once. */
const READ_BY_EACH = new Set(["rows", "recent", "tail"]);

export function addCounts(before: RecomputeCounts, slice: RecomputeCounts): RecomputeCounts {
  const sums = Object.entries(slice).map(([name, count]) => {
    const known = before[name as keyof RecomputeCounts];
    return [name, READ_BY_EACH.has(name) ? Math.max(known, count) : known + count];
  });
  return Object.fromEntries(sums) as unknown as RecomputeCounts;
}
