/**
 * The AWS JSON protocol: the operation stands in `X-Amz-Target`, the input in the body, and an error is `{ __type, message }`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "./aws-error.ts";

export type JsonObject = { readonly [name: string]: unknown };
export type Operation = (input: JsonObject) => JsonObject | Promise<JsonObject>;

export interface JsonServiceOptions {
  /** As in the target header before the dot: `Kinesis_20131202`. */
  readonly target: string;
  readonly operations: { readonly [operation: string]: Operation };
}

export interface JsonService {
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** An operation throws an AwsError for what AWS would refuse; anything else it throws becomes an InternalFailure. */
export function awsJsonService(_options: JsonServiceOptions): JsonService {
  throw new AwsError("InternalFailure", "not yet built", 500);
}
