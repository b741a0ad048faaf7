import {
  curatedEvent,
  type EntityHistory,
  type Event,
  entityOf,
  type Pipeline,
  type Recomputed,
  recomputeEntity,
  stateId,
  toCuratedRow,
} from "@millrace/engine";
import fc from "fast-check";
import type { Table } from "./histories.ts";

/** What the lake would give back of events, and the recompute of a whole table from it. */

/** The event as it comes back from the lake: through Firehose's JSON, Parquet, and the JSON that Athena unloads. */
export function throughTheLake(pipeline: Pipeline, event: Event): Event {
  const row = toCuratedRow(pipeline, { kind: "event", event }, 1) ?? {};
  const types = new Map(pipeline.schema.columns.map(({ name, type }) => [name, type]));
  const unloaded = Object.entries(row).map(([name, value]) => {
    const type = name === "_arrival" ? "timestamp" : types.get(name);
    if (type === "timestamp") return [name, String(value).replace("T", " ").replace("Z", "")];
    // Athena writes decimals with all their places, some writers as text.
    return [name, typeof type === "object" ? Number(value).toFixed(type.decimal.scale) : value];
  });
  return curatedEvent(pipeline, JSON.parse(JSON.stringify(Object.fromEntries(unloaded))));
}

/** Rows in any order, some of them several times, as several pipeline versions and Firehose's retries leave them. */
export const anyOrder = fc.infiniteStream(fc.record({ rank: fc.nat(), copies: fc.constantFrom(1, 1, 1, 2, 3) }));
export type AnyOrder = fc.Stream<{ readonly rank: number; readonly copies: number }>;

export function shuffled<T>(list: readonly T[], order: AnyOrder): readonly T[] {
  return list
    .flatMap((item) => {
      const { rank, copies } = order.next().value;
      return Array.from({ length: copies }, (_, copy) => ({ item, rank: rank * (copy + 1) }));
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

export type How = Partial<Pick<EntityHistory, "raiseTo" | "wholeHistory">> & { readonly tail?: readonly Event[] };

/** Every entity of every view anew: those that have items, and those that have events. */
export function recomputeAll(
  pipeline: Pipeline,
  table: Table,
  rows: readonly Event[],
  { tail = [], raiseTo, wholeHistory = true }: How = {},
): { readonly table: Table; readonly recomputed: readonly Recomputed[] } {
  const recomputed: Recomputed[] = [];
  for (const view of pipeline.views) {
    const stored = [...table.values()].filter(({ key }) => key.view === view.name);
    const named = [...rows, ...tail].map((event) => entityOf(view, event)).filter((entity) => entity !== null);
    const entities = new Set([...named, ...stored.map(({ key }) => key.entity)]);
    for (const entity of entities) {
      const own = (event: Event) => entityOf(view, event) === entity;
      const items = new Map(
        stored.filter(({ key }) => key.entity === entity).map(({ key, bytes }) => [key.lane, bytes]),
      );
      const history = { events: rows.filter(own), tail: tail.filter(own), items, wholeHistory };
      recomputed.push(recomputeEntity(pipeline, view.name, entity, { ...history, ...(raiseTo && { raiseTo }) }));
    }
  }
  const items = recomputed.flatMap(({ items }) => items).map((item) => [stateId(item.key), item] as const);
  return { table: new Map([...table, ...items]), recomputed };
}
