import type { Bounds, FeatureValue } from "./aggregate.ts";
import type { CompiledFeature, CompiledView, Pipeline, Place, Resolution } from "./compile.ts";
import { calendarBounds, composeWindow, type FilledTile, ratioOf, spansOf, type Tiles } from "./compose.ts";
import type { Event } from "./decode.ts";
import { roundUp, tileStartMs } from "./lattice.ts";
import { viewOf } from "./read.ts";
import { isOneSession } from "./sessions.ts";
import { addToTiles, type Fact, matches } from "./state.ts";
import { allTiles, noTiles, slotsOf } from "./tiles.ts";
import { type CalendarWindow, type LatticeWindow, type SessionWindow, windowName } from "./window.ts";
import type { Zone } from "./zone.ts";

/**
 * Every window of a whole history: the same tiles and the same aggregates as the online fold, with nothing pruned. A window is given
 * when at least one event of its view and entity lies in it. The order of the events given does not matter; a fact given twice
 * counts once. Events must all be there first, in memory.
 */
export interface WindowRow {
  readonly view: string;
  readonly entity: string;
  /** The window's name, as in the names of its features: `30s`, `1h_tumbling`, `day`, `session`, `last10`, `lifetime`. */
  readonly window: string;
  /**
   * Half-open, epoch ms. A session ends a gap after its last event. The last events and a lifetime are given once, as of the first
   * as-of time after the entity's last event; a lifetime starts at null.
   */
  readonly startMs: number | null;
  readonly endMs: number;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

/** All rows, by view as defined, by entity, by start, and by window as defined. */
export function* evaluateHistory(
  pipeline: Pipeline,
  events: Iterable<Event>,
  options: { readonly view?: string } = {},
): Generator<WindowRow> {
  const views = options.view === undefined ? pipeline.views : [viewOf(pipeline, options.view)];
  const entities = views.map(() => new Map<string, Fact[]>());
  for (const { timeMs, high, low, row } of events) {
    views.forEach((view, v) => {
      const entity = matches(view.where, row) ? (row[view.entity] ?? null) : null;
      if (entity === null) return;
      const facts = entities[v]?.get(String(entity));
      if (facts === undefined) entities[v]?.set(String(entity), [{ timeMs, high, low, row }]);
      else facts.push({ timeMs, high, low, row });
    });
  }
  for (const [v, view] of views.entries()) {
    const ordered = [...(entities[v] as Map<string, Fact[]>)].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [entity, facts] of ordered) yield* rowsOf(view, entity, distinctFacts(facts));
  }
}

/** In the order of their times, each fact once. */
function distinctFacts(facts: Fact[]): readonly Fact[] {
  facts.sort((a, b) => a.timeMs - b.timeMs || a.high - b.high || a.low - b.low);
  return facts.filter(({ timeMs, high, low }, i) => {
    const before = facts[i - 1];
    return before === undefined || before.timeMs !== timeMs || before.high !== high || before.low !== low;
  });
}

function rowsOf(view: CompiledView, entity: string, facts: readonly Fact[]): readonly WindowRow[] {
  const lists = view.resolutions.map(noTiles);
  for (const fact of facts) addToTiles(view, lists, fact);
  const tiles: Tiles = lists.map((list, r) =>
    allTiles(list).map((tile): FilledTile => {
      return { index: tile.index, slots: slotsOf(view.resolutions[r] as Resolution, list, tile) };
    }),
  );
  const times = facts.map(({ timeMs }) => timeMs);
  const rows = windowsOf(view).flatMap(({ name, features, first }) =>
    placesOf(view, first, tiles, times).map(({ bounds, startMs, endMs }): WindowRow => {
      return {
        view: view.name,
        entity,
        window: name,
        startMs,
        endMs,
        features: valuesIn(view, features, tiles, bounds),
      };
    }),
  );
  const startOf = ({ startMs }: WindowRow) => startMs ?? Number.MIN_SAFE_INTEGER;
  return rows.sort((a, b) => startOf(a) - startOf(b));
}

interface DefinedWindow {
  readonly name: string;
  /** The places of its features in the view's list. */
  readonly features: readonly number[];
  readonly first: CompiledFeature;
}

/** The view's different windows. Two windows of one name (of two time zones, say) have different features. */
function windowsOf({ features }: CompiledView): readonly DefinedWindow[] {
  const keys = features.map(({ window }) => JSON.stringify(window));
  return [...new Set(keys)].map((key) => {
    const first = features[keys.indexOf(key)] as CompiledFeature;
    const own = features.flatMap((_, i) => (keys[i] === key ? [i] : []));
    return { name: windowName(first.window), features: own, first };
  });
}

function valuesIn(
  view: CompiledView,
  own: readonly number[],
  tiles: Tiles,
  bounds: Bounds,
): Record<string, FeatureValue> {
  const values: FeatureValue[] = [];
  for (const i of own) {
    const feature = view.features[i] as CompiledFeature;
    if (feature.kind === "aggregate") values[i] = composeWindow(view, feature, tiles, bounds);
  }
  return Object.fromEntries(
    own.map((i) => {
      const feature = view.features[i] as CompiledFeature;
      return [feature.name, feature.kind === "ratio" ? ratioOf(feature, values) : (values[i] as FeatureValue)];
    }),
  );
}

/** Where a window lies: the bounds of its tiles, and those to show. */
interface PlacedWindow {
  readonly bounds: Bounds;
  readonly startMs: number | null;
  readonly endMs: number;
}

function placesOf(
  view: CompiledView,
  feature: CompiledFeature,
  tiles: Tiles,
  times: readonly number[],
): readonly PlacedWindow[] {
  const { window } = feature;
  switch (window.kind) {
    case "hopping":
    case "tumbling":
      return latticePlaces(window, times);
    case "calendar":
      return calendarPlaces(window, feature.zone as Zone, times);
    case "session":
      return sessionPlaces(view, feature, tiles);
    case "lastEvents":
    case "lifetime": {
      const endMs = roundUp((times.at(-1) as number) + 1, window.stepMs);
      const startMs = endMs - window.sizeMs;
      return [{ bounds: { startMs, endMs }, startMs: Number.isFinite(startMs) ? startMs : null, endMs }];
    }
  }
}

function latticePlaces({ sizeMs, stepMs, offsetMs }: LatticeWindow, times: readonly number[]): readonly PlacedWindow[] {
  const ends = new Set<number>();
  for (const timeMs of times) {
    for (let endMs = roundUp(timeMs + 1, stepMs, offsetMs); endMs - sizeMs <= timeMs; endMs += stepMs) ends.add(endMs);
  }
  return [...ends].sort((a, b) => a - b).map((endMs) => placed({ startMs: endMs - sizeMs, endMs }));
}

function calendarPlaces(window: CalendarWindow, zone: Zone, times: readonly number[]): readonly PlacedWindow[] {
  const days = new Set(times.map((timeMs) => zone.dayOf(timeMs)));
  const found = new Map<number, Bounds>();
  for (const day of days) {
    const bounds = calendarBounds(window, zone, zone.startOf(day + 1));
    found.set(bounds.startMs, bounds);
  }
  return [...found.values()].map(placed);
}

function placed(bounds: Bounds): PlacedWindow {
  return { bounds, startMs: bounds.startMs, endMs: bounds.endMs };
}

function sessionPlaces(view: CompiledView, feature: CompiledFeature, tiles: Tiles): readonly PlacedWindow[] {
  const window = feature.window as SessionWindow;
  const { resolution, slot } = feature.span as Place;
  const lattice = view.resolutions[resolution] as Resolution;
  const out: PlacedWindow[] = [];
  for (const { index, firstMs, lastMs } of spansOf(tiles[resolution] as readonly FilledTile[], slot)) {
    const before = out.at(-1);
    const beforeMs = before === undefined ? Number.NEGATIVE_INFINITY : before.endMs - window.gapMs;
    const joins = before !== undefined && isOneSession(window, beforeMs, firstMs);
    if (joins) out.pop();
    const startMs = joins ? (before.startMs as number) : firstMs;
    out.push({ bounds: { startMs, endMs: tileStartMs(lattice, index + 1) }, startMs, endMs: lastMs + window.gapMs });
  }
  return out;
}
