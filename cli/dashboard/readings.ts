/** Features and metrics as the page wants them: composed by the engine from the rows of the two tables. */
import { paginateQuery, ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamoMetricsStore } from "@millrace/aws";
import { compile, compileMetrics, type FeatureValue, LEDGER, readFeatures, summarizeItem } from "@millrace/engine";
import type { Definitions } from "../definitions.ts";
import type { Connection } from "./connection.ts";
import { type MetricReading, readingOf } from "./metric-charts.ts";
import type { Range } from "./range.ts";
import type { LookedUp } from "./snapshot.ts";

/** The one door to features and metrics; a serving API can stand behind it as well. */
export interface Readings {
  metrics(range: Range): Promise<readonly MetricReading[]>;
  lookUp(view: string, entity: string, asOfMs: number): Promise<LookedUp | null>;
  /** Some entities of each view. */
  entities(): Promise<ReadonlyMap<string, readonly string[]>>;
}

const EXAMPLES = 200;

export function readingsOf(
  { features, metrics, eventSchema }: Definitions,
  { dynamoDb, physicalId }: Connection,
): Readings {
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
            const rows = await store.rows(name, Math.floor(range.fromMs / everyMs) * everyMs, range.toMs);
            return readingOf(compiled, metrics.metrics[i]?.measures ?? [], name, rows, range);
          }),
      ),

    async lookUp(view, entity, asOfMs) {
      if (!pipeline.views.some(({ name }) => name === view)) return null;
      const items: Uint8Array[] = [];
      const query = {
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: `${view}#${entity}` } },
      };
      for await (const page of paginateQuery({ client: dynamoDb }, query)) {
        for (const { state } of page.Items ?? []) if (state?.B !== undefined) items.push(state.B);
      }
      const arrivals = items.map((bytes) => summarizeItem(pipeline, view, bytes).greatestArrivalMs);
      const values = readFeatures(pipeline, view, items, asOfMs);
      return {
        ...{ view, entity, asOfMs },
        seen: items.length > 0,
        lastArrivalMs: arrivals.length === 0 ? null : Math.max(...arrivals),
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
      return new Map([...found].map(([view, all]) => [view, [...new Set(all)].sort().slice(0, EXAMPLES)]));
    },
  };
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
