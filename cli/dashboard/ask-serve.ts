/** Asks `serve` for features by invoking it, which needs no address and no token of the API: the answer is the API's. */
import { InvokeCommand } from "@aws-sdk/client-lambda";
import type { FeatureValue } from "@millrace/engine";
import type { Connection } from "./connection.ts";

/** As docs/openapi.yaml has it. */
export interface FeatureAnswer {
  readonly asOf: string;
  readonly seen: boolean;
  readonly lastArrival: string | null;
  readonly features: Readonly<Record<string, FeatureValue>>;
}

const NOT_FOUND = 404;

/** Null for a view that there is not. */
export async function askFeatures(
  { lambda, physicalId }: Pick<Connection, "lambda" | "physicalId">,
  view: string,
  entity: string,
): Promise<FeatureAnswer | null> {
  const request = {
    version: "2.0",
    routeKey: "GET /features/{view}/{entity}",
    headers: {},
    pathParameters: { view, entity },
    requestContext: { requestId: "dashboard" },
    isBase64Encoded: false,
  };
  const { Payload = new Uint8Array(), FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName: physicalId("Serve"), Payload: Buffer.from(JSON.stringify(request)) }),
  );
  const told = Buffer.from(Payload).toString();
  if (FunctionError !== undefined) throw new Error(`serve failed: ${told}`);
  const { statusCode, body } = JSON.parse(told) as { readonly statusCode: number; readonly body: string };
  if (statusCode === NOT_FOUND) return null;
  const answer = JSON.parse(body) as FeatureAnswer & { readonly detail?: string };
  if (statusCode !== 200) throw new Error(answer.detail ?? `serve answered ${statusCode}`);
  return answer;
}
