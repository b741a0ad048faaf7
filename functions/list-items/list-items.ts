import type { ItemNames, ResultObjects, Telemetry } from "@millrace/aws";
import { bucketOf, isInSample, type Sample } from "@millrace/lake";

export interface Deps {
  readonly names: ItemNames;
  readonly results: Pick<ResultObjects, "put">;
  readonly telemetry: Telemetry;
}

/** One of equal parts of the table, and where the names found in it go. */
export interface ListTask {
  readonly segment: number;
  readonly segments: number;
  /** As items are named; items of others, as of a view's former version, are passed over. */
  readonly views: readonly string[];
  /** Of each view, as its rows are parted. */
  readonly buckets: number;
  /** Null: all entities. */
  readonly sample: Sample | null;
  /** In the lake's bucket; ends in a slash. */
  readonly itemsPrefix: string;
}

/** Names that are held before they are put. */
export const HELD_NAMES = 200_000;

/**
 * Tells recompute of which entities there are items, beside those that the lake has rows of: an item whose rows are all gone is in no unload.
 * Below `<itemsPrefix><view>/bucket=<number>/`, a name in each line. Done twice it writes the same objects.
 */
export function listItems({ names, results, telemetry }: Deps) {
  return async (task: ListTask): Promise<{ readonly items: number; readonly entities: number }> => {
    const { segment, segments, views, buckets, sample, itemsPrefix } = task;
    const wanted = new Set(views);
    let held = new Map<string, Set<string>>();
    let [items, entities, waiting, part] = [0, 0, 0, 0];
    const putHeld = async () => {
      const name = `${String(segment).padStart(3, "0")}-${part++}.ndjson`;
      for (const [folder, some] of held) await results.put(`${itemsPrefix}${folder}${name}`, [...some]);
      held = new Map();
      waiting = 0;
    };

    for await (const page of names.list(segment, segments)) {
      for (const { view, entity } of page) {
        if (!wanted.has(view) || (sample !== null && !isInSample(entity, sample))) continue;
        items++;
        const folder = `${view}/bucket=${bucketOf(entity, buckets)}/`;
        const some = held.get(folder) ?? new Set();
        held.set(folder, some);
        if (some.has(entity)) continue;
        some.add(entity);
        entities++;
        waiting++;
      }
      if (waiting >= HELD_NAMES) await putHeld();
    }
    await putHeld();
    telemetry.batch({ counts: { Items: items, Entities: entities }, context: { segment, segments } });
    return { items, entities };
  };
}
