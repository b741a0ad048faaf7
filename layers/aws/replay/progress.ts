import { comparePositions, type Position, type StreamRecord } from "@millrace/engine";
import type { Reached } from "./chunk.ts";
import type { Slice } from "./slice.ts";

/** How far one chunk has come: the next invocation begins after what is dealt with. It travels through the state machine from one invocation to the next. */
export interface ReplayProgress extends Reached, Slice {
  readonly counts: ReplayCounts;
}

export interface ReplayCounts {
  /** Records that the filters let through, by today's verdict on them. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly wanted: number;
  readonly sent: number;
  readonly bytes: number;
  /** Too large to be put again, even packed. */
  readonly oversize: number;
  /** Pieces of the source that are no record with a position. */
  readonly unreadable: number;
  /** Out of quarantine: records that are used now, and those that go back with a new verdict. */
  readonly recovered: number;
  readonly returned: number;
  /** Verdicts that quarantine did not have yet: of batches that were given up, and of errors of Firehose. */
  readonly judged: number;
  /** Of what features are made of afterwards, the last position of each shard, and between which times it arrived. */
  readonly reach: Reach | null;
}

export interface Reach {
  readonly last: Readonly<Record<string, Position>>;
  readonly fromMs: number;
  /** Of the last one. */
  readonly toMs: number;
}

export function reachOf(records: readonly StreamRecord[]): Reach | null {
  return records.reduce<Reach | null>(
    (reach, { position, arrivalMs }) =>
      addReach(reach, { last: { [position.shard]: position }, fromMs: arrivalMs, toMs: arrivalMs }),
    null,
  );
}

function addReach(a: Reach | null, b: Reach | null): Reach | null {
  if (a === null || b === null) return a ?? b;
  const last = { ...a.last };
  for (const [shard, position] of Object.entries(b.last)) {
    const known = last[shard];
    if (known === undefined || comparePositions(known, position) < 0) last[shard] = position;
  }
  return { last, fromMs: Math.min(a.fromMs, b.fromMs), toMs: Math.max(a.toMs, b.toMs) };
}

export const NO_COUNTS: ReplayCounts = {
  verdicts: {},
  wanted: 0,
  sent: 0,
  bytes: 0,
  oversize: 0,
  unreadable: 0,
  recovered: 0,
  returned: 0,
  judged: 0,
  reach: null,
};

export function addCounts(a: ReplayCounts, b: ReplayCounts): ReplayCounts {
  const verdicts = { ...a.verdicts };
  for (const [verdict, count] of Object.entries(b.verdicts)) verdicts[verdict] = (verdicts[verdict] ?? 0) + count;
  return {
    verdicts,
    wanted: a.wanted + b.wanted,
    sent: a.sent + b.sent,
    bytes: a.bytes + b.bytes,
    oversize: a.oversize + b.oversize,
    unreadable: a.unreadable + b.unreadable,
    recovered: a.recovered + b.recovered,
    returned: a.returned + b.returned,
    judged: a.judged + b.judged,
    reach: addReach(a.reach, b.reach),
  };
}
