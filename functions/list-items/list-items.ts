import {
  type ItemLine,
  mapAtMost,
  type ResultObjects,
  type TableItems,
  type Telemetry,
  toItemLine,
} from "@millrace/aws";
import { bucketOf, isInSample, type Sample } from "@millrace/lake";

export interface Deps {
  readonly table: TableItems;
  readonly results: Pick<ResultObjects, "put">;
  readonly telemetry: Telemetry;
}

/** One of equal parts of the table, and where the items found in it go. */
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

/** Of states that are held before they are put, in base64. */
export const HELD_BYTES = 64 * 1024 * 1024;
const PUTS_AT_ONCE = 16;

/**
 * Leaves for recompute what items there are and what is in them. An item's marks say which records it contains, so it can be compared as it was here
 * however far the live one has gone since; and an item whose rows are all gone is in no unload. Below `<itemsPrefix><view>/bucket=<number>/`,
 * an item in each line. Done again it leaves them as they are then, and either is as good.
 */
export function listItems({ table, results, telemetry }: Deps) {
  return async (task: ListTask): Promise<{ readonly items: number }> => {
    const { segment, segments, views, buckets, sample, itemsPrefix } = task;
    const wanted = new Set(views);
    let held = new Map<string, ItemLine[]>();
    let [items, bytes, part] = [0, 0, 0];
    const putHeld = async () => {
      const name = `${String(segment).padStart(3, "0")}-${part++}.ndjson`;
      await mapAtMost(PUTS_AT_ONCE, [...held], ([folder, lines]) =>
        results.put(`${itemsPrefix}${folder}${name}`, lines),
      );
      held = new Map();
      bytes = 0;
    };

    for await (const page of table.list(segment, segments)) {
      for (const item of page) {
        const { view, entity } = item.key;
        if (!wanted.has(view) || (sample !== null && !isInSample(entity, sample))) continue;
        const folder = `${view}/bucket=${bucketOf(entity, buckets)}/`;
        const lines = held.get(folder) ?? [];
        held.set(folder, lines);
        const line = toItemLine(item);
        lines.push(line);
        items++;
        bytes += line.state.length;
      }
      if (bytes >= HELD_BYTES) await putHeld();
    }
    await putHeld();
    telemetry.batch({ counts: { Items: items }, context: { segment, segments } });
    return { items };
  };
}
