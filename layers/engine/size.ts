import { scalarBytes } from "./aggregates/scalar.ts";
import type { CompiledSequence, CompiledView, Pipeline, Resolution } from "./compile.ts";
import type { EventSchema } from "./schema.ts";
import { INHERITED_LIMIT } from "./state.ts";

/**
 * How large an item can get. DynamoDB takes 400 KB. The bound of a view assumes that every tile and every slot is full at once,
 * which few entities come near; what holds in any case is that an item which has grown beyond `SOFT_ITEM_BYTES` takes no further
 * event until old ones have expired (`entity_over_limit`), and that it is measured before it could have grown beyond `ITEM_BYTES`.
 */
export const ITEM_BYTES = 380 * 1024;
export const SOFT_ITEM_BYTES = 256 * 1024;

export const ITEM_LIMITS = { softBytes: SOFT_ITEM_BYTES, hardBytes: ITEM_BYTES } as const;

/** A fingerprint: 8 bytes, and its time as a difference. */
export const FINGERPRINT_BYTES = 12;
/** A tile's number and length, and the place of its slots' bits. */
const TILE_BYTES = 8;
/** Format, layout, greatest arrival, counters, and a handful of marks. */
const HEAD_BYTES = 60 + 4 * 50;
/** What one event adds to an accumulator besides its values: time, tie, hash, lengths; or a sketch that goes over to registers. */
const STEP_BYTES = 4400;
/** An event held back, besides its values. */
const HELD_BYTES = 40;

export interface ResolutionSize {
  readonly resolution: Resolution;
  /** Tiles that can be live at once. */
  readonly tiles: number;
  readonly bytes: number;
}

export interface ViewSize {
  readonly resolutions: readonly ResolutionSize[];
  readonly fingerprintBytes: number;
  readonly inheritedBytes: number;
  readonly reorderBytes: number;
  readonly bytes: number;
}

/** The greatest size of an item, part by part. */
export function sizeOfView(pipeline: Pipeline, view: CompiledView): ViewSize {
  const resolutions = view.resolutions.map((resolution) => {
    const tiles = tilesOf(pipeline, resolution);
    return { resolution, tiles, bytes: tiles * tileBytes(resolution) };
  });
  const fingerprintBytes = view.entityLimit * FINGERPRINT_BYTES;
  const inheritedBytes = view.lanes ? INHERITED_LIMIT * FINGERPRINT_BYTES : 0;
  const reorderBytes =
    view.sequence === null ? 0 : 24 + view.sequence.reorder * heldBytes(pipeline.schema, view.sequence);
  const parts = [HEAD_BYTES, fingerprintBytes, inheritedBytes, reorderBytes, ...resolutions.map(({ bytes }) => bytes)];
  return { resolutions, fingerprintBytes, inheritedBytes, reorderBytes, bytes: parts.reduce((a, b) => a + b) };
}

/** What one event adds to an item at most; infinite where a text that is kept has no bound. */
export function growthOf(
  { resolutions, sequence }: Pick<CompiledView, "resolutions" | "sequence">,
  schema: EventSchema,
): number {
  const slots = resolutions.flatMap((resolution) => resolution.slots);
  const steps = slots.reduce((sum, { aggregate, column, by }) => {
    const bytes = STEP_BYTES + valueBytes(schema, column) + valueBytes(schema, by);
    return sum + Math.min(aggregate.maxBytes, bytes);
  }, 0);
  const held = sequence === null || sequence.reorder === 0 ? 0 : heldBytes(schema, sequence);
  return steps + held + resolutions.length * TILE_BYTES * 2 + FINGERPRINT_BYTES;
}

function heldBytes(schema: EventSchema, { columns }: CompiledSequence): number {
  return columns.reduce((sum, column) => sum + valueBytes(schema, column), HELD_BYTES);
}

function valueBytes({ columns }: EventSchema, name: string | null): number {
  const column = columns.find((candidate) => candidate.name === name);
  return column === undefined ? 0 : 1 + scalarBytes(column);
}

function tilesOf({ allowedLatenessMs, slackMs, maxSkewMs }: Pipeline, resolution: Resolution): number {
  const { widthMs, longestMs, forever } = resolution;
  if (widthMs === 0) return 1;
  const spanMs = allowedLatenessMs + slackMs + maxSkewMs + (forever ? 0 : longestMs);
  return Math.ceil(spanMs / widthMs) + 1 + (forever ? 1 : 0);
}

function tileBytes({ slots }: Resolution): number {
  return TILE_BYTES + Math.ceil(slots.length / 8) + slots.reduce((sum, { aggregate }) => sum + aggregate.maxBytes, 0);
}
