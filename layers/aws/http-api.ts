import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

/** The envelope of an HTTP API (payload format 2.0), with what a function needs of it. */
export interface HttpRequest {
  /** As in the template: `GET /features/{view}/{entity}`. */
  readonly route: string;
  /** Decoded. */
  readonly path: Readonly<Record<string, string | undefined>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly requestId: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

export type HttpApiEvent = Pick<APIGatewayProxyEventV2, "routeKey" | "isBase64Encoded"> &
  Partial<Pick<APIGatewayProxyEventV2, "pathParameters" | "queryStringParameters" | "body">> & {
    readonly requestContext: Pick<APIGatewayProxyEventV2["requestContext"], "requestId">;
  };

export function fromHttpApi(event: HttpApiEvent): HttpRequest {
  if (typeof event?.routeKey !== "string" || typeof event.requestContext?.requestId !== "string") {
    throw new TypeError(
      `expected a request of an HTTP API in payload format 2.0 with "routeKey" and "requestContext", got ${Object.keys(event ?? {}).join(", ") || "nothing"}`,
    );
  }
  const { routeKey, pathParameters, queryStringParameters, body = "", isBase64Encoded, requestContext } = event;
  return {
    route: routeKey,
    path: pathParameters ?? {},
    query: queryStringParameters ?? {},
    body: isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body,
    requestId: requestContext.requestId,
  };
}

/** Answers are of this moment, so nobody on the way may keep them. */
export function toHttpReply({ status, contentType, body }: HttpAnswer): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: status,
    headers: { "content-type": contentType, "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}
