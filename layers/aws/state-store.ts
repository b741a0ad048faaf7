import type { FoldedState, Items, StateKey } from "@millrace/engine";

/**
 * Where items live. `load` gives what is there, `save` writes each item over exactly the version that was loaded, one by one:
 * there is no transaction over items, and none is needed, because each item's marks say which records it contains.
 */
export interface StateStore {
  /** Throws when an item cannot be read: nothing can be decided then. */
  load(keys: readonly StateKey[]): Promise<Snapshot>;
  /** Never throws for one item: what was not written is in the answer. */
  save(snapshot: Snapshot, states: readonly FoldedState[]): Promise<Saved>;
}

/** The items as read at one moment, with the version of each by `stateId`. No version: no item. */
export interface Snapshot extends Items {
  readonly versions: ReadonlyMap<string, number>;
}

export interface Saved {
  /**
   * Somebody wrote since the load, or this very write happened and its answer was lost: read again, fold again. The marks tell
   * the two apart.
   */
  readonly conflicted: readonly FoldedState[];
  /** Could not be written at all, after the client's own retries. */
  readonly failed: readonly { readonly state: FoldedState; readonly error: unknown }[];
}
