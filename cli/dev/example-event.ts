/** An event to try the pipeline with, made from the definitions: any schema has one, and a feature counts it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Condition, EventSchema, FeatureSpec, Features, Scalar, View } from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import { readSchema, type SchemaNode } from "../schema/read-schema.ts";
import { exampleValue, pathKey } from "./example-value.ts";

export interface ExampleEvent {
  readonly event: unknown;
  readonly partitionKey: string;
  /** Where the event's own time stands, for whoever sends it later than now. */
  readonly timePath: readonly string[];
}

/** Null when none was found that the schema takes, say for a pattern of its own. `time` is RFC 3339. */
export function exampleEvent({ features, eventSchema, dir }: Definitions, time: string): ExampleEvent | null {
  const root = readSchema(readFileSync(join(dir, "event.schema.json"), "utf8"));
  for (const counted of countedBy(features)) {
    const example = eventFor(root, eventSchema, features.partitionKey, { ...counted, [eventSchema.timeColumn]: time });
    if (example !== null) return example;
  }
  return null;
}

type Columns = Readonly<Record<string, Scalar>>;

/**
 * What an event must hold so that a feature counts it, feature by feature: those with a condition first, nothing at all last. It
 * has an entity for the other views too.
 */
function countedBy({ views }: Features): readonly Columns[] {
  const all = views.flatMap((view) => view.features.map((feature) => ({ view, feature })));
  const isConditional = ({ view, feature }: { view: View; feature: FeatureSpec }): boolean =>
    view.where !== undefined || feature.where !== undefined;
  const ordered = [...all.filter(isConditional), ...all.filter((one) => !isConditional(one))];
  const entities = views.map(({ entity }) => entity);
  return [...ordered.map(({ view, feature }) => columnsOf(entities, view, feature)), {}];
}

function columnsOf(entities: readonly string[], view: View, feature: FeatureSpec): Columns {
  const own = [...("column" in feature ? [feature.column] : []), ...("by" in feature ? [feature.by] : [])];
  const used = [...entities, ...own.filter((column) => column !== undefined)];
  return {
    ...Object.fromEntries(used.map((column) => [column, null])),
    ...firstValues(view.where),
    ...firstValues(feature.where),
  };
}

function firstValues(condition: Condition = {}): Columns {
  return Object.fromEntries(
    Object.entries(condition).map(([column, value]): [string, Scalar] => {
      const values = Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar];
      return [column, values.find((one) => one !== null) ?? null];
    }),
  );
}

function eventFor(root: SchemaNode, schema: EventSchema, keyColumn: string, columns: Columns): ExampleEvent | null {
  const pathOf = (name: string): readonly string[] =>
    schema.columns.find((column) => column.name === name)?.path ?? [name];
  const wanted = Object.entries(columns).map(([name, value]) => [pathKey(pathOf(name)), value] as const);
  const event = exampleValue(root, new Map(wanted));
  if (schema.validate(event) !== null) return null;
  const partitionKey = String(schema.toRow(event)[keyColumn]);
  return { event, partitionKey, timePath: pathOf(schema.timeColumn) };
}
