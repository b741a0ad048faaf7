import type { Aggregate } from "./aggregate.ts";
import { buildAggregate } from "./aggregates/build.ts";
import type { Slot, Test } from "./compile.ts";
import { testsOf } from "./condition.ts";
import type { FeatureSpec } from "./feature.ts";
import { lastEventsOf } from "./last-events.ts";
import { type Lattice, tileWidth } from "./lattice.ts";
import type { EventSchema } from "./schema.ts";
import { span } from "./sessions.ts";
import type { SessionWindow, Window } from "./window.ts";
import { zoneOf } from "./zone.ts";

/** A view being compiled: resolutions, slots, tests and hashes are found as its features ask for them, each once. */
export interface Draft {
  readonly schema: EventSchema;
  /** How far events can lie after the earliest as-of time that can still be asked for. */
  readonly reachMs: number;
  readonly tests: Test[];
  readonly hashed: string[];
  readonly resolutions: Map<string, DraftResolution>;
}

export interface DraftResolution {
  readonly key: string;
  readonly lattice: Lattice;
  readonly forever: boolean;
  longestMs: number;
  /** What decides what is in a slot: two features with one key share their accumulators. */
  readonly keys: string[];
  readonly slots: Slot[];
}

export interface DraftPlace {
  readonly resolution: DraftResolution;
  readonly slot: number;
  readonly aggregate: Aggregate<unknown>;
}

/** Finest tiles first; the single tile of what is kept once per item before all. */
export function inOrder(a: DraftResolution, b: DraftResolution): number {
  return a.lattice.widthMs - b.lattice.widthMs || (a.key < b.key ? -1 : 1);
}

export function placeOf(draft: Draft, spec: FeatureSpec, window: Window): DraftPlace {
  const { schema, reachMs } = draft;
  const built =
    window.kind === "lastEvents"
      ? lastEventsOf(spec, window, schema, reachMs)
      : buildAggregate(spec, spec.windows, schema, reachMs);
  const { aggregate, column, by, steps, hashed, perItem, key } = built;
  const slot: Slot = {
    kind: spec.kind,
    aggregate,
    column,
    by,
    steps: steps?.map((step) => testsIn(draft, testsOf(step, schema))) ?? null,
    hash: hashed && column !== null ? indexIn(draft.hashed, column) : -1,
    where: testsIn(draft, testsOf(spec.where, schema)),
  };
  const slotKey = JSON.stringify([key, testsOf(spec.where, schema)]);
  if (perItem) {
    if (window.kind === "session") spanOf(draft, window);
    return addSlot(resolutionOf(draft, "item", ONE_TILE, window), slotKey, slot);
  }
  if (window.kind === "session") return addSlot(spanOf(draft, window).resolution, slotKey, slot);
  return addSlot(tilesOf(draft, window), slotKey, slot);
}

const ONE_TILE: Lattice = { widthMs: 0, offsetMs: 0, zone: null };

/** The resolution that a window is made of, with the window's length taken into account. */
function tilesOf(draft: Draft, window: Window): DraftResolution {
  if (window.kind === "calendar") {
    const lattice = { widthMs: 86_400_000, offsetMs: 0, zone: zoneOf(window.zone) };
    return resolutionOf(draft, `days ${window.zone}`, lattice, window);
  }
  const widthMs = tileWidth(window);
  const offsetMs = window.offsetMs % widthMs;
  const key = `${widthMs}${offsetMs === 0 ? "" : `+${offsetMs}`}${window.kind === "lifetime" ? " for ever" : ""}`;
  return resolutionOf(draft, key, { widthMs, offsetMs, zone: null }, window);
}

function resolutionOf(draft: Draft, key: string, lattice: Lattice, window: Window): DraftResolution {
  const forever = window.kind === "lifetime" && lattice.widthMs > 0;
  const made = draft.resolutions.get(key) ?? { key, lattice, forever, longestMs: 0, keys: [], slots: [] };
  draft.resolutions.set(key, made);
  made.longestMs = Math.max(made.longestMs, window.sizeMs);
  return made;
}

/** Sessions are those of all the view's events, whatever a feature counts of them. */
export function spanOf(draft: Draft, window: SessionWindow): DraftPlace {
  const slot = {
    kind: "span",
    aggregate: span as Aggregate<unknown>,
    column: null,
    by: null,
    steps: null,
    hash: -1,
    where: [],
  };
  return addSlot(tilesOf(draft, window), "span", slot);
}

function addSlot(resolution: DraftResolution, key: string, slot: Slot): DraftPlace {
  const { aggregate } = slot;
  const known = resolution.keys.indexOf(key);
  if (known >= 0) return { resolution, slot: known, aggregate };
  resolution.keys.push(key);
  resolution.slots.push(slot);
  return { resolution, slot: resolution.slots.length - 1, aggregate };
}

function testsIn(draft: Draft, tests: readonly Test[]): readonly number[] {
  return tests.map((test) => {
    const text = JSON.stringify(test);
    const known = draft.tests.findIndex((other) => JSON.stringify(other) === text);
    return known >= 0 ? known : draft.tests.push(test) - 1;
  });
}

function indexIn(list: string[], name: string): number {
  const known = list.indexOf(name);
  return known >= 0 ? known : list.push(name) - 1;
}
