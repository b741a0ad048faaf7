import type { BatchReport, Quarantine, Saved, Snapshot, StateStore, Telemetry, Unput } from "@millrace/aws";
import { type FoldedState, type Rejection, type StateKey, stateId } from "@millrace/engine";

/** What one write does: `lost` wrote, and its answer never came; `crash` kills the function before the write, `crash-after` after it. */
export type WriteFate = "saved" | "failed" | "lost" | "crash" | "crash-after";

export class Crash extends Error {}

export interface MemoryStore extends StateStore {
  readonly items: Map<string, Uint8Array>;
  /** Somebody else writes this item. */
  overwrite(key: StateKey, bytes: Uint8Array): void;
}

/** A table in memory. `fateOf` is asked for each write. */
export function memoryStore(fateOf: (state: FoldedState) => WriteFate = () => "saved"): MemoryStore {
  const items = new Map<string, Uint8Array>();
  const versions = new Map<string, number>();
  const write = (id: string, bytes: Uint8Array) => {
    items.set(id, bytes);
    versions.set(id, (versions.get(id) ?? 0) + 1);
  };

  return {
    items,
    overwrite: (key, bytes) => write(stateId(key), bytes),
    async load(keys): Promise<Snapshot> {
      const ids = keys.map(stateId);
      const pick = <T>(from: ReadonlyMap<string, T>) => new Map([...from].filter(([id]) => ids.includes(id)));
      return { items: pick(items), versions: pick(versions), siblings: new Map() };
    },
    async save(snapshot, states): Promise<Saved> {
      const conflicted: FoldedState[] = [];
      const failed: { state: FoldedState; error: unknown }[] = [];
      for (const state of states) {
        const id = stateId(state.key);
        const fate = fateOf(state);
        if (fate === "crash") throw new Crash("killed before a write");
        if (fate === "failed") failed.push({ state, error: new Error("the table is gone") });
        else if (versions.get(id) !== snapshot.versions.get(id)) conflicted.push(state);
        else {
          write(id, state.bytes);
          if (fate === "crash-after") throw new Crash("killed after a write");
          // The client tries again and meets its own write: a conflict.
          if (fate === "lost") conflicted.push(state);
        }
      }
      return { conflicted, failed };
    },
  };
}

export interface MemoryQuarantine extends Quarantine {
  readonly rows: Rejection[];
  /** What is in it, once each: reason, view and position. */
  distinct(): readonly string[];
}

export function memoryQuarantine(refuses: (rejection: Rejection) => boolean = () => false): MemoryQuarantine {
  const rows: Rejection[] = [];
  return {
    rows,
    distinct: () => [...new Set(rows.map(rowName))].sort(),
    async put(rejections): Promise<readonly Unput[]> {
      const refused = rejections.filter(refuses);
      rows.push(...rejections.filter((rejection) => !refused.includes(rejection)));
      return refused.map((rejection) => ({ rejection, cause: "ServiceUnavailableException" }));
    },
  };
}

export function memoryTelemetry(): Telemetry & { readonly reports: BatchReport[] } {
  const reports: BatchReport[] = [];
  return { reports, batch: (report) => void reports.push(report) };
}

function rowName({ reason, view, record }: Rejection): string {
  return `${reason} ${view} ${record.position.sequence}/${record.position.subSequence}`;
}
