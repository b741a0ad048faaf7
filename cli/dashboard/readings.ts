/** Features and metrics as the page wants them: features from `serve`, metrics composed by the engine from their rows, as `serve` does. */
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamoMetricsStore } from "@millrace/aws";
import { compile, compileMetrics, type FeatureValue, LEDGER } from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import type { MetricRows } from "../start/metrics.ts";
import { askFeatures } from "./ask-serve.ts";
import type { Connection } from "./connection.ts";
import { type MetricReading, readingOf } from "./metric-charts.ts";
import type { Range } from "./range.ts";
import type { LookedUp } from "./snapshot.ts";

export interface Readings {
  metrics(range: Range): Promise<readonly MetricReading[]>;
  lookUp(view: string, entity: string): Promise<LookedUp | null>;
  /** Some entities of each view. */
  entities(): Promise<ReadonlyMap<string, readonly string[]>>;
}

const EXAMPLES = 200;

/** `known`: rows that need not be read again. */
export function readingsOf(
  { features, metrics, eventSchema }: Definitions,
  connection: Connection,
  known: MetricRows = new Map(),
): Readings {
  const { dynamoDb, physicalId } = connection;
  const pipeline = compile(features, eventSchema);
  const compiled = compileMetrics(metrics, pipeline);
  const table = physicalId("FeaturesTable");
  const store = dynamoMetricsStore({
    client: dynamoDb,
    table: physicalId("MetricsTable"),
    keepMs: () => 0,
    now: () => 0,
  });
  return {
    metrics: (range) =>
      Promise.all(
        compiled.metrics
          .filter(({ name }) => name !== LEDGER)
          .map(async ({ name, everyMs }, i) => {
            // From the beginning of the window in which the range begins.
            const rows =
              known.get(name) ?? (await store.rows(name, Math.floor(range.fromMs / everyMs) * everyMs, range.toMs));
            return readingOf(compiled, metrics.metrics[i]?.measures ?? [], name, rows, range);
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
