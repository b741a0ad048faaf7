/**
 * The AWS JSON protocol: the operation stands in `X-Amz-Target`, the input in the body, and an error is `{ __type, message }`. It is what the JavaScript
 * SDK, boto3 and the AWS CLI send; the Java SDK's CBOR gets a message that says how to switch it off.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { AwsError, LostReply } from "./aws-error.ts";
import { readBody } from "./http-body.ts";
import { checkAccess } from "./request-access.ts";

export type JsonObject = { readonly [name: string]: unknown };
/** Gives the reply, or nothing for an empty one. */
export type Operation = (
  input: JsonObject,
  request: IncomingMessage,
) => JsonObject | undefined | Promise<JsonObject | undefined>;

export interface JsonServiceOptions {
  /** As people call it: `Kinesis`. */
  readonly name: string;
  readonly operations: { readonly [operation: string]: Operation };
  /** `application/x-amz-json-1.1` unless the service speaks 1.0. */
  readonly contentType?: string;
}

export interface JsonHandlerOptions {
  readonly contentType: string;
  readonly run: (operation: string, input: JsonObject, request: IncomingMessage) => Promise<JsonObject | undefined>;
}

export interface JsonService {
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** A full PutRecords request in base64, with room to spare. */
const bodyLimitBytes = 32 * 1024 * 1024;

/** An operation throws an AwsError for what AWS would refuse; anything else it throws becomes an InternalFailure. */
export function awsJsonService({
  name,
  operations,
  contentType = "application/x-amz-json-1.1",
}: JsonServiceOptions): JsonService {
  const run: JsonHandlerOptions["run"] = async (operationName, input, request) => {
    const operation = Object.hasOwn(operations, operationName) ? operations[operationName] : undefined;
    if (operation !== undefined) return operation(input, request);
    throw new AwsError(
      "UnknownOperationException",
      `${name} ${operationName} is not supported by the local runtime. It supports ${Object.keys(operations).join(", ")}.`,
    );
  };
  return { handle: awsJsonHandler({ contentType, run }) };
}

/** For a service that finds its operations itself. */
export function awsJsonHandler({ contentType, run }: JsonHandlerOptions): JsonService["handle"] {
  const answer = async (request: IncomingMessage): Promise<JsonObject | undefined> => {
    return run(operationOf(request), await readJson(request), request);
  };
  return (request, response) => {
    answer(request).then(
      (output) => sendJson(response, 200, contentType, output),
      (error: unknown) => {
        if (error instanceof LostReply) response.destroy();
        else sendError(response, contentType, error);
      },
    );
  };
}

/** The input of a request, which its caller may make; for an operation whose answer is not JSON. */
export async function readJson(request: IncomingMessage): Promise<JsonObject> {
  const input = parseInput(request, unpacked(request, await readBody(request, bodyLimitBytes)));
  checkAccess(request, operationOf(request), input);
  return input;
}

/** The part of `X-Amz-Target` after the dot. */
export function operationOf(request: IncomingMessage): string {
  const target = String(request.headers["x-amz-target"] ?? "");
  return target.slice(target.indexOf(".") + 1);
}

export function sendError(response: ServerResponse, contentType: string, error: unknown): void {
  const known = error instanceof AwsError ? error : new AwsError("InternalFailure", String(error), 500);
  sendJson(response, known.statusCode, contentType, { __type: known.code, message: known.message });
}

function sendJson(
  response: ServerResponse,
  statusCode: number,
  contentType: string,
  output: JsonObject | undefined,
): void {
  const body = output === undefined ? "" : JSON.stringify(output);
  response.statusCode = statusCode;
  response.setHeader("content-type", contentType);
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
}

/** Large PutMetricData requests come compressed. */
function unpacked({ headers }: IncomingMessage, body: Buffer): Buffer {
  if (headers["content-encoding"] !== "gzip") return body;
  try {
    return gunzipSync(body, { maxOutputLength: bodyLimitBytes });
  } catch {
    throw new AwsError("SerializationException", "Expected a body compressed by gzip, as content-encoding says.");
  }
}

function parseInput(request: IncomingMessage, body: Buffer): JsonObject {
  if (/cbor/.test(request.headers["content-type"] ?? "")) {
    throw new AwsError(
      "SerializationException",
      "The local runtime speaks AWS JSON, and this request is CBOR: set AWS_CBOR_DISABLE=1 (Java: the system property aws.cborEnabled=false).",
    );
  }
  try {
    const input: unknown = body.length === 0 ? {} : JSON.parse(body.toString());
    if (typeof input === "object" && input !== null && !Array.isArray(input)) return input as JsonObject;
  } catch {
    // The message below says it better than the parser does.
  }
  throw new AwsError("SerializationException", "Expected a JSON object as the body of the request.");
}
