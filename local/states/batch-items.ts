/** ItemBatcher: items in groups, as `{ BatchInput, Items }`. */
import { dataLimitBytes, isMap, type Json, type JsonMap } from "./json.ts";
import { StateError } from "./state-error.ts";
import type { Strand } from "./strand.ts";

export interface Batch {
  readonly input: Json;
  readonly itemCount: number;
}

/** In their order. A batch is closed before it would have too many items or bytes; never more than what an execution takes. */
export async function batched(items: readonly Json[], batcher: JsonMap, strand: Strand): Promise<readonly Batch[]> {
  const { MaxItemsPerBatch: asked = 0, MaxInputBytesPerBatch: askedBytes = 0, BatchInput: shared } = batcher;
  const most = await strand.wholeNumber(asked, "ItemBatcher/MaxItemsPerBatch", 0, Number.MAX_SAFE_INTEGER);
  const bytes = await strand.wholeNumber(askedBytes, "ItemBatcher/MaxInputBytesPerBatch", 0, dataLimitBytes);
  const common = shared === undefined ? {} : { BatchInput: await strand.value(shared, "ItemBatcher/BatchInput") };
  if (!isMap(common.BatchInput ?? {}))
    throw new StateError("States.QueryEvaluationError", "ItemBatcher/BatchInput: expected an object.");
  const limits = {
    items: most === 0 ? Number.POSITIVE_INFINITY : most,
    bytes: bytes === 0 ? dataLimitBytes : bytes,
    emptyBytes: sizeOf({ ...common, Items: [] }),
  };
  return groups(items, limits).map((Items) => ({ input: { ...common, Items }, itemCount: Items.length }));
}

interface Limits {
  readonly items: number;
  readonly bytes: number;
  readonly emptyBytes: number;
}

function groups(items: readonly Json[], { items: most, bytes: mostBytes, emptyBytes }: Limits): readonly Json[][] {
  const all: Json[][] = [];
  let group: Json[] = [];
  let bytes = emptyBytes;
  for (const item of items) {
    const itemBytes = sizeOf(item);
    if (emptyBytes + itemBytes > mostBytes) {
      const cause = `An item of ${itemBytes} bytes does not fit into a batch of at most ${mostBytes} bytes: keep it in S3 and hand on its key.`;
      throw new StateError("States.DataLimitExceeded", cause);
    }
    const isFull = group.length === most || bytes + 1 + itemBytes > mostBytes;
    if (group.length === 0 || isFull) {
      group = [];
      all.push(group);
      bytes = emptyBytes - 1;
    }
    group.push(item);
    bytes += itemBytes + 1;
  }
  return all;
}

function sizeOf(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}
