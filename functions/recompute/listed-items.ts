import { fromItemLine, type RowObjects } from "@millrace/aws";
import type { RecomputeTask } from "./task.ts";

/** Beside the bucket's events, in a function with 3 GB. An item may have 380 KB, so that a bucket of entities that are large could have more than that. */
export const MOST_LISTED_BYTES = 512 * 1024 * 1024;

/** By entity, then by lane; null: there are some, but they are not held, and the live ones must be looked at. */
export type ListedItems = ReadonlyMap<string, ReadonlyMap<string, Uint8Array> | null>;

/** This bucket's items as they were listed: to compare all, since some may have no row; to write those with rows. */
export async function listedItems(
  rows: RowObjects,
  { mode, itemsPrefix, bucket }: RecomputeTask,
  { hasRows, mostBytes }: { readonly hasRows: (entity: string) => boolean; readonly mostBytes: number },
): Promise<ListedItems> {
  const listed = new Map<string, Map<string, Uint8Array> | null>();
  if (itemsPrefix === undefined) return listed;
  let held = 0;
  await rows.read(`${itemsPrefix}bucket=${bucket}/`, (lines) => {
    for (const line of lines) {
      const { entity, lane, bytes } = fromItemLine(line);
      if (mode === "write" && !hasRows(entity)) continue;
      const lanes = listed.get(entity);
      // All lanes or none: what is lacking among them would look as if it had never been.
      if (lanes === null) continue;
      const more = (lanes ?? new Map<string, Uint8Array>()).set(lane, bytes);
      held += bytes.length;
      const fits = held <= mostBytes;
      if (!fits) held -= bytesOf(more);
      listed.set(entity, fits ? more : null);
    }
  });
  return listed;
}

function bytesOf(lanes: ReadonlyMap<string, Uint8Array>): number {
  return [...lanes.values()].reduce((sum, { length }) => sum + length, 0);
}
