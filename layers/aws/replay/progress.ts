/** How far one chunk has come. It travels through the state machine from one invocation to the next. */
export interface ReplayProgress {
  /** Records of the chunk that are dealt with: the next invocation begins after them. */
  readonly taken: number;
  readonly counts: ReplayCounts;
  readonly done: boolean;
  /** Until the next invocation, so that all workers together keep to the rate; whole seconds. */
  readonly waitSeconds: number;
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
}

export const NO_COUNTS: ReplayCounts = { verdicts: {}, wanted: 0, sent: 0, bytes: 0, oversize: 0, unreadable: 0 };

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
  };
}
