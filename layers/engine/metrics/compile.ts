import type { Aggregate } from "../aggregate.ts";
import { buildAggregate } from "../aggregates/build.ts";
import type { Pipeline, Test } from "../compile.ts";
import { testsOf } from "../condition.ts";
import { demand } from "../demand.ts";
import type { FeatureSpec } from "../feature.ts";
import { hash48 } from "../md5.ts";
import type { EventSchema } from "../schema.ts";
import { checkMetric, checkNames, checkRowBytes } from "./check.ts";
import { type Metric, type Metrics, storedName } from "./define.ts";
import { heaviest } from "./heaviest.ts";
import { ledger } from "./ledger.ts";
import type { Measure } from "./measure.ts";
import { RECORD_COLUMNS } from "./seen.ts";

/** Turns the definitions of metrics into what the fold and the readers run on. The ledger is one more metric, always there. */
export interface MetricsPipeline {
  /** The folder's features: what decides whether an event is accepted. */
  readonly pipeline: Pipeline;
  readonly metrics: readonly CompiledMetric[];
}

export interface CompiledMetric {
  /** The name, with `@version` when the version is not 1. */
  readonly name: string;
  /** Width of the windows for which rows are kept (ms). */
  readonly everyMs: number;
  /** All widths that readers may ask for, the kept one first. */
  readonly stepsMs: readonly number[];
  readonly by: readonly string[];
  readonly limit: number;
  readonly time: "event" | "arrival";
  readonly records: "accepted" | "readable" | "all";
  readonly where: readonly Test[];
  readonly slots: readonly MetricSlot[];
  readonly measures: readonly CompiledMeasure[];
  readonly keepMs: number;
  /** Tells rows of another definition apart: 48 bits of what decides what is in a row. */
  readonly layout: number;
}

export type CompiledMeasure =
  /** `result` is of this measure's own aggregate; measures of one key share a slot. */
  | { readonly kind: "slot"; readonly name: string; readonly slot: number; readonly aggregate: Aggregate<unknown> }
  | { readonly kind: "ratio"; readonly name: string; readonly numerator: string; readonly denominator: string };

export interface MetricSlot {
  readonly aggregate: Aggregate<unknown>;
  /** What becomes `Input.value` and `Input.by`; null for nothing. */
  readonly column: string | null;
  readonly by: string | null;
  /** `Input.value` is then a number whose bit i says whether condition i is met. */
  readonly steps: readonly (readonly Test[])[] | null;
  /** What `Input.hash` is made of: nothing, the value, or the record itself. */
  readonly hashed: "nothing" | "value" | "record";
  readonly where: readonly Test[];
}

const LIMIT = 50;
export const KEEP_MS = 30 * 86_400_000;

/** Checks the definitions against the event schema and compiles them. Throws DefinitionError. */
export function compileMetrics(definitions: Metrics, pipeline: Pipeline): MetricsPipeline {
  const schema = { ...pipeline.schema, columns: [...pipeline.schema.columns, ...RECORD_COLUMNS] };
  checkNames(definitions);
  const metrics = definitions.metrics.map((metric) => {
    checkMetric(metric, schema);
    return compileMetric(metric, schema);
  });
  return { pipeline, metrics: [...metrics, ledger] };
}

function compileMetric(metric: Metric, schema: EventSchema): CompiledMetric {
  const { windows, by = [], limit = LIMIT, time = "event", records = "accepted" } = metric;
  const stepsMs = windows.map(({ sizeMs }) => sizeMs).sort((a, b) => a - b);
  const where = testsOf(metric.where, schema);
  const keys: string[] = [];
  const slots: MetricSlot[] = [];
  const measures = metric.measures.map((spec): CompiledMeasure => {
    if (spec.kind === "ratio") return spec;
    const { key, slot } = slotOf(spec, metric, schema);
    if (!keys.includes(key)) {
      keys.push(key);
      slots.push(slot);
    }
    return { kind: "slot", name: spec.name, slot: keys.indexOf(key), aggregate: slot.aggregate };
  });
  checkRowBytes(metric, { by, limit, slots }, schema);
  return {
    name: storedName(metric),
    everyMs: stepsMs[0] as number,
    stepsMs,
    by,
    limit,
    time,
    records,
    where,
    slots,
    measures,
    keepMs: metric.keepMs ?? KEEP_MS,
    layout: hash48(JSON.stringify([stepsMs[0], by, limit, time, records, where, keys])),
  };
}

/** A measure's slot, and the key that all measures have which can share it. */
function slotOf(spec: Measure, { name, windows }: Metric, schema: EventSchema): { key: string; slot: MetricSlot } {
  const where = testsOf("where" in spec ? spec.where : undefined, schema);
  if (spec.kind === "heaviest") {
    const { column, k, sample } = spec;
    const aggregate = heaviest(k, sample) as Aggregate<unknown>;
    const key = JSON.stringify(["heaviest", column, sample, where]);
    return { key, slot: { aggregate, column, by: null, steps: null, hashed: "record", where } };
  }
  const built = buildAggregate({ ...spec, windows } as FeatureSpec, windows, schema);
  const { aggregate, column, by, hashed, perItem, key } = built;
  demand(
    !perItem,
    `metric ${name}, measure ${spec.name}: ${spec.kind} is kept for one entity over all time, which no window of a metric is: measure something else`,
  );
  const steps = built.steps?.map((step) => testsOf(step, schema)) ?? null;
  return {
    key: JSON.stringify([key, where]),
    slot: { aggregate, column, by, steps, hashed: hashed ? "value" : "nothing", where },
  };
}
