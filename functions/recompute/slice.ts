import { type ReplayControl, rateOf, sliceSeconds } from "@millrace/aws";
import type { History } from "./history.ts";
import type { RecomputeTask } from "./task.ts";

export interface SliceDeps {
  readonly control: Pick<ReplayControl, "said">;
  readonly now: () => number;
}

/** Of one invocation: the entities that it takes in order, and what it knows when it stops. */
export interface Taken {
  readonly entities: number;
  /** Rows of the lake and records of the tail that are theirs. */
  readonly rows: number;
  /** Rows per second of this worker, as last heard. */
  readonly rate: number;
}

/** Entities between two looks at whether it was paused. */
export const ENTITIES_BETWEEN_LOOKS = 2000;
/** A slice reads its whole bucket, at some 50,000 rows a second, which is to be no more than a tenth of its time. */
const ROWS_PER_SLICE_SECOND = 5000;
const MOST_SECONDS = 300;

/** How many rows one invocation works through, once it has read so many. */
export function sliceRows(rate: number, { rows, slices }: { readonly rows: number; readonly slices: number }): number {
  const seconds = Math.max(sliceSeconds(slices), Math.min(rows / ROWS_PER_SLICE_SECOND, MOST_SECONDS));
  return Math.max(1, rate * seconds);
}

/**
 * Works through entities until the slice is full, its time is over, or somebody pauses it. Takes at least one, where there is one and the stream was read
 * far enough for it: `work` says how many it has settled, from the first on.
 */
export async function takeSlice(
  { control, now }: SliceDeps,
  { task, history, untilMs }: { readonly task: RecomputeTask; readonly history: History; readonly untilMs: number },
  { entities, rate: first }: { readonly entities: readonly string[]; readonly rate: number },
  work: (entities: readonly string[]) => Promise<number>,
): Promise<Taken> {
  const { pacing } = task;
  const slices = task.progress?.slices ?? 0;
  const rowsOf = (entity: string) => Math.max(1, history.rows(entity).length + history.tail(entity).length);
  let [taken, rows, rate] = [0, 0, first];
  while (taken < entities.length) {
    const most = sliceRows(rate, { rows: history.counts.rows, slices });
    const some = upTo(entities.slice(taken, taken + ENTITIES_BETWEEN_LOOKS), most - rows, rowsOf);
    const settled = await work(some);
    taken += settled;
    // Afterwards, since the tail is read for them only now.
    rows += some.slice(0, settled).reduce((sum, entity) => sum + rowsOf(entity), 0);
    if (settled < some.length || rows >= most || now() >= untilMs) break;
    if (pacing === undefined) continue;
    const said = await control.said(pacing.execution);
    if (said.paused) break;
    rate = rateOf(said, pacing);
  }
  return { entities: taken, rows, rate };
}

/** As many as have so many rows, the last one with those that it has beyond. */
function upTo(entities: readonly string[], most: number, rowsOf: (entity: string) => number): readonly string[] {
  let rows = 0;
  const end = entities.findIndex((entity) => {
    rows += rowsOf(entity);
    return rows >= most;
  });
  return end < 0 ? entities : entities.slice(0, end + 1);
}
