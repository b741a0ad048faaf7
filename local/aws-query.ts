/**
 * The AWS query protocol, which SNS still speaks: the operation is the form field `Action`, lists stand in numbered fields
 * (`Entry.member.1.Id`), and replies and errors are XML.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "./aws-error.ts";
import { readBody } from "./http-body.ts";
import { checkAccess } from "./request-access.ts";
import { type XmlElements, xmlElement } from "./s3/xml.ts";

/** A field of the form is a text; a numbered or dotted name opens a level. */
export interface QueryInput {
  text(name: string): string | undefined;
  required(name: string): string;
  inner(name: string): QueryInput;
  /** The levels `1`, `2`, … in their order. */
  items(name: string): readonly QueryInput[];
}

export type QueryOperation = (input: QueryInput) => XmlElements | Promise<XmlElements>;

export interface QueryServiceOptions {
  /** As people call it: `SNS`. */
  readonly name: string;
  readonly namespace: string;
  readonly operations: { readonly [operation: string]: QueryOperation };
}

const bodyLimitBytes = 4 * 1024 * 1024;

/** The operation is in the body, so that the count of requests can only say that there was one. */
export function awsQueryService({ name, namespace, operations }: QueryServiceOptions) {
  const answer = async (request: IncomingMessage): Promise<string> => {
    const body = await readBody(request, bodyLimitBytes);
    const form = new URLSearchParams(body.toString());
    const action = form.get("Action") ?? "";
    const operation = Object.hasOwn(operations, action) ? operations[action] : undefined;
    if (operation === undefined) {
      throw new AwsError(
        "InvalidAction",
        `${name} ${action} is not supported by the local runtime. It supports ${Object.keys(operations).join(", ")}.`,
      );
    }
    checkAccess(request, action, Object.fromEntries(form));
    const result = await operation(inputOf([...form]));
    return xmlElement(`${action}Response`, { [`${action}Result`]: result }, ` xmlns="${namespace}"`);
  };
  return {
    operationOf: () => "Request",
    handle(request: IncomingMessage, response: ServerResponse): void {
      answer(request).then(
        (xml) => send(response, 200, xml),
        (error: unknown) => sendQueryError(response, error),
      );
    },
  };
}

export function sendQueryError(response: ServerResponse, error: unknown): void {
  const { code, message, statusCode } =
    error instanceof AwsError ? error : new AwsError("InternalFailure", String(error), 500);
  const content = { Error: { Type: statusCode < 500 ? "Sender" : "Receiver", Code: code, Message: message } };
  send(response, statusCode, xmlElement("ErrorResponse", content));
}

function send(response: ServerResponse, statusCode: number, xml: string): void {
  response.statusCode = statusCode;
  response.setHeader("content-type", "text/xml");
  response.end(xml);
}

function inputOf(fields: readonly (readonly [string, string])[]): QueryInput {
  const byName = new Map(fields);
  const within = (prefix: string) =>
    fields
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value] as const);
  return {
    text: (name) => byName.get(name),
    required(name) {
      const value = byName.get(name);
      if (value !== undefined) return value;
      throw new AwsError(
        "ValidationError",
        `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
      );
    },
    inner: (name) => inputOf(within(`${name}.`)),
    items(name) {
      const inside = within(`${name}.`);
      const numbers = new Set(inside.map(([field]) => Number(field.split(".")[0])).filter(Number.isInteger));
      return [...numbers].sort((a, b) => a - b).map((number) => inputOf(within(`${name}.${number}.`)));
    },
  };
}
