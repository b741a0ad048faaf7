import type { Aggregate } from "./aggregate.ts";
import { checkFeatures, checkView } from "./check.ts";
import { testsOf } from "./condition.ts";
import { columnsFor } from "./curated-event.ts";
import type { Features, View } from "./define.ts";
import { demand } from "./demand.ts";
import { type Draft, type DraftPlace, inOrder, placeOf, spanOf } from "./draft.ts";
import type { FeatureSpec } from "./feature.ts";
import { FieldReader } from "./field-reader.ts";
import { layoutOfFormat1 } from "./format-1.ts";
import type { Lattice } from "./lattice.ts";
import { hash48 } from "./md5.ts";
import type { EventSchema, Scalar } from "./schema.ts";
import { growthOf, ITEM_BYTES, SOFT_ITEM_BYTES } from "./size.ts";
import { featureName, type Window } from "./window.ts";
import { type Zone, zoneOf } from "./zone.ts";

/**
 * Turns definitions into what the fold runs on, once. A view's windows are composed of tiles: one resolution per lattice of tiles,
 * and in each resolution one slot per aggregate that needs it. An event so updates one tile per resolution, whatever the number of
 * windows. Aggregates that are kept once per item (last K, last events) stand in a resolution of their own with a single tile.
 *
 * All is flat: a condition that several slots ask is one test, answered once per event, and slots name tests and hashes by number.
 */
export interface Pipeline {
  readonly schema: EventSchema;
  readonly partitionKey: string;
  readonly allowedLatenessMs: number;
  readonly maxSkewMs: number;
  readonly slackMs: number;
  readonly views: readonly CompiledView[];
  /** Reads what the views need of an event; null where the schema cannot. It learns as events come. */
  readonly fields: FieldReader | null;
}

export interface CompiledView {
  /** The name, with `@version` when the version is not 1: what items, quarantine rows and reports are keyed by. */
  readonly name: string;
  /** Under the name without a version; false while it stands by. */
  readonly served: boolean;
  readonly entity: string;
  /** Whether items are kept per shard because the entity is not the partition key. */
  readonly lanes: boolean;
  readonly where: readonly Test[];
  /** Every condition that a slot asks, each once. */
  readonly tests: readonly Test[];
  /** Found out as events come, by the answers to the tests: see `planOf`. */
  readonly plans: Map<number, Plan>;
  /** The columns whose values are hashed, each once. */
  readonly hashed: readonly string[];
  readonly resolutions: readonly Resolution[];
  readonly features: readonly CompiledFeature[];
  /** The longest window (ms); infinite with a lifetime. */
  readonly longestMs: number;
  /** The most live fingerprints of one item; an entity's further events are quarantined `entity_over_limit`. */
  readonly entityLimit: number;
  readonly sequence: CompiledSequence | null;
  /** What one event adds to an item at most. */
  readonly growthBytes: number;
  /** Tells the states of another definition apart: 48 bits of what decides what goes into a state and how long it stays. */
  readonly layout: number;
  /** The same in states of format 1; null where that format could not hold this view. */
  readonly layoutOfFormat1: number | null;
}

/** Per resolution, the slots that an event touches. */
export type Plan = readonly (readonly number[])[];

export interface Resolution extends Lattice {
  /** The longest window that is made of these tiles (ms). */
  readonly longestMs: number;
  /** Tiles do not expire: what has no as-of time left before it is merged into a base. */
  readonly forever: boolean;
  readonly slots: readonly Slot[];
}

export interface Slot {
  /** The aggregate's word, for people. */
  readonly kind: string;
  readonly aggregate: Aggregate<unknown>;
  /** The column whose value is aggregated; null for none. */
  readonly column: string | null;
  readonly by: string | null;
  /** In place of a column: the value's bit i says whether all tests of step i hold. */
  readonly steps: readonly (readonly number[])[] | null;
  /** Which of the view's hashed columns; -1 for none. */
  readonly hash: number;
  /** The tests that must hold. */
  readonly where: readonly number[];
}

export type CompiledFeature = AggregateFeature | RatioFeature;

export interface AggregateFeature {
  readonly kind: "aggregate";
  readonly name: string;
  readonly window: Window;
  /** Whose `result` the feature is; all else it shares with the slot. */
  readonly aggregate: Aggregate<unknown>;
  readonly resolution: number;
  readonly slot: number;
  /** Of a calendar window. */
  readonly zone: Zone | null;
  /** Where the spans of a session window's tiles are. */
  readonly span: Place | null;
}

/** One feature over another, by their places in the view's list. */
export interface RatioFeature {
  readonly kind: "ratio";
  readonly name: string;
  readonly window: Window;
  readonly zone: Zone | null;
  readonly span: Place | null;
  readonly numerator: number;
  readonly denominator: number;
}

export interface Place {
  readonly resolution: number;
  readonly slot: number;
}

export interface CompiledSequence {
  readonly column: string;
  readonly behind: "count" | "quarantine";
  readonly reorder: number;
  /** The columns that an event held back is kept with. */
  readonly columns: readonly string[];
}

/** A column must hold one of the values. */
export interface Test {
  readonly column: string;
  readonly values: readonly Scalar[];
}

/** The most live fingerprints that one item keeps, unless its view says otherwise. */
const ENTITY_LIMIT = 5000;

/** A view's conditions: the answers to all of them make one number. */
const MOST_TESTS = 50;

/** Checks the definitions against the event schema and compiles them. Throws DefinitionError. */
export function compile(features: Features, schema: EventSchema): Pipeline {
  checkFeatures(features, schema);
  const views = features.views.map((view) => {
    checkView(view, features, schema);
    return compileView(view, features, schema);
  });
  const { partitionKey, allowedLatenessMs, maxSkewMs, slackMs } = features;
  const looked = views.flatMap((view) => columnsFor({ schema, partitionKey }, view));
  const wanted = new Set([partitionKey, schema.idColumn, schema.timeColumn, ...looked.map(({ name }) => name)]);
  const { readFields, columns, idColumn } = schema;
  const fields = readFields === undefined ? null : new FieldReader(columns, wanted, partitionKey, idColumn);
  return { schema, partitionKey, allowedLatenessMs, maxSkewMs, slackMs, views, fields };
}

function compileView(view: View, features: Features, schema: EventSchema): CompiledView {
  const reachMs = features.allowedLatenessMs + features.slackMs + features.maxSkewMs;
  const draft: Draft = { schema, reachMs, tests: [], hashed: [], resolutions: new Map() };
  const wanted = view.features.flatMap((spec) => spec.windows.map((window) => ({ spec, window })));
  const places = wanted.map(({ spec, window }) => (spec.kind === "ratio" ? null : placeOf(draft, spec, window)));

  const ordered = [...draft.resolutions.values()].sort(inOrder);
  const toPlace = ({ resolution, slot }: DraftPlace): Place => ({ resolution: ordered.indexOf(resolution), slot });
  const names = wanted.map(({ spec, window }) => featureName(spec, window));
  const compiled = wanted.map(({ spec, window }, i): CompiledFeature => {
    const name = names[i] as string;
    const common = {
      name,
      window,
      zone: window.kind === "calendar" ? zoneOf(window.zone) : null,
      span: window.kind === "session" ? toPlace(spanOf(draft, window)) : null,
    };
    const place = places[i] ?? null;
    if (spec.kind === "ratio" || place === null) return { ...common, ...ratioOf(spec as RatioSpec, window, names) };
    return { kind: "aggregate", ...common, aggregate: place.aggregate, ...toPlace(place) };
  });
  demand(
    draft.tests.length <= MOST_TESTS,
    `view ${view.name}: its features have ${draft.tests.length} different conditions, at most ${MOST_TESTS} are allowed: split the view`,
  );
  const where = testsOf(view.where, schema);
  const sequence = sequenceOf(view, draft);
  const resolutions = ordered.map(({ lattice, longestMs, forever, slots }) => ({
    ...lattice,
    longestMs,
    forever,
    slots,
  }));
  const growthBytes = growthOf({ resolutions, sequence }, schema);
  demand(
    growthBytes <= ITEM_BYTES - SOFT_ITEM_BYTES,
    `view ${view.name}: one event may add ${growthBytes} bytes to an item, at most ${ITEM_BYTES - SOFT_ITEM_BYTES} are allowed: give the texts that it keeps a smaller "maxLength" in event.schema.json, or split the view`,
  );
  const tiles = ordered.map(({ key, longestMs, keys }) => [key, String(longestMs), keys]);
  return {
    name: (view.version ?? 1) === 1 ? view.name : `${view.name}@${view.version}`,
    served: view.standby !== true,
    entity: view.entity,
    lanes: (view.lane ?? (view.entity === features.partitionKey ? "none" : "shard")) === "shard",
    where,
    tests: draft.tests,
    plans: new Map(),
    hashed: draft.hashed,
    resolutions,
    features: compiled,
    longestMs: Math.max(...wanted.map(({ window }) => window.sizeMs)),
    entityLimit: view.entityLimit ?? ENTITY_LIMIT,
    sequence,
    growthBytes,
    layout: hash48(JSON.stringify([2, view.entity, where, tiles, sequence])),
    layoutOfFormat1: layoutOfFormat1(view, schema),
  };
}

type RatioSpec = Extract<FeatureSpec, { readonly kind: "ratio" }>;

function ratioOf({ numerator, denominator }: RatioSpec, window: Window, names: readonly string[]) {
  const placeOfName = (name: string) => names.indexOf(featureName({ name }, window));
  return { kind: "ratio", numerator: placeOfName(numerator), denominator: placeOfName(denominator) } as const;
}

function sequenceOf({ sequence }: View, { tests, resolutions }: Draft): CompiledSequence | null {
  if (sequence === undefined) return null;
  const { column, behind = "count", reorder = 0 } = sequence;
  const slots = [...resolutions.values()].flatMap((resolution) => resolution.slots);
  const used = [...tests.map((test) => test.column), ...slots.flatMap((slot) => [slot.column, slot.by])];
  const columns = reorder === 0 ? [] : [...new Set(used.filter((name) => name !== null))].sort();
  return { column, behind, reorder, columns };
}
