import { checkAggregate } from "./aggregates/check.ts";
import { fits, listOf } from "./condition.ts";
import { type Condition, DefinitionError, type Features, type View } from "./define.ts";
import type { FeatureSpec } from "./feature.ts";
import type { Column, EventSchema } from "./schema.ts";
import { featureName, tileWidth } from "./window.ts";

/** What definitions may not say. Every message names the view and the feature or field, what is wrong, and what to do. */

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const MOST_TILES = 1500;
const KEYS = {
  features: ["partitionKey", "allowedLatenessMs", "maxSkewMs", "slackMs", "views"],
  view: ["name", "version", "entity", "where", "lane", "entityLimit", "features"],
};
export function checkFeatures(features: Features, schema: EventSchema): void {
  onlyKeys("the definitions", features, KEYS.features);
  for (const key of ["allowedLatenessMs", "maxSkewMs", "slackMs"] as const) {
    demand(
      isWhole(features[key], 0, 31 * 86_400_000),
      `${key} must be whole milliseconds from 0 to 31 days, got ${features[key]}`,
    );
  }
  demand(features.views?.length > 0, "views must list at least one view");
  const key = schema.columns.find(({ name }) => name === features.partitionKey);
  demand(
    key?.required === true && key.type === "string",
    `partitionKey "${features.partitionKey}" must be a required text field of the event schema${known(schema)}`,
  );
  const names = features.views.map(({ name, version }) => `${name}@${version ?? 1}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, `view ${twice} is defined twice: give one of them another name`);
}

export function checkView(view: View, features: Features, schema: EventSchema): void {
  const where = `view ${view.name}`;
  onlyKeys(where, view, KEYS.view);
  demand(
    NAME.test(view.name),
    `${where}: a name must be lower case letters, digits and _, at most 63, starting with a letter`,
  );
  demand(
    isWhole(view.version ?? 1, 1, 1_000_000),
    `${where}: version must be a whole number from 1, got ${view.version}`,
  );
  const entity = columnOf(where, "entity", view.entity, schema);
  demand(
    entity.type === "string" || entity.type === "bigint",
    `${where}: entity "${view.entity}" must be text or an integer`,
  );
  demand(
    entity.type !== "string" || (entity.maxLength ?? Number.POSITIVE_INFINITY) <= 256,
    `${where}: entity "${view.entity}" must be bounded, because it becomes a table key: give it "maxLength": 256 or less in event.schema.json`,
  );
  demand(
    view.lane !== "none" || view.entity === features.partitionKey,
    `${where}: lane "none" is unsafe because the entity "${view.entity}" is not the partition key "${features.partitionKey}": events of one ${view.entity} come from several shards, which would overwrite each other. Leave lane out, or say "shard"`,
  );
  demand(
    view.lane === undefined || view.lane === "none" || view.lane === "shard",
    `${where}: lane must be "none" or "shard", got ${JSON.stringify(view.lane)}`,
  );
  demand(
    isWhole(view.entityLimit ?? 1, 1, 20_000),
    `${where}: entityLimit must be a whole number from 1 to 20000, got ${view.entityLimit}`,
  );
  checkCondition(where, view.where, schema);
  demand(view.features?.length > 0, `${where}: features must list at least one feature`);
  for (const feature of view.features) checkFeature(view, feature, schema);
  const names = view.features.flatMap((spec) => spec.windows.map((window) => featureName(spec, window)));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, `${where}: feature ${twice} is defined twice: give one of them another name or window`);
}

function checkFeature(view: View, feature: FeatureSpec, schema: EventSchema): void {
  const where = `view ${view.name}, feature ${feature.name}`;
  demand(
    NAME.test(feature.name),
    `${where}: a name must be lower case letters, digits and _, at most 63, starting with a letter`,
  );
  checkCondition(where, feature.where, schema);
  checkAggregate(where, feature, schema, view.features);
  checkWindows(where, feature);
}

function checkWindows(where: string, feature: FeatureSpec): void {
  demand(feature.windows?.length > 0, `${where}: windows must list at least one window`);
  for (const window of feature.windows) {
    const { sizeMs, stepMs } = window;
    demand(
      isWhole(sizeMs, 1, 366 * 86_400_000),
      `${where}: a window's size must be whole milliseconds up to 366 days, got ${sizeMs}`,
    );
    demand(
      isWhole(stepMs, 1, sizeMs),
      `${where}: a window's step must be whole milliseconds and at most its size (${sizeMs}), got ${stepMs}`,
    );
    const widthMs = tileWidth(feature, window);
    const tiles = widthMs === 0 ? 1 : sizeMs / widthMs;
    demand(
      tiles <= MOST_TILES,
      `${where}: a window of ${sizeMs} ms every ${stepMs} ms takes ${tiles} tiles, at most ${MOST_TILES} are allowed: use a longer step`,
    );
  }
}

function checkCondition(where: string, condition: Condition | undefined, schema: EventSchema): void {
  for (const [name, value] of Object.entries(condition ?? {})) {
    const { type } = columnOf(where, "where", name, schema);
    const values = listOf(value);
    demand(values.length > 0, `${where}: the condition on "${name}" lists no value and could never hold`);
    const wrong = values.find((one) => !fits(one, type));
    demand(
      wrong === undefined,
      `${where}: the condition on "${name}" could never hold, because the field is ${JSON.stringify(type)} and ${JSON.stringify(wrong)} is no such value`,
    );
  }
}

function columnOf(where: string, role: string, name: string | undefined, schema: EventSchema): Column {
  const column = schema.columns.find((candidate) => candidate.name === name);
  if (column === undefined)
    throw new DefinitionError(`${where}: ${role} names the unknown field "${name}"${known(schema)}`);
  return column;
}

function known(schema: EventSchema): string {
  return ` (known: ${schema.columns.map(({ name }) => name).join(", ")})`;
}

function onlyKeys(where: string, value: object, keys: readonly string[]): void {
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  demand(unknown === undefined, `${where}: unknown field "${unknown}": use ${keys.join(", ")}`);
}

function isWhole(value: number | undefined, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new DefinitionError(message);
}
