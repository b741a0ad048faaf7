/** Asks `serve` for features and metrics by invoking it, which needs no address and no token of the API: the answer is the API's. */
import { InvokeCommand } from "@aws-sdk/client-lambda";
import type { FeatureValue, MetricWindow } from "@millrace/engine";
import type { Connection } from "./connection.ts";

/** As docs/openapi.yaml has it. */
export interface FeatureAnswer {
  readonly asOf: string;
  readonly seen: boolean;
  readonly lastArrival: string | null;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

const NOT_FOUND = 404;
/** Whoever watches a pipeline while functions are made to crash wants to see it all the same. */
const TRIES = 3;

type Asking = Pick<Connection, "lambda" | "physicalId">;

/** Null for a view that there is not. */
export async function askFeatures(asking: Asking, view: string, entity: string): Promise<FeatureAnswer | null> {
  const request = { routeKey: "GET /features/{view}/{entity}", pathParameters: { view, entity } };
  return (await ask(asking, request)) as FeatureAnswer | null;
}

/** A metric's windows in steps (ms), or all of the range as one. */
export async function askMetric(
  asking: Asking,
  metric: string,
  { fromMs, toMs, step }: { readonly fromMs: number; readonly toMs: number; readonly step: number | "all" },
): Promise<readonly MetricWindow[]> {
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  const request = {
    routeKey: "GET /metrics/{metric}",
    pathParameters: { metric },
    queryStringParameters: { from, to, step: step === "all" ? step : `${step / 1000}s` },
  };
  const answer = (await ask(asking, request)) as { readonly windows: readonly ServedWindow[] } | null;
  if (answer === null) throw new Error(`serve knows no metric ${metric}: it runs other definitions`);
  return answer.windows.map(({ start, end, ...rest }) => {
    return { startMs: Date.parse(start), endMs: Date.parse(end), ...rest };
  });
}

interface ServedWindow extends Omit<MetricWindow, "startMs" | "endMs"> {
  readonly start: string;
  readonly end: string;
}

async function ask({ lambda, physicalId }: Asking, request: object): Promise<unknown> {
  const envelope = {
    version: "2.0",
    headers: {},
    requestContext: { requestId: "dashboard" },
    isBase64Encoded: false,
  };
  const payload = Buffer.from(JSON.stringify({ ...envelope, ...request }));
  for (let attempt = 1; ; attempt++) {
    const { Payload = new Uint8Array(), FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: physicalId("Serve"), Payload: payload }),
    );
    const told = Buffer.from(Payload).toString();
    if (FunctionError !== undefined && attempt < TRIES) continue;
    if (FunctionError !== undefined) throw new Error(`serve failed: ${told}`);
    const { statusCode, body } = JSON.parse(told) as { readonly statusCode: number; readonly body: string };
    if (statusCode === NOT_FOUND) return null;
    const answer = JSON.parse(body) as { readonly detail?: string };
    if (statusCode !== 200) throw new Error(answer.detail ?? `serve answered ${statusCode}`);
    return answer;
  }
}
