/**
 * The few values that a shop (or whatever the definitions are about) consists of here, so that events collide: some keys, some of each entity,
 * and values on both sides of every condition. What an event means is known before it is written, so nobody has to read it back.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Column, ColumnType, Condition, EventSchema, Scalar } from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import { exampleEvent } from "../dev/example-event.ts";
import { readSchema, type SchemaNode } from "../schema/read-schema.ts";
import { UserError } from "../user-error.ts";

/** What happened. A decimal is a whole number of its smallest unit, a time is epoch ms, as in the definitions' rows. */
export interface Fact {
  readonly id: string;
  readonly timeMs: number;
  readonly key: string;
  /** Of the columns that views look at. */
  readonly values: Readonly<Record<string, Scalar>>;
}

export interface Vocabulary {
  readonly keys: readonly string[];
  /** By column, without id, time and key; null is a choice where the event may be without. */
  readonly choices: ReadonlyMap<string, readonly Scalar[]>;
  /** The fact as a producer writes it; `form` from 0 to below 1 chooses among ways of writing a time. */
  write(fact: Fact, form: number): Record<string, unknown>;
}

/** Throws a UserError when no event can be made that the schema takes. */
export function vocabularyOf(definitions: Definitions): Vocabulary {
  const { features, eventSchema, dir } = definitions;
  const base = exampleEvent(definitions, "2026-01-02T03:04:05Z")?.event;
  if (base === undefined)
    throw new UserError(
      `chaos found no event that ${join(dir, "event.schema.json")} takes: its patterns are beyond it.`,
    );
  const nodes = nodesByPath(readSchema(readFileSync(join(dir, "event.schema.json"), "utf8")));
  const conditions = valuesInConditions(definitions);
  const takes = (column: Column, value: unknown): boolean =>
    eventSchema.validate(withValue(base, column.path, value)) === null;

  const choicesOf = (column: Column): readonly Scalar[] => {
    const constants = nodes.get(JSON.stringify(column.path))?.constants ?? [];
    const wanted = [...(conditions.get(column.name) ?? []), ...constants, ...candidates(column)];
    const fitting = wanted.filter((value) => value === null || takes(column, toJson(column.type, value)));
    const distinct = [...new Set(fitting)].slice(0, MOST_CHOICES);
    if (takes(column, null) && !distinct.includes(null)) distinct.push(null);
    if (distinct.length > 0) return distinct;
    throw new UserError(
      `chaos found no value for the column ${column.name} that ${join(dir, "event.schema.json")} takes.`,
    );
  };
  const used = usedColumns(definitions);
  const choices = new Map(used.map((column) => [column.name, choicesOf(column)]));
  const keyColumn = columnOf(eventSchema, features.partitionKey);
  return {
    keys: choicesOf(keyColumn)
      .filter((value) => value !== null)
      .map(String),
    choices,
    write(fact, form) {
      const time = writeTimes(fact.timeMs)[Math.floor(form * 3)];
      const timeColumn = columnOf(eventSchema, eventSchema.timeColumn);
      const values: readonly (readonly [Column, unknown])[] = [
        [columnOf(eventSchema, eventSchema.idColumn), fact.id],
        [timeColumn, takes(timeColumn, time) ? time : writeTimes(fact.timeMs)[0]],
        [keyColumn, fact.key],
        ...used.map((column) => [column, toJson(column.type, fact.values[column.name] ?? null)] as const),
      ];
      let event: unknown = base;
      for (const [{ path }, value] of values) event = withValue(event, path, value);
      return event as Record<string, unknown>;
    },
  };
}

const MOST_CHOICES = 6;

function usedColumns({ features, metrics, eventSchema }: Definitions): readonly Column[] {
  const named = [...features.views, ...metrics.metrics].map(({ name: _, ...definition }) => definition);
  const own = [eventSchema.idColumn, eventSchema.timeColumn, features.partitionKey];
  const names = new Set(named.flatMap((definition) => columnsIn(definition, eventSchema)));
  return [...names].filter((name) => !own.includes(name)).map((name) => columnOf(eventSchema, name));
}

/** Every column that a definition names, in whatever field: as a text, or as the key of a condition. */
function columnsIn(value: unknown, schema: EventSchema): readonly string[] {
  if (typeof value === "string") return schema.columns.some(({ name }) => name === value) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(Array.isArray(value) ? [] : columnsIn(key, schema)),
    ...columnsIn(inner, schema),
  ]);
}

function valuesInConditions({ features, metrics, eventSchema }: Definitions): ReadonlyMap<string, readonly Scalar[]> {
  const found = new Map<string, Scalar[]>();
  const add = (condition: Condition = {}): void => {
    for (const [column, value] of Object.entries(condition)) {
      const values = (Array.isArray(value) ? value : [value]) as readonly Scalar[];
      const type = eventSchema.columns.find(({ name }) => name === column)?.type;
      // Metrics know columns besides the event's.
      if (type === undefined) continue;
      found.set(column, [...(found.get(column) ?? []), ...values.map((one) => fromCondition(type, one))]);
    }
  };
  for (const view of features.views) for (const { where } of [view, ...view.features.filter(isConditional)]) add(where);
  for (const metric of metrics.metrics)
    for (const { where } of [metric, ...metric.measures.filter(isConditional)]) add(where);
  return found;
}

function isConditional(spec: object): spec is { readonly where: Condition } {
  return "where" in spec;
}

/** In a condition a decimal stands as people write it. */
export function fromCondition(type: ColumnType, value: Scalar): Scalar {
  if (typeof type === "object" && value !== null) return Math.round(Number(value) * 10 ** type.decimal.scale);
  return type === "timestamp" && typeof value === "string" ? Date.parse(value) : value;
}

function candidates({ name, type }: Column): readonly Scalar[] {
  if (type === "string") return [1, 2, 3, 4, 5].map((n) => `${name[0]}${n}`);
  if (type === "boolean") return [true, false];
  if (type === "timestamp") return [0, 1_700_000_000_000, 1_800_000_000_001];
  if (type === "double") return [0, 0.5, -1.25, 300_000, 7];
  if (type === "bigint") return [0, 1, 2, -3, 7, 1_000_000];
  return [0, 1, 10 ** type.decimal.scale, 150, -99, 123_456_789_012];
}

/** As it stands in an event. Fifteen digits survive the way through a JSON number. */
function toJson(type: ColumnType, value: Scalar): unknown {
  if (value === null) return null;
  if (typeof type === "object") return Number(value) / 10 ** type.decimal.scale;
  return type === "timestamp" ? new Date(Number(value)).toISOString() : value;
}

function writeTimes(timeMs: number): readonly unknown[] {
  const east = new Date(timeMs + 2 * 3_600_000).toISOString().replace("Z", "+02:00");
  return [new Date(timeMs).toISOString(), east, timeMs];
}

/** A copy in which the field holds the value; null leaves the field out. */
function withValue(event: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const { [name]: inner, ...others } = (event ?? {}) as Record<string, unknown>;
  const changed = withValue(inner, rest, value);
  return changed === null ? others : { ...others, [name]: changed };
}

function nodesByPath(node: SchemaNode): ReadonlyMap<string, SchemaNode> {
  return new Map([[JSON.stringify(node.path), node], ...node.properties.flatMap((inner) => [...nodesByPath(inner)])]);
}

function columnOf({ columns }: EventSchema, name: string): Column {
  const column = columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new Error(`expected the column ${name} in the event schema`);
  return column;
}
