import type { ByteReader } from "./bytes.ts";
import type { Resolution } from "./compile.ts";
import { testsOf } from "./condition.ts";
import type { View } from "./define.ts";
import type { FeatureSpec } from "./feature.ts";
import { commonStep, tileWidth } from "./lattice.ts";
import { hash48 } from "./md5.ts";
import type { EventSchema } from "./schema.ts";
import { addTile, readSlots, type TileList } from "./tiles.ts";
import type { Window } from "./window.ts";

/**
 * States written before format 2. They had tumbling and hopping windows without offset, seven aggregates, and the tiles of a
 * resolution oldest first. The accumulators are the same bytes in both formats.
 */
const KINDS = ["count", "sum", "mean", "min", "max", "distinct", "lastK"];

/** The layout that format 1 gave to a view; null where it could not hold the view. */
export function layoutOfFormat1(view: View, schema: EventSchema): number | null {
  if (view.sequence !== undefined || !view.features.every(isOfFormat1)) return null;
  const drafts = new Map<number, { longestMs: number; readonly keys: string[] }>();
  for (const spec of view.features) {
    for (const window of spec.windows) {
      const widthMs = spec.kind === "lastK" ? 0 : tileWidth(window);
      const draft = drafts.get(widthMs) ?? { longestMs: 0, keys: [] };
      drafts.set(widthMs, draft);
      draft.longestMs = Math.max(draft.longestMs, window.sizeMs);
      const key = keyOf(spec, schema);
      if (!draft.keys.includes(key)) draft.keys.push(key);
    }
  }
  const ordered = [...drafts].sort(([a], [b]) => a - b);
  const tiles = ordered.map(([widthMs, { longestMs, keys }]) => [widthMs, longestMs, keys]);
  return hash48(JSON.stringify([view.entity, testsOf(view.where, schema), tiles]));
}

function isOfFormat1({ kind, windows }: FeatureSpec): boolean {
  const isPlain = ({ kind, offsetMs }: Window) => (kind === "hopping" || kind === "tumbling") && offsetMs === 0;
  return KINDS.includes(kind) && windows.every(isPlain);
}

function keyOf(spec: FeatureSpec, schema: EventSchema): string {
  const { kind, column, limit, k, where, windows } = spec as FeatureSpec &
    Partial<Record<"column" | "limit" | "k", unknown>>;
  const stepMs = kind === "lastK" ? commonStep(windows) : null;
  return JSON.stringify([kind, column, testsOf(where, schema), limit, k, stepMs]);
}

export function readTilesOfFormat1(
  reader: ByteReader,
  buffer: Uint8Array,
  resolution: Resolution,
  list: TileList,
  origin: number,
): void {
  let index = origin;
  for (let left = reader.varint(); left > 0; left--) {
    index += reader.signed();
    const size = reader.varint();
    const from = reader.at();
    readSlots(resolution, buffer, from, reader.skip(size), addTile(resolution, list, index));
  }
}
