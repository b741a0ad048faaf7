/** A request as an HTTP API hands it to a function (payload format 2.0), and the answer back as a response. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Matched } from "./match.ts";

export interface EventParts {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly body: Buffer;
  readonly matched: Matched;
  readonly requestId: string;
  readonly nowMs: number;
  readonly accountId: string;
}

export function toEvent({ request, url, body, matched, requestId, nowMs, accountId }: EventParts): object {
  const { route, parameters } = matched;
  const { cookie, ...rest } = request.headers;
  const headers = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]));
  const query: Record<string, string> = {};
  // Several values of one name come as one, with commas between.
  for (const [name, value] of url.searchParams) query[name] = name in query ? `${query[name]},${value}` : value;
  const isBase64Encoded = body.length > 0 && !isText(headers["content-type"]);
  return {
    version: "2.0",
    routeKey: route.key,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    ...(cookie !== undefined && { cookies: cookie.split("; ") }),
    headers,
    ...(url.search.length > 1 && { queryStringParameters: query }),
    requestContext: {
      accountId,
      apiId: "local",
      domainName: headers.host ?? "",
      domainPrefix: "local",
      http: {
        method: route.method,
        path: url.pathname,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: "127.0.0.1",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId,
      routeKey: route.key,
      stage: "$default",
      time: accessLogTime(nowMs),
      timeEpoch: nowMs,
    },
    ...(Object.keys(parameters).length > 0 && { pathParameters: parameters }),
    ...(body.length > 0 && { body: body.toString(isBase64Encoded ? "base64" : "utf8") }),
    isBase64Encoded,
  };
}

/** An answer without `statusCode` is the body of a 200 as it stands. */
export function sendAnswer(response: ServerResponse, payload: unknown): void {
  const structured = typeof payload === "object" && payload !== null && "statusCode" in payload;
  const { statusCode, headers, cookies, body, isBase64Encoded } = (
    structured ? payload : { statusCode: 200, body: typeof payload === "string" ? payload : JSON.stringify(payload) }
  ) as StructuredAnswer;
  response.statusCode = Number(statusCode);
  response.setHeader("content-type", structured ? "text/plain;charset=UTF-8" : "application/json");
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, String(value));
  if (cookies !== undefined) response.setHeader("set-cookie", cookies);
  response.end(Buffer.from(body ?? "", isBase64Encoded === true ? "base64" : "utf8"));
}

interface StructuredAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
  readonly cookies?: readonly string[];
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

function isText(contentType: string | undefined): boolean {
  return (
    contentType === undefined ||
    /^(text\/|application\/(json|javascript|xml|.*\+json|.*\+xml)|multipart\/|application\/x-www-form)/.test(
      contentType,
    )
  );
}

/** `02/Mar/2026:09:30:00 +0000` */
function accessLogTime(ms: number): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString()) ?? [];
  return `${day}/${month}/${year}:${time} +0000`;
}
