import type { Bounds, FeatureValue } from "./aggregate.ts";
import type { AggregateFeature, CompiledView, RatioFeature, Resolution } from "./compile.ts";
import { roundUp, tileFrom, tileIndex } from "./lattice.ts";
import { isOneSession, type Span, span } from "./sessions.ts";
import { type CalendarWindow, type SessionWindow, WEEKDAYS, type Window } from "./window.ts";
import type { Zone } from "./zone.ts";

/**
 * Windows from tiles. As-of is *now* rounded up to the window's lattice, and the window ends there, so an event at or after as-of is
 * in no window yet. Which tiles a window is made of depends on the window alone; only a session's start depends on the events.
 */
export interface FilledTile {
  readonly index: number;
  readonly slots: readonly unknown[];
}

/** Per resolution, in any order; several tiles may have one index, from several lanes. */
export type Tiles = readonly (readonly FilledTile[])[];

export function composeFeatures(view: CompiledView, tiles: Tiles, nowMs: number): Record<string, FeatureValue> {
  const values = view.features.map((feature) =>
    feature.kind === "aggregate" ? valueAsOf(view, feature, tiles, nowMs) : null,
  );
  return Object.fromEntries(
    view.features.map((feature, i) => [
      feature.name,
      feature.kind === "ratio" ? ratioOf(feature, values) : (values[i] as FeatureValue),
    ]),
  );
}

/** One feature over another; null where one of them is no number, or the lower one is 0. */
export function ratioOf({ numerator, denominator }: RatioFeature, values: readonly FeatureValue[]): number | null {
  const above = values[numerator];
  const below = values[denominator];
  return typeof above === "number" && typeof below === "number" && below !== 0 ? above / below : null;
}

function valueAsOf(view: CompiledView, feature: AggregateFeature, tiles: Tiles, nowMs: number): FeatureValue {
  const { window, zone, span } = feature;
  if (window.kind === "session") {
    const resolution = view.resolutions[span?.resolution as number] as Resolution;
    const spans = spansOf(tiles[span?.resolution as number] as readonly FilledTile[], span?.slot as number);
    return composeWindow(view, feature, tiles, currentSession(resolution, spans, window, nowMs));
  }
  return composeWindow(view, feature, tiles, boundsAsOf(window, zone, nowMs));
}

/** The feature over a window; its end is the end of a tile, and so is its start, or it lies in the first tile of a session. */
export function composeWindow(
  { resolutions }: CompiledView,
  { aggregate, resolution: r, slot: s }: AggregateFeature,
  tiles: Tiles,
  bounds: Bounds,
): FeatureValue {
  const resolution = resolutions[r] as Resolution;
  const { startMs, endMs } = bounds;
  const from = tileIndex(resolution, startMs);
  const to = resolution.widthMs === 0 ? 1 : tileFrom(resolution, endMs);
  let merged: unknown;
  for (const { index, slots } of startMs < endMs ? (tiles[r] as readonly FilledTile[]) : []) {
    const acc = index >= from && index < to ? slots[s] : undefined;
    if (acc !== undefined) merged = merged === undefined ? acc : aggregate.merge(merged, acc);
  }
  return aggregate.result(merged, bounds);
}

function boundsAsOf(window: Exclude<Window, SessionWindow>, zone: Zone | null, nowMs: number): Bounds {
  if (window.kind === "calendar") return calendarBounds(window, zone as Zone, nowMs);
  const endMs = roundUp(nowMs, window.stepMs, window.offsetMs);
  return { startMs: endMs - window.sizeMs, endMs };
}

/** The first day or week that ends at *now* or later. */
export function calendarBounds({ unit, weekStartsOn }: CalendarWindow, zone: Zone, nowMs: number): Bounds {
  const today = zone.dayOf(nowMs);
  const next = zone.startOf(today) === nowMs ? today : today + 1;
  if (unit === "day") return { startMs: zone.startOf(next - 1), endMs: zone.startOf(next) };
  const first = next + ((WEEKDAYS.indexOf(weekStartsOn) - weekdayOf(next) + 7) % 7);
  return { startMs: zone.startOf(first - 7), endMs: zone.startOf(first) };
}

/** Monday is 0. The first of January 1970 was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** The spans of tiles with their numbers, oldest first; what several lanes have of one tile is one span. */
export function spansOf(tiles: readonly FilledTile[], slot: number): readonly (Span & { readonly index: number })[] {
  const merged = new Map<number, Span>();
  for (const { index, slots } of tiles) {
    const own = slots[slot] as Span | undefined;
    const other = merged.get(index);
    if (own !== undefined) merged.set(index, other === undefined ? own : span.merge(other, own));
  }
  return [...merged].map(([index, own]) => ({ index, ...own })).sort((a, b) => a.index - b.index);
}

/** From the first event of the session that an event right now would join; empty when it would begin one. */
function currentSession(
  resolution: Resolution,
  spans: ReturnType<typeof spansOf>,
  window: SessionWindow,
  nowMs: number,
): Bounds {
  const endMs = roundUp(nowMs, window.stepMs);
  const before = spans.filter(({ index }) => index < tileIndex(resolution, endMs));
  let laterMs = nowMs;
  let startMs = endMs;
  for (const { firstMs, lastMs } of before.reverse()) {
    if (lastMs < laterMs && !isOneSession(window, lastMs, laterMs)) break;
    startMs = firstMs;
    laterMs = firstMs;
  }
  return { startMs, endMs };
}
