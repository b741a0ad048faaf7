import { type StateKey, stateId } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import { loadItems, queryLanes, READ_CONCURRENCY, type ReadOptions } from "./dynamo-load.ts";
import type { EntityItems } from "./entity-items.ts";

export interface DynamoEntityItemsOptions extends ReadOptions {
  /** Whether a view keeps items per shard: then only a query finds them all. */
  readonly hasLanes: (view: string) => boolean;
}

/** Reads strongly consistently: a hundred entities at a time by key, or one query per entity in a view with lanes. */
export function dynamoEntityItems({ hasLanes, ...options }: DynamoEntityItemsOptions): EntityItems {
  return {
    async load(view, entities) {
      const keys = entities.map((entity): StateKey => ({ view, entity, lane: "" }));
      const snapshot = hasLanes(view) ? await queryAll(options, keys) : await loadItems(options, keys);
      const byEntity = new Map(entities.map((entity) => [entity, new Map<string, Uint8Array>()]));
      for (const [id, bytes] of snapshot.items) {
        const [, lane = "", entity = ""] = id.split("\u0000");
        byEntity.get(entity)?.set(lane, bytes);
      }
      return { snapshot, byEntity };
    },
  };
}

async function queryAll(options: ReadOptions, keys: readonly StateKey[]) {
  const items = new Map<string, Uint8Array>();
  const versions = new Map<string, number>();
  await mapAtMost(READ_CONCURRENCY, keys, async (key) => {
    for (const { lane, bytes, version } of await queryLanes(options, key)) {
      const id = stateId({ ...key, lane });
      items.set(id, bytes);
      versions.set(id, version);
    }
  });
  return { items, versions, siblings: new Map() };
}
