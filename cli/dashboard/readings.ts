/** Features and metrics as the page wants them, from `serve`; a finished run's metrics from rows that it has read already, by what `serve` reads them by. */
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import {
  type Chart,
  chartOf,
  type Figure,
  figuresOf,
  type MetricReading,
  metricPanels,
  type Range,
  type Ranking,
  rangeFor,
  rankingOf,
  readingOf,
} from "@millrace/charts";
import {
  compile,
  compileMetrics,
  type FeatureValue,
  type MetricsPipeline,
  type MetricWindow,
  metricOf,
} from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import type { MetricRows } from "../start/metrics.ts";
import { askFeatures, askMetric } from "./ask-serve.ts";
import type { Connection } from "./connection.ts";
import type { LookedUp } from "./snapshot.ts";

export interface Readings {
  metrics(range: Range): Promise<MetricParts>;
  lookUp(view: string, entity: string): Promise<LookedUp | null>;
  /** Some entities of each view. */
  entities(): Promise<ReadonlyMap<string, readonly string[]>>;
}

/** What the panels of the team's metrics show. */
export interface MetricParts {
  readonly figures: readonly Figure[];
  readonly charts: readonly Chart[];
  readonly rankings: readonly Ranking[];
}

const EXAMPLES = 200;

/** `known`: rows of a run that is over. */
export function readingsOf(
  { features, metrics, eventSchema }: Definitions,
  connection: Connection,
  known: MetricRows | null = null,
): Readings {
  const { dynamoDb, physicalId } = connection;
  const pipeline = compile(features, eventSchema);
  const compiled = compileMetrics(metrics, pipeline);
  const table = physicalId("FeaturesTable");
  const readOne = known === null ? fromServe(connection) : fromRows(compiled, known);
  return {
    async metrics(range) {
      const panels = metricPanels(metrics);
      const names = [...new Set(panels.map(({ metric }) => metric))];
      const read = await Promise.all(
        names.map(async (name) => [name, await readOne(name, rangeFor(metricOf(compiled, name), range))] as const),
      );
      const readings = new Map(read);
      const readingFor = ({ metric }: { readonly metric: string }) => readings.get(metric) as MetricReading;
      return {
        figures: panels.flatMap((one) => (one.kind === "figures" ? figuresOf(one, readingFor(one)) : [])),
        charts: panels.flatMap((one) => (one.kind === "lines" ? [chartOf(one, readingFor(one))] : [])),
        rankings: panels.flatMap((one) => (one.kind === "bars" ? [rankingOf(one, readingFor(one))] : [])),
      };
    },

    async lookUp(view, entity) {
      const answer = await askFeatures(connection, view, entity);
      if (answer === null) return null;
      const { asOf, seen, lastArrival, features: values } = answer;
      return {
        ...{ view, entity, seen, asOfMs: Date.parse(asOf) },
        lastArrivalMs: lastArrival === null ? null : Date.parse(lastArrival),
        features: Object.entries(values).map(([name, value]) => [name, inWords(value)] as const),
      };
    },

    async entities() {
      const { Items = [] } = await dynamoDb.send(
        new ScanCommand({ TableName: table, ProjectionExpression: "pk", Limit: EXAMPLES * pipeline.views.length }),
      );
      const found = new Map<string, string[]>(pipeline.views.map(({ name }) => [name, []]));
      for (const { pk } of Items) {
        const [view = "", entity = ""] = /^([^#]*)#(.*)$/s.exec(pk?.S ?? "")?.slice(1) ?? [];
        found.get(view)?.push(entity);
      }
      return new Map(
        [...found].map(([view, all]) => [withoutVersion(view), [...new Set(all)].sort().slice(0, EXAMPLES)]),
      );
    },
  };
}

type ReadOne = (metric: string, range: Range) => Promise<MetricReading>;

function fromServe(connection: Connection): ReadOne {
  return async (name, range) => {
    const { fromMs, toMs, stepMs } = range;
    const ask = (step: number | "all"): Promise<readonly MetricWindow[]> =>
      askMetric(connection, name, { fromMs, toMs, step });
    const [windows, [whole = null]] = await Promise.all([ask(stepMs), ask("all")]);
    return { windows, whole, range };
  };
}

function fromRows(metrics: MetricsPipeline, known: MetricRows): ReadOne {
  return async (name, range) => readingOf(metrics, name, known.get(name) ?? [], range);
}

/** `user_activity@2` is version 2 of `user_activity`. */
export function withoutVersion(view: string): string {
  return view.replace(/@\d+$/, "");
}

/** A feature's value as people read it. */
export function inWords(value: FeatureValue): string {
  if (value === null) return "–";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(oneInWords).join(", ");
  if (typeof value === "number") return value.toLocaleString("en-GB", { maximumFractionDigits: 4 });
  if (typeof value !== "object") return String(value);
  if ("atLeast" in value) return `${value.atLeast} or more`;
  if ("estimate" in value) return `about ${Math.round(value.estimate)}`;
  return JSON.stringify(value);
}

function oneInWords(one: unknown): string {
  return Array.isArray(one) ? `${String(one[0] ?? "less")} (${String(one[1])})` : String(one);
}
