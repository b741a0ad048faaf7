import { type CompiledView, ITEM_LIMITS, type Pipeline, sizeOfView } from "@millrace/engine";

/** What a view comes to, in numbers. Bytes are those of the item's state, at the most. */
export interface Explained {
  readonly view: string;
  /** Not while it stands by for another version. */
  readonly served: boolean;
  readonly entity: string;
  readonly items: "one per entity" | "one per entity and shard";
  readonly features: number;
  readonly parts: readonly Part[];
  readonly bytes: number;
  /** From this size on the entity's further events are quarantined `entity_over_limit` until old ones have expired. */
  readonly limitBytes: number;
  /** Of one write of an item, however many events it holds. */
  readonly writeUnits: UnitRange;
  /** Of one strongly consistent read of an item. */
  readonly readUnits: UnitRange;
  /** How long an item is kept after its last write; null for ever. */
  readonly keptMs: number | null;
}

export interface Part {
  readonly what: string;
  /** How many of it can be live at once. */
  readonly live: number;
  readonly keeps: readonly string[];
  readonly bytes: number;
}

export interface UnitRange {
  readonly least: number;
  readonly most: number;
}

export function explain(pipeline: Pipeline): readonly Explained[] {
  return pipeline.views.map((view) => explainView(pipeline, view));
}

function explainView(pipeline: Pipeline, view: CompiledView): Explained {
  const size = sizeOfView(pipeline, view);
  const tiles = size.resolutions.map(({ resolution, tiles, bytes }): Part => {
    const { widthMs, zone, slots } = resolution;
    const what = zone !== null ? `days of ${zone.name}` : widthMs === 0 ? "kept once" : `tiles of ${nameOf(widthMs)}`;
    return { what, live: tiles, keeps: slots.map((slot) => nameOfSlot(view, slot)), bytes };
  });
  const parts = [
    ...tiles,
    { what: "fingerprints", live: view.entityLimit, keeps: ["of live events"], bytes: size.fingerprintBytes },
    ...(view.lanes
      ? [{ what: "inherited", live: 10_000, keeps: ["fingerprints of other lanes"], bytes: size.inheritedBytes }]
      : []),
    ...(view.sequence === null
      ? []
      : [
          {
            what: "reorder buffer",
            live: view.sequence.reorder,
            keeps: view.sequence.columns,
            bytes: size.reorderBytes,
          },
        ]),
  ];
  const most = Math.min(size.bytes, ITEM_LIMITS.hardBytes);
  const keptMs = view.longestMs + pipeline.allowedLatenessMs + pipeline.slackMs + 86_400_000;
  return {
    view: view.name,
    served: view.served,
    entity: view.entity,
    items: view.lanes ? "one per entity and shard" : "one per entity",
    features: view.features.length,
    parts,
    bytes: size.bytes,
    limitBytes: ITEM_LIMITS.softBytes,
    writeUnits: { least: 1, most: Math.ceil(most / 1024) },
    readUnits: { least: 1, most: Math.ceil(most / 4096) },
    keptMs: Number.isFinite(keptMs) ? keptMs : null,
  };
}

/** `sum(amount) of event_type=purchase`. */
function nameOfSlot({ tests }: CompiledView, { kind, column, where }: Slot): string {
  const conditions = where.map((test) => {
    const { column, values } = tests[test] as CompiledView["tests"][number];
    return `${column}=${values.join("|")}`;
  });
  const name = column === null ? kind : `${kind}(${column})`;
  return conditions.length === 0 ? name : `${name} of ${conditions.join(" and ")}`;
}

type Slot = CompiledView["resolutions"][number]["slots"][number];

const UNITS = [
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

function nameOf(ms: number): string {
  for (const [unit, sizeMs] of UNITS) if (ms % sizeMs === 0) return `${ms / sizeMs} ${unit}`;
  return `${ms} ms`;
}
