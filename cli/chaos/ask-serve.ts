/** What `serve` answers when everything has come through: every entity of every view, and every metric in its widest windows. */
import type { FeatureValue, Metric, Scalar, View } from "@millrace/engine";
import type { Runtime } from "../../local/runtime.ts";
import { type Expected, itemName } from "./naive/expect.ts";

export interface Served {
  readonly views: ReadonlyMap<View, readonly ServedVectors[]>;
  readonly metrics: ReadonlyMap<Metric, readonly ServedWindow[]>;
}

export interface ServedVectors {
  readonly asOf: string;
  readonly vectors: readonly ServedVector[];
}

export interface ServedVector {
  readonly entity: string;
  readonly seen: boolean;
  readonly incomplete: boolean;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

export interface ServedWindow {
  readonly start: string;
  readonly groups: readonly {
    readonly by: Readonly<Record<string, Scalar>>;
    readonly values: Readonly<Record<string, FeatureValue>>;
  }[];
}

/** No event is of it. */
export const STRANGER = "nobody at all";
const mostEntities = 100;
const mostSteps = 1500;
const mostMs = 31 * 86_400_000;

export async function askServe(
  runtime: Pick<Runtime, "invoke">,
  { views, metrics }: { readonly views: readonly View[]; readonly metrics: readonly Metric[] },
  expected: Expected,
  [firstMs, lastMs]: readonly [number, number],
): Promise<Served> {
  const ofViews = new Map<View, ServedVectors[]>();
  for (const view of views) {
    const entities = [...(expected.views.get(itemName(view))?.keys() ?? []), STRANGER];
    const answers: ServedVectors[] = [];
    for (let from = 0; from < entities.length; from += mostEntities) {
      const body = JSON.stringify({ entities: entities.slice(from, from + mostEntities) });
      const request = { routeKey: "POST /features/{view}", pathParameters: { view: view.name }, body };
      answers.push((await ask(runtime, request)) as ServedVectors);
    }
    ofViews.set(view, answers);
  }
  const ofMetrics = new Map<Metric, ServedWindow[]>();
  for (const metric of metrics) {
    const stepMs = widestMs(metric);
    const spanMs = Math.floor(Math.min(mostSteps, mostMs / stepMs)) * stepMs;
    const windows: ServedWindow[] = [];
    for (let fromMs = Math.floor(firstMs / stepMs) * stepMs; fromMs <= lastMs; fromMs += spanMs) {
      const [from, to] = [fromMs, fromMs + spanMs].map((ms) => new Date(ms).toISOString());
      const queryStringParameters = { from, to, step: `${stepMs / 1000}s` };
      const request = {
        routeKey: "GET /metrics/{metric}",
        pathParameters: { metric: metric.name },
        queryStringParameters,
      };
      windows.push(...((await ask(runtime, request)) as { windows: ServedWindow[] }).windows);
    }
    ofMetrics.set(metric, windows);
  }
  return { views: ofViews, metrics: ofMetrics };
}

export function widestMs({ windows }: Metric): number {
  return Math.max(...windows.map(({ sizeMs }) => sizeMs));
}

/** A crash would have to befall it as often in a row, which no rate makes likely. */
const tries = 50;

async function ask({ invoke }: Pick<Runtime, "invoke">, request: object): Promise<unknown> {
  const event = { version: "2.0", requestContext: { requestId: "chaos" }, isBase64Encoded: false, ...request };
  let last: unknown = null;
  for (let attempt = 0; attempt < tries; attempt++) {
    const invocation = await invoke("Serve", event);
    const { statusCode, body } = (invocation.kind === "ok" ? invocation.payload : {}) as Reply;
    if (statusCode === 200) return JSON.parse(body as string);
    last = invocation;
  }
  throw new Error(`serve did not answer ${JSON.stringify(request)}: ${JSON.stringify(last)}`);
}

interface Reply {
  readonly statusCode?: number;
  readonly body?: string;
}
