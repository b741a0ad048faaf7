import {
  type FeatureReader,
  fromHttpApi,
  type HttpAnswer,
  type HttpApiEvent,
  type HttpRequest,
  type MetricsStore,
  type StreamLag,
  type Telemetry,
  toHttpReply,
} from "@millrace/aws";
import { type MetricsPipeline, readMetric, readMetricWhole } from "@millrace/engine";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { freshnessOf } from "./freshness.ts";
import { metricNamed, rangeIn } from "./metric-range.ts";
import { Refusal, toProblemAnswer } from "./problem.ts";
import { checkEntity, entitiesIn, nameOf, readVectors, versionOf, viewNamed } from "./vectors.ts";

export interface Deps {
  readonly metrics: MetricsPipeline;
  readonly reader: FeatureReader;
  readonly store: Pick<MetricsStore, "rows">;
  /** Of the functions that write what is read here. */
  readonly lag: { readonly features: StreamLag; readonly metrics: StreamLag };
  /** How far they may be behind before an answer says that it is stale (ms). */
  readonly objectiveMs: number;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** Answers one request of the HTTP API. Whatever goes wrong becomes a problem document; what nobody expected is logged, never told. */
export function serve(deps: Deps) {
  return async (event: HttpApiEvent): Promise<APIGatewayProxyStructuredResultV2> => {
    const request = fromHttpApi(event);
    const { answer, error } = await answerOrProblem(deps, request);
    report(deps, request, answer, error);
    return toHttpReply(answer);
  };
}

type Route = (deps: Deps, request: HttpRequest, nowMs: number) => Promise<object>;

/** As the template has them. */
export const routes: Readonly<Record<string, Route>> = {
  async "GET /features/{view}/{entity}"(deps, { path }, nowMs) {
    const view = viewNamed(deps.metrics.pipeline, path.view);
    const entity = checkEntity(path.entity);
    const [[vector], fresh] = await Promise.all([vectorsOf(deps, view, [entity], nowMs), featuresFreshness(deps)]);
    return { view: nameOf(view), version: versionOf(view), asOf: iso(nowMs), ...fresh, ...vector };
  },

  async "POST /features/{view}"(deps, { path, body }, nowMs) {
    const view = viewNamed(deps.metrics.pipeline, path.view);
    const entities = entitiesIn(body);
    const [vectors, fresh] = await Promise.all([vectorsOf(deps, view, entities, nowMs), featuresFreshness(deps)]);
    return { view: nameOf(view), version: versionOf(view), asOf: iso(nowMs), ...fresh, vectors };
  },

  async "GET /metrics/{metric}"(deps, { path, query }, nowMs) {
    const metric = metricNamed(deps.metrics, path.metric);
    const { fromMs, toMs, stepMs, whole } = rangeIn(query, metric, {
      nowMs,
      maxSkewMs: deps.metrics.pipeline.maxSkewMs,
    });
    const [rows, lag] = await Promise.all([deps.store.rows(metric.name, fromMs, toMs), deps.lag.metrics.read()]);
    const windows = whole
      ? [readMetricWhole(deps.metrics, metric.name, rows, { fromMs, toMs }) ?? []].flat()
      : readMetric(deps.metrics, metric.name, rows, { stepMs });
    return {
      metric: nameOf(metric),
      version: versionOf(metric),
      asOf: iso(nowMs),
      ...freshnessOf(lag, deps.objectiveMs),
      from: iso(fromMs),
      to: iso(toMs),
      stepMs,
      windows: windows.map(({ startMs, endMs, ...rest }) => ({ start: iso(startMs), end: iso(endMs), ...rest })),
    };
  },

  async "GET /health"(deps, _, nowMs) {
    const fresh = await featuresFreshness(deps);
    return {
      status: fresh.stale ? "behind" : "ok",
      asOf: iso(nowMs),
      ...fresh,
      views: deps.metrics.pipeline.views.map((view) => ({
        name: nameOf(view),
        version: versionOf(view),
        served: view.served,
        entity: view.entity,
        features: view.features.map(({ name }) => name),
      })),
      metrics: deps.metrics.metrics.map((metric) => ({
        name: nameOf(metric),
        version: versionOf(metric),
        stepsMs: metric.stepsMs,
        by: metric.by,
        measures: metric.measures.map(({ name }) => name),
      })),
    };
  },
};

function vectorsOf({ metrics: { pipeline }, reader }: Deps, ...rest: Tail<Parameters<typeof readVectors>>) {
  return readVectors({ pipeline, reader }, ...rest);
}

type Tail<T> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

async function featuresFreshness({ lag, objectiveMs }: Deps) {
  return freshnessOf(await lag.features.read(), objectiveMs);
}

async function answerOrProblem(
  deps: Deps,
  request: HttpRequest,
): Promise<{ readonly answer: HttpAnswer; readonly error?: unknown }> {
  try {
    const route = Object.hasOwn(routes, request.route) ? routes[request.route] : undefined;
    if (route === undefined) throw new Refusal("unknown-route", `${request.route} is not served here.`);
    const body = await route(deps, request, deps.now());
    return { answer: { status: 200, contentType: "application/json", body } };
  } catch (error) {
    if (error instanceof Refusal) return { answer: toProblemAnswer(error.problem, request.requestId) };
    const problem = { kind: "internal", detail: "Try again; the log of serve has the request's id." } as const;
    return { answer: toProblemAnswer(problem, request.requestId), error };
  }
}

function report({ telemetry }: Deps, { route, requestId }: HttpRequest, { status }: HttpAnswer, error: unknown): void {
  const failed = error !== undefined;
  telemetry.batch({
    counts: { Requests: 1, Refused: status >= 400 && status < 500 ? 1 : 0, Failed: failed ? 1 : 0 },
    context: { route, status, requestId, ...(failed && { cause: String(error) }) },
    level: failed ? "warn" : "info",
  });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
