import type { Snapshot } from "./state-store.ts";

/** Whole entities in one view, with the items of all their lanes. */
export interface EntityItems {
  /** Throws when they cannot be read. Entities without items are in `byEntity` too, with none. */
  load(view: string, entities: readonly string[]): Promise<LoadedEntities>;
}

export interface LoadedEntities {
  /** For `StateStore.save`: what is written must stand over what was read. */
  readonly snapshot: Snapshot;
  /** Per entity its items by lane. */
  readonly byEntity: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
}
