import {
  type Event,
  type FeatureValue,
  isoTime,
  type Pipeline,
  type Recomputed,
  type RecomputedItem,
  readFeatures,
  summarizeItem,
} from "@millrace/engine";
import type { Finding, RecomputeTask } from "./task.ts";

/** So many of an entity's events are listed with a finding. */
export const LISTED_EVENTS = 50;

interface Compared {
  readonly task: Pick<RecomputeTask, "view" | "historyFrom">;
  readonly entity: string;
  readonly recomputed: Recomputed;
  readonly events: readonly Event[];
}

/**
 * Where an entity's online items and the recomputed ones say something else; null where they do not. Bytes may differ and say the same, when
 * lanes know of each other's events at different times. Features are asked at the first, the middle and the last moment that the
 * items' greatest arrival allows for. Counters are exact where the rows are the whole history; else, in an entity of one item, they tell that
 * it counted fewer events than there are, and never that it counted more.
 */
export function findDifference(pipeline: Pipeline, compared: Compared): Finding | null {
  const { task, entity, recomputed, events } = compared;
  const { items } = recomputed;
  const online = items.flatMap(({ stored }) => (stored === null ? [] : [stored]));
  const offline = items.map(({ bytes }) => bytes);
  if (differentItems(recomputed).length === 0) return null;
  const found = (differences: Finding["differences"], asOfMs: number | null): Finding => ({
    kind: kindOf(online, events),
    ...{ view: task.view, entity, differences },
    asOf: asOfMs === null ? null : isoTime(asOfMs),
    marks: Object.fromEntries(
      items.map(({ key, bytes }) => [key.lane, summarizeItem(pipeline, task.view, bytes).marks]),
    ),
    ...listed(events),
  });

  const greatestMs = Math.max(...offline.map((bytes) => summarizeItem(pipeline, task.view, bytes).greatestArrivalMs));
  const earliestMs = greatestMs - pipeline.allowedLatenessMs - pipeline.slackMs;
  for (const asOfMs of [greatestMs, earliestMs, greatestMs + pipeline.maxSkewMs]) {
    const differences = valuesThatDiffer(
      readFeatures(pipeline, task.view, online, asOfMs),
      readFeatures(pipeline, task.view, offline, asOfMs),
    );
    if (differences !== null) return found(differences, asOfMs);
  }
  const counters =
    task.historyFrom === null || items.length === 1
      ? valuesThatDiffer(countersOf(pipeline, task.view, online), countersOf(pipeline, task.view, offline))
      : null;
  return counters === null && online.length > 0 ? null : found(counters ?? {}, null);
}

export function differentItems({ items }: Pick<Recomputed, "items">): readonly RecomputedItem[] {
  return items.filter(({ bytes, stored }) => stored === null || Buffer.compare(bytes, stored) !== 0);
}

function kindOf(online: readonly Uint8Array[], events: readonly Event[]): Finding["kind"] {
  if (online.length === 0) return "missing";
  return events.length === 0 ? "rowless" : "different";
}

/** How many events an entity's items have applied, and how many they have recognised as duplicates. */
export function countersOf(pipeline: Pipeline, view: string, items: readonly Uint8Array[]) {
  const summaries = items.map((bytes) => summarizeItem(pipeline, view, bytes));
  return {
    applied: summaries.reduce((sum, { applied }) => sum + applied, 0),
    duplicates: summaries.reduce((sum, { duplicates }) => sum + duplicates, 0),
  };
}

export function listed(events: readonly Event[]): Pick<Finding, "events" | "eventsInAll"> {
  const newest = [...events].sort((a, b) => b.record.arrivalMs - a.record.arrivalMs || b.timeMs - a.timeMs);
  return {
    events: newest.slice(0, LISTED_EVENTS).map(({ id, timeMs, record }) => ({
      ...{ id, time: isoTime(timeMs), arrival: isoTime(record.arrivalMs) },
      ...record.position,
    })),
    eventsInAll: events.length,
  };
}

function valuesThatDiffer(
  online: Readonly<Record<string, FeatureValue>>,
  offline: Readonly<Record<string, FeatureValue>>,
): Finding["differences"] | null {
  const names = Object.keys(offline).filter((name) => JSON.stringify(online[name]) !== JSON.stringify(offline[name]));
  if (names.length === 0) return null;
  return Object.fromEntries(names.map((name) => [name, { online: online[name], offline: offline[name] }]));
}
