import { checkAggregate } from "./aggregates/check.ts";
import { checkWindow } from "./check-window.ts";
import type { Features, Sequence, View } from "./define.ts";
import { checkCondition, columnOf, demand, isWhole, known, onlyKeys } from "./demand.ts";
import type { FeatureSpec } from "./feature.ts";
import type { EventSchema } from "./schema.ts";
import { featureName } from "./window.ts";

/** What definitions may not say. Every message names the view and the feature or field, what is wrong, and what to do. */

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
/** An event held back takes up to a kilobyte for each text that the view uses. */
const MOST_HELD = 100;
const KEYS = {
  features: ["partitionKey", "allowedLatenessMs", "maxSkewMs", "slackMs", "views"],
  view: ["name", "version", "standby", "entity", "where", "lane", "entityLimit", "sequence", "features"],
  sequence: ["column", "behind", "reorder"],
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
  for (const name of new Set(features.views.map((view) => view.name))) checkVersions(name, features.views);
}

function checkVersions(name: string, views: readonly View[]): void {
  const versions = views.filter((view) => view.name === name);
  const served = versions.filter(({ standby }) => standby !== true).map(({ version }) => version ?? 1);
  demand(served.length > 0, `view ${name}: none of its versions is served: take standby out of the one that should be`);
  demand(
    served.length === 1,
    `view ${name}: versions ${served.join(" and ")} would both be served: say standby: true in those that are not (yet, or any more)`,
  );
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
  demand(
    view.standby === undefined || typeof view.standby === "boolean",
    `${where}: standby must be true or false, got ${JSON.stringify(view.standby)}`,
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
  checkSequence(where, view, features, schema);
  checkCondition(where, "where", view.where, schema);
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
  checkCondition(where, "where", feature.where, schema);
  checkAggregate(where, feature, schema, view.features);
  checkWindows(where, feature);
}

function checkWindows(where: string, feature: FeatureSpec): void {
  demand(feature.windows?.length > 0, `${where}: windows must list at least one window`);
  for (const window of feature.windows) checkWindow(where, feature, window);
}

function checkSequence(where: string, view: View, { partitionKey }: Features, schema: EventSchema): void {
  if (view.sequence === undefined) return;
  const { column: name, behind = "count", reorder = 0 }: Sequence = view.sequence;
  onlyKeys(`${where}, sequence`, view.sequence, KEYS.sequence);
  const column = columnOf(where, "sequence", name, schema);
  demand(
    column.type === "bigint",
    `${where}: sequence "${name}" must be an integer, it is ${JSON.stringify(column.type)}`,
  );
  demand(
    view.entity === partitionKey && view.lane !== "shard",
    `${where}: a sequence needs all events of an entity in one shard, but the entity "${view.entity}" is not the partition key "${partitionKey}" or is kept per shard`,
  );
  demand(
    behind === "count" || behind === "quarantine",
    `${where}: sequence.behind must be "count" or "quarantine", got ${JSON.stringify(behind)}`,
  );
  demand(
    isWhole(reorder, 0, MOST_HELD),
    `${where}: sequence.reorder must be a whole number from 0 to ${MOST_HELD}, got ${reorder}`,
  );
}
