import {
  comparePositions,
  type Event,
  type Pipeline,
  type Position,
  type StreamRecord,
  summarizeItem,
} from "@millrace/engine";
import type { RecomputeTask } from "./task.ts";

interface Unmarked {
  readonly deps: {
    readonly pipeline: Pipeline;
    readonly ttlMs: (view: string) => number;
    readonly now: () => number;
  };
  readonly task: RecomputeTask;
}

/** Of the shards that no item has a mark of: the last position, unless it is so old that its item may have expired. */
export function newestUnmarked(
  { deps, task }: Unmarked,
  events: readonly Event[],
  items: ReadonlyMap<string, Uint8Array>,
): readonly Position[] {
  const marked = new Set(
    [...items.values()].flatMap((bytes) =>
      summarizeItem(deps.pipeline, task.view, bytes).marks.map(({ shard }) => shard),
    ),
  );
  const newest = new Map<string, StreamRecord>();
  for (const { record } of events) {
    const { shard } = record.position;
    const known = newest.get(shard);
    if (!marked.has(shard) && (known === undefined || comparePositions(known.position, record.position) < 0))
      newest.set(shard, record);
  }
  const aliveMs = deps.now() - deps.ttlMs(task.view);
  return [...newest.values()].filter(({ arrivalMs }) => arrivalMs >= aliveMs).map(({ position }) => position);
}
