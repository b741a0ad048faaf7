/** The template's HTTP APIs on a port of their own, as API Gateway answers for them. Whoever reaches the port may ask: nothing is authorised here. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../clock.ts";
import { readBody } from "../http-body.ts";
import type { FunctionHost } from "../lambda/host.ts";
import type { Template } from "../template/load.ts";
import { uuidOf } from "../uuid.ts";
import { sendAnswer, toEvent } from "./event.ts";
import { matchRoute } from "./match.ts";
import type { Route } from "./read-routes.ts";

export interface HttpApiOptions {
  readonly template: Template;
  readonly routes: readonly Route[];
  readonly invoke: FunctionHost["invoke"];
  readonly clock: Pick<Clock, "now">;
  readonly seed: number;
  /** 0: any free port. */
  readonly port: number;
}

export interface HttpApi {
  readonly url: string;
  stop(): Promise<void>;
}

/** API Gateway's limit of a request. */
const bodyLimitBytes = 10 * 1024 * 1024;

export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  let count = 0;
  const server = createServer((request, response) => {
    const requestId = uuidOf(options.seed, "api", ++count);
    response.setHeader("apigw-requestid", requestId);
    handle(options, requestId, request, response).catch(() => fail(response, 500, "Internal Server Error"));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(
  { template, routes, invoke, clock }: HttpApiOptions,
  requestId: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const body = await readBody(request, bodyLimitBytes);
  const matched = matchRoute(routes, request.method ?? "GET", url.pathname);
  if (matched === null) return fail(response, 404, "Not Found");
  const { accountId } = template.account;
  const event = toEvent({ request, url, body, matched, requestId, nowMs: clock.now(), accountId });
  const answer = await invoke(matched.route.functionArn, event);
  if (answer.kind === "ok") sendAnswer(response, answer.payload);
  else
    fail(
      response,
      answer.errorType === "TooManyRequestsException" ? 503 : 500,
      statusTexts[answer.errorType] ?? "Internal Server Error",
    );
}

const statusTexts: Readonly<Record<string, string>> = { TooManyRequestsException: "Service Unavailable" };

function fail(response: ServerResponse, statusCode: number, message: string): void {
  response.statusCode = statusCode;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ message }));
}
