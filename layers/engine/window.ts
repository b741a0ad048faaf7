import { days, hours, minutes } from "./duration.ts";
import type { FeatureSpec } from "./feature.ts";

/**
 * How far back a feature looks. Windows are half-open and end at as-of, which is *now* rounded up to the window's lattice.
 * Of every kind: `sizeMs` is the farthest that it looks back, `stepMs` and `offsetMs` the lattice of its as-of times
 * (offset + n * step).
 */
export type Window = LatticeWindow | CalendarWindow | SessionWindow | LastEventsWindow | LifetimeWindow;

interface Lattice {
  readonly sizeMs: number;
  readonly stepMs: number;
  readonly offsetMs: number;
}

/** [asOf - size, asOf). */
export interface LatticeWindow extends Lattice {
  readonly kind: "tumbling" | "hopping";
}

/** The day or week of a time zone that ends at as-of: the running one, except on the very instant at which it starts. */
export interface CalendarWindow extends Lattice {
  readonly kind: "calendar";
  readonly unit: "day" | "week";
  readonly zone: string;
  readonly weekStartsOn: Weekday;
}

export const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/**
 * The events since the last pause of more than `gapMs`, as long as no such pause has passed since the newest. No session is longer
 * than `longestMs`: it is cut where the epoch's multiples of that lie, so the cut does not depend on what came first.
 */
export interface SessionWindow extends Lattice {
  readonly kind: "session";
  readonly gapMs: number;
  readonly longestMs: number;
  /** Whether two events exactly `gapMs` apart are of one session (`merge`) or of two (`split`). */
  readonly gapEqual: "merge" | "split";
}

/** The newest `events` events before as-of that the feature counts, none older than `sizeMs`. */
export interface LastEventsWindow extends Lattice {
  readonly kind: "lastEvents";
  readonly events: number;
}

/** Everything before as-of. Items of a view with such a window never expire. */
export interface LifetimeWindow extends Lattice {
  readonly kind: "lifetime";
}

/** One window after the other, from `offsetMs` after the epoch on. */
export function tumbling(sizeMs: number, { offsetMs = 0 }: { readonly offsetMs?: number } = {}): Window {
  return { kind: "tumbling", sizeMs, stepMs: sizeMs, offsetMs };
}

/** The last `sizeMs`, moving on every `stepMs`. */
export function hopping(sizeMs: number, stepMs: number, { offsetMs = 0 }: { readonly offsetMs?: number } = {}): Window {
  return { kind: "hopping", sizeMs, stepMs, offsetMs };
}

/** The current day of a time zone, such as "Europe/Berlin"; clock changes make it 23 or 25 hours long. */
export function calendarDay(zone: string): Window {
  return { ...calendar(zone), unit: "day", sizeMs: days(1) + hours(2), weekStartsOn: "monday" };
}

/** The current week of a time zone; it starts on Monday unless told otherwise. */
export function calendarWeek(zone: string, options: { readonly startsOn?: Weekday } = {}): Window {
  return { ...calendar(zone), unit: "week", sizeMs: days(7) + hours(2), weekStartsOn: options.startsOn ?? "monday" };
}

/** Local days start on whole quarter hours of UTC, in every time zone since 1972. */
function calendar(zone: string) {
  return { kind: "calendar", zone, stepMs: minutes(15), offsetMs: 0 } as const;
}

export interface SessionOptions {
  /** 24 hours unless given. */
  readonly longestMs?: number;
  readonly gapEqual?: "merge" | "split";
  /** How finely as-of moves, at most the gap: finer steps, larger items. The gap unless given. */
  readonly stepMs?: number;
}

/** The current session: events with pauses of at most `gapMs`. */
export function session(gapMs: number, options: SessionOptions = {}): Window {
  const { longestMs = hours(24), gapEqual = "merge", stepMs = gapMs } = options;
  return { kind: "session", gapMs, longestMs, gapEqual, stepMs, sizeMs: gapMs + longestMs, offsetMs: 0 };
}

/** The newest `events` events; none older than 30 days unless given, as of every minute. */
export function lastEvents(
  events: number,
  options: { readonly withinMs?: number; readonly stepMs?: number } = {},
): Window {
  const { withinMs = days(30), stepMs = minutes(1) } = options;
  return { kind: "lastEvents", events, sizeMs: withinMs, stepMs, offsetMs: 0 };
}

/** All events ever, as of every minute unless given. */
export function lifetime(options: { readonly stepMs?: number } = {}): Window {
  return { kind: "lifetime", sizeMs: Number.POSITIVE_INFINITY, stepMs: options.stepMs ?? minutes(1), offsetMs: 0 };
}

/** `views` over 24 h is `views_24h`; other kinds of window say so: `views_24h_tumbling`, `views_day`, `views_session`. */
export function featureName({ name }: Pick<FeatureSpec, "name">, window: Window): string {
  return `${name}_${windowName(window)}`;
}

export function windowName(window: Window): string {
  switch (window.kind) {
    case "hopping":
      return durationName(window.sizeMs);
    case "tumbling":
      return `${durationName(window.sizeMs)}_tumbling`;
    case "calendar":
      return window.unit;
    case "session":
    case "lifetime":
      return window.kind;
    case "lastEvents":
      return `last${window.events}`;
  }
}

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** 30000 is "30s", 86400000 is "24h"; what is no whole second is given in ms. */
function durationName(ms: number): string {
  for (const [unit, sizeMs] of UNITS) if (ms % sizeMs === 0) return `${ms / sizeMs}${unit}`;
  return `${ms}ms`;
}
