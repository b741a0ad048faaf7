/**
 * Lambda's REST API, as far as one works with a running pipeline: invoke a function, look at event source mappings, pause them and let them go on. The
 * path names the operation.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../aws-error.ts";
import type { JsonObject } from "../aws-json.ts";
import type { Mapping } from "../esm/mapping.ts";
import { readBody } from "../http-body.ts";
import { checkAccess } from "../request-access.ts";
import type { FunctionHost } from "./host.ts";
import { mappingConfiguration } from "./mapping-configuration.ts";

export interface LambdaApiOptions {
  readonly invoke: FunctionHost["invoke"];
  readonly mappings: () => readonly Mapping[];
}

interface Reply {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Call {
  readonly operation: string;
  /** The name or id in the path. */
  readonly subject: string;
  readonly query: URLSearchParams;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

const bodyLimitBytes = 7 * 1024 * 1024;

const routes: readonly (readonly [method: string, path: RegExp, operation: string])[] = [
  ["POST", /^\/2015-03-31\/functions\/([^/]+)\/invocations$/, "Invoke"],
  ["GET", /^\/2015-03-31\/event-source-mappings\/?()$/, "ListEventSourceMappings"],
  ["GET", /^\/2015-03-31\/event-source-mappings\/([^/]+)\/?$/, "GetEventSourceMapping"],
  ["PUT", /^\/2015-03-31\/event-source-mappings\/([^/]+)\/?$/, "UpdateEventSourceMapping"],
];

export function lambdaApi(options: LambdaApiOptions) {
  const answer = async (request: IncomingMessage): Promise<Reply> => {
    const body = await readBody(request, bodyLimitBytes);
    const url = new URL(request.url ?? "/", "http://lambda");
    const { operation, subject } = routeOf(request);
    const run = operations[operation];
    if (run === undefined) {
      const known = Object.keys(operations).join(", ");
      const message = `Lambda ${request.method} ${url.pathname} is not supported by the local runtime. It supports ${known}.`;
      throw new AwsError("UnknownOperationException", message, 404);
    }
    checkAccess(request, operation, { subject });
    const header = (name: string): string | undefined => request.headers[name]?.toString();
    return run({ operation, subject, query: url.searchParams, header, body }, options);
  };
  return {
    operationOf: (request: IncomingMessage) => routeOf(request).operation,
    handle(request: IncomingMessage, response: ServerResponse): void {
      answer(request).then(
        (reply) => send(response, reply),
        (error: unknown) => send(response, errorReply(error)),
      );
    },
  };
}

function routeOf(request: IncomingMessage): Pick<Call, "operation" | "subject"> {
  const [path = ""] = (request.url ?? "").split("?");
  for (const [method, pattern, operation] of routes) {
    const subject = method === request.method ? pattern.exec(path)?.[1] : undefined;
    if (subject !== undefined) return { operation, subject: decodeURIComponent(subject) };
  }
  return { operation: "Unknown", subject: "" };
}

const operations: Readonly<Record<string, (call: Call, options: LambdaApiOptions) => Reply | Promise<Reply>>> = {
  Invoke,
  ListEventSourceMappings({ query }, { mappings }) {
    const [source, name] = [query.get("EventSourceArn"), query.get("FunctionName")];
    const found = mappings().filter(
      ({ settings, functionArn }) =>
        (source === null || settings.eventSourceArn === source) && (name === null || isNamed(functionArn, name)),
    );
    return { statusCode: 200, body: { EventSourceMappings: found.map(mappingConfiguration) } };
  },
  GetEventSourceMapping: ({ subject }, { mappings }) => ({
    statusCode: 200,
    body: mappingConfiguration(named(mappings(), subject)),
  }),
  UpdateEventSourceMapping({ subject, body }, { mappings }) {
    const mapping = named(mappings(), subject);
    const { FunctionName: name, ...changes } = parsed(body);
    const others = Object.keys(changes).filter((field) => field !== "Enabled");
    if (others.length > 0 || (name !== undefined && !isNamed(mapping.functionArn, String(name)))) {
      throw invalid(
        `A running mapping can be paused and resumed here (Enabled); change ${others.join(", ") || "its function"} in the template.`,
      );
    }
    if (typeof changes.Enabled === "boolean") mapping.setEnabled(changes.Enabled);
    return { statusCode: 202, body: mappingConfiguration(mapping) };
  },
};

async function Invoke({ subject, body, header }: Call, { invoke }: LambdaApiOptions): Promise<Reply> {
  const type = header("x-amz-invocation-type") ?? "RequestResponse";
  const payload = body.length === 0 ? null : parsed(body);
  const run = async (): Promise<Reply> => {
    const invocation = await invoke(subject, payload);
    const headers = { "x-amz-executed-version": "$LATEST" };
    if (invocation.kind === "ok") return { statusCode: 200, headers, body: invocation.payload };
    const { errorType, errorMessage } = invocation;
    if (errorType === "TooManyRequestsException") throw new AwsError(errorType, errorMessage, 429);
    return {
      statusCode: 200,
      headers: { ...headers, "x-amz-function-error": "Unhandled" },
      body: { errorType, errorMessage },
    };
  };
  if (type === "DryRun") return { statusCode: 204 };
  if (type !== "Event") return run();
  // Nobody waits for it; its log says what became of it.
  void run().catch(() => {});
  return { statusCode: 202 };
}

function named(mappings: readonly Mapping[], id: string): Mapping {
  const found = mappings.find((mapping) => mapping.id === id);
  if (found !== undefined) return found;
  throw new AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404);
}

/** By name or ARN, with or without $LATEST. */
function isNamed(functionArn: string, name: string): boolean {
  const plain = name.replace(/:\$LATEST$/, "");
  return plain === functionArn || plain === functionArn.split(":").at(-1);
}

function parsed(body: Buffer): JsonObject {
  try {
    return JSON.parse(body.toString()) as JsonObject;
  } catch {
    throw new AwsError("InvalidRequestContentException", "Could not parse request body into json.");
  }
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message);
}

function errorReply(error: unknown): Reply {
  const known = error instanceof AwsError ? error : new AwsError("ServiceException", String(error), 500);
  const type = known.statusCode < 500 ? "User" : "Service";
  return {
    statusCode: known.statusCode,
    headers: { "x-amzn-errortype": known.code },
    body: { Type: type, Message: known.message },
  };
}

function send(response: ServerResponse, { statusCode, headers = {}, body }: Reply): void {
  response.statusCode = statusCode;
  response.setHeader("content-type", "application/json");
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body === undefined ? "" : JSON.stringify(body));
}
