import { DefinitionError } from "./define.ts";
import { demand, isWhole } from "./demand.ts";
import type { FeatureSpec } from "./feature.ts";
import { tileWidth } from "./lattice.ts";
import { type LastEventsWindow, type SessionWindow, WEEKDAYS, type Window } from "./window.ts";
import { zoneOf } from "./zone.ts";

/** What a window may not say, alone or together with the feature's aggregate. */

const MOST_TILES = 1500;
const MOST_EVENTS = 1000;
const LONGEST_MS = 366 * 86_400_000;
const KINDS: readonly Window["kind"][] = ["tumbling", "hopping", "calendar", "session", "lastEvents", "lifetime"];
/** They need a window of a length, or keep every event of it. */
const NOT_FOR_LIFETIME = ["rate", "decayedSum", "dwell", "funnel"];
const NOT_FOR_LAST_EVENTS = ["rate", "decayedSum", "lastK"];

export function checkWindow(where: string, { kind }: FeatureSpec, window: Window): void {
  demand(KINDS.includes(window.kind), `${where}: unknown window "${window.kind}": use one of ${KINDS.join(", ")}`);
  const { sizeMs, stepMs, offsetMs } = window;
  demand(
    window.kind === "lifetime" || isWhole(sizeMs, 1, LONGEST_MS),
    `${where}: a window's size must be whole milliseconds up to 366 days, got ${sizeMs}`,
  );
  const longestStepMs = window.kind === "lifetime" ? LONGEST_MS : sizeMs;
  demand(
    isWhole(stepMs, 1, longestStepMs),
    `${where}: a window's step must be whole milliseconds and at most its size (${longestStepMs}), got ${stepMs}`,
  );
  demand(
    isWhole(offsetMs, 0, stepMs - 1) || offsetMs === 0,
    `${where}: a window's offset must be whole milliseconds from 0 to less than its step (${stepMs}), got ${offsetMs}`,
  );
  if (window.kind === "session") checkSession(where, window);
  if (window.kind === "lastEvents") checkLastEvents(where, kind, window);
  if (window.kind === "calendar") {
    checkZone(where, window.zone);
    demand(
      WEEKDAYS.includes(window.weekStartsOn),
      `${where}: a week must start on one of ${WEEKDAYS.join(", ")}, got ${JSON.stringify(window.weekStartsOn)}`,
    );
  }
  demand(
    window.kind !== "lifetime" || !NOT_FOR_LIFETIME.includes(kind),
    `${where}: ${kind} needs a window that ends: over a lifetime it has no length, or would keep every event`,
  );
  checkTiles(where, kind, window);
}

function checkSession(where: string, { gapMs, longestMs, stepMs, gapEqual }: SessionWindow): void {
  demand(
    isWhole(longestMs, gapMs, LONGEST_MS - gapMs),
    `${where}: a session's longestMs must be whole milliseconds, at least the gap (${gapMs}), and with it at most 366 days, got ${longestMs}`,
  );
  demand(
    isWhole(stepMs, 1, gapMs) && longestMs % stepMs === 0,
    `${where}: a session's step must be at most its gap (${gapMs}) and divide longestMs (${longestMs}), got ${stepMs}`,
  );
  demand(
    gapEqual === "merge" || gapEqual === "split",
    `${where}: gapEqual must be "merge" or "split", got ${JSON.stringify(gapEqual)}`,
  );
}

function checkLastEvents(where: string, kind: string, { events }: LastEventsWindow): void {
  demand(
    isWhole(events, 1, MOST_EVENTS),
    `${where}: lastEvents takes a whole number of events from 1 to ${MOST_EVENTS}, got ${events}`,
  );
  demand(
    !NOT_FOR_LAST_EVENTS.includes(kind),
    `${where}: ${kind} over the last events says nothing: give it a window of time${kind === "lastK" ? ", k is its bound already" : ""}`,
  );
}

function checkZone(where: string, zone: string): void {
  try {
    zoneOf(zone);
  } catch {
    throw new DefinitionError(
      `${where}: unknown time zone ${JSON.stringify(zone)}: give an IANA name such as "Europe/Berlin"`,
    );
  }
}

function checkTiles(where: string, kind: string, window: Window): void {
  if (kind === "lastK" || window.kind === "lifetime" || window.kind === "lastEvents" || window.kind === "calendar")
    return;
  const tiles = window.sizeMs / tileWidth(window);
  demand(
    tiles <= MOST_TILES,
    `${where}: a window of ${window.sizeMs} ms every ${window.stepMs} ms takes ${tiles} tiles, at most ${MOST_TILES} are allowed: use a longer step`,
  );
}
