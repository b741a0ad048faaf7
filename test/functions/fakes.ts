import {
  type AlertBus,
  type BatchReport,
  type EntityItems,
  type LastStamps,
  NO_STAMPS,
  type Quarantine,
  type QuarantineEntry,
  type ResultObjects,
  type RowObjects,
  type Saved,
  type Snapshot,
  type StateStore,
  type Telemetry,
  type Unput,
} from "@millrace/aws";
import { type FoldedState, type Raised, type Rejection, type StateKey, stateId } from "@millrace/engine";

/** What one write does: `lost` wrote, and its answer never came; `crash` kills the function before the write, `crash-after` after it. */
export type WriteFate = "saved" | "failed" | "lost" | "crash" | "crash-after";

export class Crash extends Error {}

export interface MemoryStore extends StateStore {
  readonly items: Map<string, Uint8Array>;
  /** Somebody else writes this item. */
  overwrite(key: StateKey, bytes: Uint8Array): void;
  /** The table is lost. */
  lose(): void;
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
    lose: () => {
      items.clear();
      versions.clear();
    },
    async load(keys): Promise<Snapshot> {
      const ids = keys.map(stateId);
      const pick = <T>(from: ReadonlyMap<string, T>) => new Map([...from].filter(([id]) => ids.includes(id)));
      const absent = keys.filter((key) => key.lane !== "" && !items.has(stateId(key)));
      const siblings = new Map(absent.map((key) => [stateId(key), otherLanes(items, key)]));
      return { items: pick(items), versions: pick(versions), siblings };
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

function otherLanes(items: ReadonlyMap<string, Uint8Array>, { view, entity }: StateKey): readonly Uint8Array[] {
  return [...items].flatMap(([id, bytes]) => {
    const [itemView, , itemEntity] = id.split("\u0000");
    return itemView === view && itemEntity === entity ? [bytes] : [];
  });
}

/** Whole entities of a table in memory. */
export function memoryEntities(store: MemoryStore): EntityItems {
  return {
    async load(view, entities) {
      const byEntity = new Map(entities.map((entity) => [entity, new Map<string, Uint8Array>()]));
      const keys: StateKey[] = [];
      for (const [id, bytes] of store.items) {
        const [itemView = "", lane = "", entity = ""] = id.split("\u0000");
        if (itemView !== view || !byEntity.has(entity)) continue;
        byEntity.get(entity)?.set(lane, bytes);
        keys.push({ view, lane, entity });
      }
      return { snapshot: await store.load(keys), byEntity };
    },
  };
}

/** Unloaded rows, by prefix. */
export function memoryRows(rows: ReadonlyMap<string, readonly string[]>): RowObjects {
  return { read: async (prefix, take) => take(rows.get(prefix) ?? []) };
}

export function memoryResults(): ResultObjects & { readonly objects: Map<string, readonly unknown[]> } {
  const objects = new Map<string, readonly unknown[]>();
  return {
    objects,
    put: async (key, lines) => void objects.set(key, JSON.parse(JSON.stringify(lines))),
    get: async (key) => objects.get(key) ?? [],
  };
}

export interface MemoryQuarantine extends Quarantine {
  readonly rows: QuarantineEntry[];
  /** What is in it, once each: reason, view and position. */
  distinct(): readonly string[];
}

export function memoryQuarantine(refuses: (rejection: Rejection) => boolean = () => false): MemoryQuarantine {
  const rows: QuarantineEntry[] = [];
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

/** What a person may say to a replay under way. */
export function memoryControl() {
  const said = { paused: false, recordsPerSecond: null as number | null };
  return { said: async () => said, set: (change: Partial<typeof said>) => Object.assign(said, change) };
}

/** Stamps of replays, in memory; `others` is when other replays did last. */
export function memoryStamps() {
  const stamps = {
    others: NO_STAMPS,
    /** The replays that have stamped, each time. */
    put: [] as string[],
    there: [] as string[],
    putting: async (execution: string) => void stamps.put.push(execution),
    settled: async (execution: string) => void stamps.there.push(execution),
    lastOfOthers: async (_execution: string): Promise<LastStamps> => stamps.others,
  };
  return stamps;
}

export function memoryTelemetry(): Telemetry & { readonly reports: BatchReport[] } {
  const reports: BatchReport[] = [];
  return { reports, batch: (report) => void reports.push(report) };
}

function rowName({ reason, view, record }: Rejection): string {
  return `${reason} ${view} ${record.position.sequence}/${record.position.subSequence}`;
}

/** What happens to one publication: `crash-after` went out, and the function died before it could say so. */
export type AlertFate = "published" | "refused" | "crash" | "crash-after";

export function memoryBus(fateOf: (alert: Raised) => AlertFate = () => "published") {
  const known: Raised[] = [];
  const bus: AlertBus = {
    async publish(raised) {
      const refused: { alert: Raised; cause: string }[] = [];
      for (const alert of raised) {
        if (known.some(({ id }) => id === alert.id)) continue;
        const fate = fateOf(alert);
        if (fate === "crash") throw new Crash("killed before an alert");
        if (fate === "refused") refused.push({ alert, cause: "InternalFailure" });
        else known.push(alert);
        if (fate === "crash-after") throw new Crash("killed after an alert");
      }
      return refused;
    },
  };
  return {
    ...bus,
    alerts: known,
    get published() {
      return known.map(({ id }) => id);
    },
  };
}
