/** Features and metrics as the page wants them, from `serve`; a finished run's metrics from rows that it has read already, by what `serve` reads them by. */
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import {
  type CompiledMetric,
  compile,
  compileMetrics,
  type FeatureValue,
  LEDGER,
  type MetricsPipeline,
  type MetricWindow,
  readMetric,
  readMetricWhole,
} from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import type { MetricRows } from "../start/metrics.ts";
import { askFeatures, askMetric } from "./ask-serve.ts";
import type { Connection } from "./connection.ts";
import { type MetricReading, rangeFor } from "./metric-charts.ts";
import type { Range } from "./range.ts";
import type { LookedUp } from "./snapshot.ts";

export interface Readings {
  metrics(range: Range): Promise<readonly MetricReading[]>;
  lookUp(view: string, entity: string): Promise<LookedUp | null>;
  /** Some entities of each view. */
  entities(): Promise<ReadonlyMap<string, readonly string[]>>;
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
  const read = known === null ? fromServe(connection) : fromRows(compiled, known);
  return {
    metrics: (range) =>
      Promise.all(
        compiled.metrics
          .filter(({ name }) => name !== LEDGER)
          .map(async (metric, i) => {
            const own = rangeFor(metric, range);
            const { name, by, time } = metric;
            return {
              name,
              by,
              time,
              measures: metrics.metrics[i]?.measures ?? [],
              range: own,
              ...(await read(metric, own)),
            };
          }),
      ),

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

type ReadWindows = (metric: CompiledMetric, range: Range) => Promise<Pick<MetricReading, "windows" | "whole">>;

function fromServe(connection: Connection): ReadWindows {
  return async ({ name }, { fromMs, toMs, stepMs }) => {
    const ask = (step: number | "all"): Promise<readonly MetricWindow[]> =>
      askMetric(connection, name, { fromMs, toMs, step });
    const [windows, [whole = null]] = await Promise.all([ask(stepMs), ask("all")]);
    return { windows, whole };
  };
}

function fromRows(metrics: MetricsPipeline, known: MetricRows): ReadWindows {
  return async ({ name }, { fromMs, toMs, stepMs }) => {
    const rows = known.get(name) ?? [];
    return {
      windows: readMetric(metrics, name, rows, { stepMs }),
      whole: readMetricWhole(metrics, name, rows, { fromMs, toMs }),
    };
  };
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
