/** S3 over HTTP: finds the operation, runs it, and answers in XML. Signatures are not checked. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "../aws-error.ts";
import { readBody } from "../http-body.ts";
import { checkAccess } from "../request-access.ts";
import { bucketOperations } from "./buckets.ts";
import { listOperations } from "./list.ts";
import { multipartOperations } from "./multipart.ts";
import { objectOperations } from "./objects.ts";
import { type Call, type Reply, type S3Operation, xmlReply } from "./operation.ts";
import { decoded, parseRequest } from "./request.ts";
import { restoreOperations } from "./restore.ts";
import type { ObjectStore } from "./store.ts";

export interface S3 {
  handle(request: IncomingMessage, response: ServerResponse): void;
  operationOf(request: IncomingMessage): string;
}

export function createS3(store: ObjectStore): S3 {
  const operations: Readonly<Record<string, S3Operation>> = {
    ...bucketOperations(store),
    ...listOperations(store),
    ...objectOperations(store),
    ...multipartOperations(store),
    ...restoreOperations(store),
  };

  const run = async (request: IncomingMessage): Promise<Reply> => {
    const call = { ...parseRequest(request), request };
    const operation = operations[call.operation];
    if (operation !== undefined) {
      await demandAccess(call);
      return operation(call);
    }
    await readBody(request, 0).catch(() => {});
    const supported = Object.keys(operations).join(", ");
    throw new AwsError(
      "NotImplemented",
      `S3 ${call.operation} is not supported by the local runtime. It supports ${supported}.`,
      501,
    );
  };

  return {
    handle(request, response) {
      run(request)
        .catch((error: unknown) => errorReply(error, request))
        .then((reply) => send(request, response, reply));
    },
    operationOf(request) {
      try {
        return parseRequest(request).operation;
      } catch {
        return "InvalidURI";
      }
    },
  };
}

/** What is refused has been read, so that the client gets its answer and not a broken pipe. */
async function demandAccess({ request, operation, bucket, key }: Call): Promise<void> {
  const source = request.headers["x-amz-copy-source"];
  try {
    checkAccess(request, operation, {
      bucket,
      key,
      copySource: source === undefined ? undefined : decoded(String(source)),
    });
  } catch (error) {
    await readBody(request, 0).catch(() => {});
    throw error;
  }
}

function errorReply(error: unknown, request: IncomingMessage): Reply {
  const { code, message, statusCode } =
    error instanceof AwsError
      ? error
      : new AwsError("InternalError", `We encountered an internal error: ${String(error)}`, 500);
  const resource = (request.url ?? "/").split("?")[0];
  return { ...xmlReply("Error", { Code: code, Message: message, Resource: resource }), statusCode };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { statusCode = 200, headers = {}, body = "" }: Reply,
): void {
  response.statusCode = statusCode;
  // The length of a reply to HEAD is that of the object, which comes with the headers.
  if (request.method !== "HEAD" && statusCode !== 204 && statusCode !== 304)
    response.setHeader("content-length", Buffer.byteLength(body));
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(request.method === "HEAD" ? undefined : body);
}
