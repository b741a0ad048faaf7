import type { AggregateFeature, CompiledView, Pipeline } from "../compile.ts";
import { DefinitionError, type Features } from "../define.ts";
import { demand } from "../demand.ts";
import type { FeatureSpec } from "../feature.ts";
import type { EventSchema } from "../schema.ts";
import { featureName, type LatticeWindow } from "../window.ts";
import type { Alert, Alerts, Threshold } from "./define.ts";

/**
 * Only what grows with every event may be judged, since then it does not matter how the stream was cut into batches: a condition that
 * holds at any moment holds in the whole window, and one that holds in the whole window held at some commit.
 */
const GROWING: ReadonlySet<FeatureSpec["kind"]> = new Set(["count", "sum", "max", "distinct", "rate"]);
const NAME = /^[a-z][a-z0-9_]{0,62}$/;

export interface AlertsPipeline {
  readonly pipeline: Pipeline;
  readonly alerts: readonly CompiledAlert[];
}

export interface CompiledAlert {
  readonly name: string;
  readonly version: number;
  readonly view: CompiledView;
  readonly window: LatticeWindow;
  /** Of all thresholds' features. */
  readonly resolution: number;
  readonly thresholds: readonly CompiledThreshold[];
  readonly onceInMs: number;
}

export interface CompiledThreshold extends Threshold {
  readonly compiled: AggregateFeature;
}

/** Checks the alerts against the features and compiles them. Throws DefinitionError. */
export function compileAlerts({ alerts }: Alerts, features: Features, pipeline: Pipeline): AlertsPipeline {
  const names = alerts.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  demand(twice === undefined, `alert ${twice} is defined twice: give one of them another name`);
  return { pipeline, alerts: alerts.map((alert) => compileAlert(alert, features, pipeline)) };
}

function compileAlert(alert: Alert, features: Features, pipeline: Pipeline): CompiledAlert {
  const { name, version = 1, anyOf } = alert;
  const where = `alert ${name}`;
  demand(
    NAME.test(name),
    `${where}: a name must be lower case letters, digits and _, at most 63, starting with a letter`,
  );
  demand(
    Number.isSafeInteger(version) && version > 0,
    `${where}: version must be a whole number from 1, got ${version}`,
  );
  const spec = features.views.find(({ name, standby }) => name === alert.view && standby !== true);
  const known = features.views.map((candidate) => candidate.name).join(", ");
  if (spec === undefined) throw new DefinitionError(`${where}: unknown view "${alert.view}" (known: ${known})`);
  const view = pipeline.views[features.views.indexOf(spec)] as CompiledView;
  demand(
    !view.lanes,
    `${where}: view ${spec.name} keeps an entity's events in several items, and no single one could be judged: take a view whose entity is ${features.partitionKey}`,
  );
  demand(
    (view.sequence?.reorder ?? 0) === 0,
    `${where}: view ${spec.name} holds events back, so that they come into its windows unseen: set reorder to 0`,
  );
  demand(anyOf?.length > 0, `${where}: anyOf must list at least one threshold`);
  const thresholds = anyOf.map((threshold) => compileThreshold(where, threshold, view, spec.features, pipeline.schema));
  const [{ compiled: first }] = thresholds as [CompiledThreshold];
  const window = first.window as LatticeWindow;
  const other = thresholds.find(({ compiled }) => JSON.stringify(compiled.window) !== JSON.stringify(window));
  demand(
    other === undefined,
    `${where}: ${other?.feature} has another window than ${first.name}: judge them by an alert each`,
  );
  const { onceInMs = window.stepMs } = alert;
  demand(
    Number.isSafeInteger(onceInMs) && onceInMs > 0 && onceInMs % window.stepMs === 0,
    `${where}: onceInMs must be a multiple of the window's step (${window.stepMs} ms), got ${onceInMs}`,
  );
  return { name, version, view, window, resolution: first.resolution, thresholds, onceInMs };
}

function compileThreshold(
  where: string,
  threshold: Threshold,
  { features: compiledFeatures }: CompiledView,
  specs: readonly FeatureSpec[],
  schema: EventSchema,
): CompiledThreshold {
  const { kind, feature: name, value } = threshold;
  const compiled = compiledFeatures.find((candidate) => candidate.name === name);
  if (compiled === undefined) {
    const known = compiledFeatures.map((candidate) => candidate.name).join(", ");
    throw new DefinitionError(`${where}: unknown feature "${name}" (known: ${known})`);
  }
  const { window } = compiled;
  const spec = specs.find((one) => one.windows.some((own) => featureName(one, own) === name)) as FeatureSpec;
  if (compiled.kind !== "aggregate" || !GROWING.has(spec.kind)) {
    const kinds = [...GROWING].join(", ");
    throw new DefinitionError(
      `${where}: ${name} is a ${spec.kind}, which can fall as events come: take one of ${kinds}`,
    );
  }
  if (spec.kind === "sum") demandGrowing(`${where}: ${name}`, spec.column, schema);
  demand(
    window.kind === "hopping" || window.kind === "tumbling",
    `${where}: ${name} has a window of kind ${window.kind}: take a hopping or tumbling one`,
  );
  demand(
    kind === "above" || kind === "atLeast",
    `${where}: a threshold is above(…) or atLeast(…), got ${String(kind)}`,
  );
  demand(Number.isFinite(value), `${where}: the threshold of ${name} must be a number, got ${value}`);
  if (spec.kind === "distinct" && spec.beyond !== "estimate") {
    const most = spec.limit + (kind === "atLeast" ? 1 : 0);
    demand(
      value <= most,
      `${where}: ${name} is told up to ${spec.limit} only, so ${kind} ${value} could never hold: raise its limit`,
    );
  }
  return { ...threshold, compiled };
}

/** Where the schema does not bound a column, or it may come as text, its amounts are what the team says of them (docs/alerts.md). */
function demandGrowing(where: string, column: string, { columns }: EventSchema): void {
  const { minimum = 0 } = columns.find(({ name }) => name === column) ?? {};
  demand(
    minimum >= 0,
    `${where} adds up ${column}, which event.schema.json lets be as low as ${minimum}, so that it can fall as events come: take a column that is never below 0, or give this one "minimum": 0`,
  );
}
