import type { Aggregate } from "../aggregate.ts";
import { buildAggregate } from "../aggregates/build.ts";
import type { Pipeline } from "../compile.ts";
import type { FeatureSpec } from "../feature.ts";
import { hash48 } from "../md5.ts";
import type { EventSchema } from "../schema.ts";
import { checkMetric, checkNames, checkRowBytes } from "./check.ts";
import { type Demand, demandsOf } from "./condition.ts";
import type { Metric, Metrics } from "./define.ts";
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
  readonly where: readonly Demand[];
  readonly slots: readonly MetricSlot[];
  readonly measures: readonly { readonly name: string; readonly slot: number }[];
  readonly ratios: readonly { readonly name: string; readonly numerator: string; readonly denominator: string }[];
  readonly keepMs: number;
  /** Tells rows of another definition apart: 48 bits of what decides what is in a row. */
  readonly layout: number;
}

export interface MetricSlot {
  readonly aggregate: Aggregate<unknown>;
  /** What becomes `Input.value` and `Input.by`; null for nothing. */
  readonly column: string | null;
  readonly by: string | null;
  /** `Input.value` is then a number whose bit i says whether condition i is met. */
  readonly steps: readonly (readonly Demand[])[] | null;
  /** What `Input.hash` is made of: nothing, the value, or the record itself. */
  readonly hashed: "nothing" | "value" | "record";
  readonly where: readonly Demand[];
}

const LIMIT = 50;
const KEEP_MS = 30 * 86_400_000;

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
  const { name, version = 1, windows, by = [], limit = LIMIT, time = "event", records = "accepted" } = metric;
  const stepsMs = windows.map(({ sizeMs }) => sizeMs).sort((a, b) => a - b);
  const drafts = metric.measures.map((spec) => ({ name: spec.name, ...slotOf(spec, metric, schema) }));
  const keys = [...new Set(drafts.map(({ key }) => key))];
  const where = demandsOf(metric.where, schema);
  const slots = keys.map((key) => (drafts.find((draft) => draft.key === key) as (typeof drafts)[number]).slot);
  checkRowBytes(metric, { by, limit, slots }, schema);
  return {
    by,
    limit,
    slots,
    name: version === 1 ? name : `${name}@${version}`,
    everyMs: stepsMs[0] as number,
    stepsMs,
    time,
    records,
    where,
    measures: drafts.map(({ name, key }) => ({ name, slot: keys.indexOf(key) })),
    ratios: Object.entries(metric.ratios ?? {}).map(([name, [numerator, denominator]]) => ({
      name,
      numerator,
      denominator,
    })),
    keepMs: metric.keepMs ?? KEEP_MS,
    layout: hash48(JSON.stringify([stepsMs[0], by, limit, time, records, where, keys])),
  };
}

/** A measure's slot; measures of one key share it. */
function slotOf(spec: Measure, { windows }: Metric, schema: EventSchema): { key: string; slot: MetricSlot } {
  const where = demandsOf(spec.where, schema);
  if (spec.kind === "heaviest") {
    const { column, k, sample } = spec;
    const aggregate = heaviest(k, sample) as Aggregate<unknown>;
    const key = JSON.stringify(["heaviest", column, k, sample, where]);
    return { key, slot: { aggregate, column, by: null, steps: null, hashed: "record", where } };
  }
  const built = buildAggregate({ ...spec, windows } as FeatureSpec, windows, schema);
  const { aggregate, column, by, steps, hashed, key } = built;
  return {
    key: JSON.stringify([key, where]),
    slot: {
      aggregate,
      column,
      by,
      steps: steps?.map((step) => demandsOf(step, schema)) ?? null,
      hashed: hashed ? "value" : "nothing",
      where,
    },
  };
}
