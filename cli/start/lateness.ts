/** How late events were, from the lake: the figures with which a team chooses its allowed lateness. */
import type { Features } from "@millrace/engine";
import { quoteName } from "@millrace/lake";
import type { Lake } from "./lake.ts";

export interface Lateness {
  readonly allowedMs: number;
  /** Events whose time is known: accepted ones and those that were too late. */
  readonly events: number;
  /** Accepted although they arrived a second or more after they happened. */
  readonly acceptedLate: number;
  readonly tooLate: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly greatestMs: number;
  /** The least round value that would have kept 99.9 % of the events. */
  readonly recommendedMs: number;
}

/** Clocks and networks are never better than this: below it nothing is called late. */
const LATE_FROM_MS = 1_000;
const KEPT_SHARE = 0.999;

/**
 * Accepted events from the lake, one row each; those that were too late from quarantine, because a row far behind its arrival has
 * no partition in the lake. Quarantine says by how much.
 */
export async function measureLateness(lake: Lake, features: Features, timeColumn: string): Promise<Lateness> {
  const delay = `greatest(0, epoch_ms(_arrival) - epoch_ms(${quoteName(timeColumn)}))`;
  const row = await lake.counts(`
    SELECT count(*) AS events,
      count(*) FILTER (accepted AND delay >= ${LATE_FROM_MS}) AS accepted_late,
      count(*) FILTER (NOT accepted) AS too_late,
      quantile_disc(delay, 0.5) AS p50, quantile_disc(delay, 0.95) AS p95, quantile_disc(delay, 0.99) AS p99,
      quantile_disc(delay, ${KEPT_SHARE}) AS kept, max(delay) AS greatest
    FROM (
      SELECT true AS accepted, ${delay} AS delay FROM curated WHERE _verdict = 'accepted'
      UNION ALL
      SELECT false AS accepted, any_value(regexp_extract(detail, '([0-9]+) ms before', 1)::BIGINT) AS delay
      FROM quarantine WHERE reason = 'too_late' GROUP BY shard, sequence, subSequence)`);
  const { events = 0, accepted_late = 0, too_late = 0, p50 = 0, p95 = 0, p99 = 0, kept = 0, greatest = 0 } = row;
  return {
    allowedMs: features.allowedLatenessMs,
    events,
    acceptedLate: accepted_late,
    tooLate: too_late,
    p50Ms: p50,
    p95Ms: p95,
    p99Ms: p99,
    greatestMs: greatest,
    recommendedMs: roundUp(kept),
  };
}

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
const ROUND_VALUES = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 6, 12].map((n) => n * HOUR),
];

/** The next value that a person would write down; whole days beyond half a day. */
export function roundUp(ms: number): number {
  return ROUND_VALUES.find((value) => value >= ms) ?? Math.ceil(ms / DAY) * DAY;
}
