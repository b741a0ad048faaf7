import type { Aggregate } from "./aggregate.ts";
import { type Built, buildAggregate } from "./aggregates/build.ts";
import { checkFeatures, checkView } from "./check.ts";
import { listOf, toRowValue } from "./condition.ts";
import type { Condition, Features, View, Window } from "./define.ts";
import type { FeatureSpec } from "./feature.ts";
import { hash48 } from "./md5.ts";
import type { ColumnType, EventSchema, Scalar } from "./schema.ts";
import { featureName, tileWidth } from "./window.ts";

/**
 * Turns definitions into what the fold runs on. A view's windows are composed of tiles: one resolution per tile width, the
 * greatest width that divides both size and step, and in each resolution one slot per aggregate that needs it. An event so
 * updates one tile per resolution, whatever the number of windows. Aggregates that are kept once per item (last K) stand in a
 * resolution of their own with a single tile.
 */
export interface Pipeline {
  readonly schema: EventSchema;
  readonly partitionKey: string;
  readonly allowedLatenessMs: number;
  readonly maxSkewMs: number;
  readonly slackMs: number;
  readonly views: readonly CompiledView[];
}

export interface CompiledView {
  /** The name, with `@version` when the version is not 1: what items, quarantine rows and reports are keyed by. */
  readonly name: string;
  readonly entity: string;
  /** Whether items are kept per shard because the entity is not the partition key. */
  readonly lanes: boolean;
  readonly where: readonly Test[];
  readonly resolutions: readonly Resolution[];
  readonly features: readonly CompiledFeature[];
  /** The longest window (ms). */
  readonly longestMs: number;
  /** The most live fingerprints of one item; an entity's further events are quarantined `entity_over_limit`. */
  readonly entityLimit: number;
  /** Tells the states of another definition apart: 48 bits of what decides what goes into a state and how long it stays. */
  readonly layout: number;
}

export interface Resolution {
  /** Tile width (ms); 0: one tile for all time. */
  readonly widthMs: number;
  /** The longest window that is made of these tiles (ms). */
  readonly longestMs: number;
  readonly slots: readonly Slot[];
}

export interface Slot {
  readonly aggregate: Aggregate<unknown>;
  /** The column whose value is aggregated; null for count. */
  readonly column: string | null;
  readonly hashed: boolean;
  readonly where: readonly Test[];
}

export interface CompiledFeature {
  readonly name: string;
  readonly window: Window;
  readonly resolution: number;
  readonly slot: number;
}

/** A column must hold one of the values. */
export interface Test {
  readonly column: string;
  readonly values: readonly Scalar[];
}

/** The most live fingerprints that one item keeps, unless its view says otherwise. */
const ENTITY_LIMIT = 5000;

/** Checks the definitions against the event schema and compiles them. Throws DefinitionError. */
export function compile(features: Features, schema: EventSchema): Pipeline {
  checkFeatures(features, schema);
  const views = features.views.map((view) => {
    checkView(view, features, schema);
    return compileView(view, features, schema);
  });
  const { partitionKey, allowedLatenessMs, maxSkewMs, slackMs } = features;
  return { schema, partitionKey, allowedLatenessMs, maxSkewMs, slackMs, views };
}

function compileView(view: View, features: Features, schema: EventSchema): CompiledView {
  const drafts = new Map<number, Draft>();
  const compiled = view.features.flatMap((spec) =>
    spec.windows.map((window) => ({ name: featureName(spec, window), window, widthMs: tileWidth(spec, window), spec })),
  );
  for (const { spec, window, widthMs } of compiled) addSlot(drafts, widthMs, spec, window, schema);

  const ordered = [...drafts.values()].sort((a, b) => a.widthMs - b.widthMs);
  const tiles = ordered.map(({ widthMs, longestMs, keys }) => [widthMs, longestMs, keys]);
  const description = JSON.stringify([view.entity, testsOf(view.where, schema), tiles]);
  return {
    name: (view.version ?? 1) === 1 ? view.name : `${view.name}@${view.version}`,
    entity: view.entity,
    lanes: (view.lane ?? (view.entity === features.partitionKey ? "none" : "shard")) === "shard",
    where: testsOf(view.where, schema),
    resolutions: ordered.map(({ widthMs, longestMs, slots }) => ({ widthMs, longestMs, slots })),
    features: compiled.map(({ name, window, widthMs, spec }) => {
      const resolution = ordered.findIndex((draft) => draft.widthMs === widthMs);
      return {
        name,
        window,
        resolution,
        slot: (ordered[resolution] as Draft).keys.indexOf(
          slotKey(buildAggregate(spec, spec.windows, schema), spec, schema),
        ),
      };
    }),
    longestMs: Math.max(...compiled.map(({ window }) => window.sizeMs)),
    entityLimit: view.entityLimit ?? ENTITY_LIMIT,
    layout: hash48(description),
  };
}

interface Draft {
  readonly widthMs: number;
  longestMs: number;
  readonly keys: string[];
  readonly slots: Slot[];
}

function addSlot(
  drafts: Map<number, Draft>,
  widthMs: number,
  spec: FeatureSpec,
  window: Window,
  schema: EventSchema,
): void {
  const draft = drafts.get(widthMs) ?? { widthMs, longestMs: 0, keys: [], slots: [] };
  drafts.set(widthMs, draft);
  draft.longestMs = Math.max(draft.longestMs, window.sizeMs);
  const built = buildAggregate(spec, spec.windows, schema);
  const key = slotKey(built, spec, schema);
  if (draft.keys.includes(key)) return;
  draft.keys.push(key);
  const { aggregate, column, hashed } = built;
  draft.slots.push({ aggregate, column, hashed, where: testsOf(spec.where, schema) });
}

/** Two features with one key share their accumulators. */
function slotKey({ key }: Built, { where }: FeatureSpec, schema: EventSchema): string {
  return JSON.stringify([key, testsOf(where, schema)]);
}

/** Conditions in a fixed order, their values in the form that a row has them in. `check` has seen that they can be converted. */
function testsOf(where: Condition | undefined, schema: EventSchema): readonly Test[] {
  return Object.entries(where ?? {})
    .map(([column, value]) => ({ column, values: listOf(value).map((one) => toRowValue(one, typeOf(schema, column))) }))
    .sort((a, b) => (a.column < b.column ? -1 : 1));
}

function typeOf(schema: EventSchema, column: string | undefined): ColumnType | undefined {
  return schema.columns.find(({ name }) => name === column)?.type;
}
