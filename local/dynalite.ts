/**
 * Dynalite without its web server. Its own handler parses and checks what our server has already done and hides the parsed request, which
 * the accounting needs; calling its actions takes about 15 % less of our thread per put.
 *
 * It has no TTL deletion, transactions, PartiQL, streams (those are made in front of it) or `ReturnValuesOnConditionCheckFailure`.
 */
import { createRequire } from "node:module";
import { AwsError } from "./aws-error.ts";
import type { JsonObject } from "./aws-json.ts";
import { type ExpressionParser, rememberParsed } from "./dynalite-expressions.ts";

export interface Dynalite {
  /** Checks the input and runs the operation; rejects with an AwsError for what DynamoDB would refuse. */
  run(operation: string, input: JsonObject): Promise<JsonObject>;
  /** Of an item in DynamoDB's JSON. */
  writeUnitsOf(item: unknown): number;
  close(): Promise<void>;
}

const operations = new Set([
  "BatchGetItem",
  "BatchWriteItem",
  "CreateTable",
  "DeleteItem",
  "DeleteTable",
  "DescribeTable",
  "DescribeTimeToLive",
  "GetItem",
  "ListTables",
  "ListTagsOfResource",
  "PutItem",
  "Query",
  "Scan",
  "TagResource",
  "UntagResource",
  "UpdateItem",
  "UpdateTable",
]);

export function openDynalite(): Dynalite {
  const database = load<DatabaseModule>("db");
  const validations = load<ValidationsModule>("validations");
  const store = database.create({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  for (const parser of ["conditionParser", "projectionParser"]) rememberParsed(load<ExpressionParser>(`db/${parser}`));

  const check = (operation: string, input: JsonObject): JsonObject => {
    const { types, custom } = load<OperationValidation>(`validations/${fileName(operation)}`);
    try {
      const data = validations.checkTypes(input, types);
      validations.checkValidations(data, types, custom, store);
      return data;
    } catch (error) {
      throw asAwsError(error);
    }
  };

  return {
    async run(operation, input) {
      if (!operations.has(operation)) {
        throw new AwsError(
          "UnknownOperationException",
          `DynamoDB ${operation} is not supported by the local runtime. It supports ${[...operations].join(", ")}.`,
        );
      }
      const data = check(operation, input);
      const action = load<Action>(`actions/${fileName(operation)}`);
      return new Promise((resolve, reject) => {
        action(store, data, (error, output) => (error ? reject(asAwsError(error)) : resolve(output)));
      });
    },
    writeUnitsOf: (item) => database.capacityUnits(item, false, false),
    close: () => new Promise((resolve) => store.db.close(() => resolve())),
  };
}

type Action = (store: Store, data: JsonObject, done: (error: unknown, output: JsonObject) => void) => void;

interface Store {
  readonly db: { close(done: () => void): void };
}

interface DatabaseModule {
  create(options: { createTableMs: number; deleteTableMs: number; updateTableMs: number }): Store;
  capacityUnits(item: unknown, isRead: boolean, isConsistent: boolean): number;
}

interface OperationValidation {
  readonly types: unknown;
  readonly custom: unknown;
}

interface ValidationsModule {
  checkTypes(input: JsonObject, types: unknown): JsonObject;
  checkValidations(data: JsonObject, types: unknown, custom: unknown, store: Store): void;
}

const require = createRequire(import.meta.url);

/** Dynalite has no types; those here say what this file uses of the pinned version. Node keeps what it has loaded. */
function load<Module>(path: string): Module {
  return require(`dynalite/${path}`) as Module;
}

function fileName(operation: string): string {
  return operation.charAt(0).toLowerCase() + operation.slice(1);
}

function asAwsError(error: unknown): unknown {
  const { statusCode, body } = error as {
    statusCode?: number;
    body?: { __type: string; message?: string; Message?: string };
  };
  if (statusCode === undefined || body === undefined) return error;
  const code = body.__type.slice(body.__type.indexOf("#") + 1);
  return new AwsError(code, body.message ?? body.Message ?? code, statusCode);
}
