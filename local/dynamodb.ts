/**
 * DynamoDB in this process: dynalite in memory behind our server, with an account of what the requests would cost, and word of every write for
 * those who inject faults at one.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "./aws-error.ts";
import { awsJsonHandler, type JsonObject } from "./aws-json.ts";
import type { Clock } from "./clock.ts";
import { createMetrics, type Metrics } from "./cloudwatch/metrics.ts";
import { type Dynalite, openDynalite } from "./dynalite.ts";
import type { AroundRequest } from "./faults/tables.ts";
import type { Stream } from "./kinesis/stream.ts";
import { callerOf, createCallers } from "./table-callers.ts";
import { createChangeFeeds, type NewFeed, type StreamView, streamViews } from "./table-changes.ts";
import { tableMeters } from "./table-meters.ts";
import { type TableProperties, toCreateTable } from "./table-properties.ts";
import { consumedUnits, createMeter, type Meter, type TableUsage, tablesOf } from "./table-usage.ts";

export type { TableProperties } from "./table-properties.ts";
export type { TableUsage } from "./table-usage.ts";

export interface TableWrite {
  /** The access key id. */
  readonly caller: string;
  readonly operation: WriteOperation;
}

export interface Tables {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Resolves when the table can be used. */
  createTable(properties: TableProperties): Promise<void>;
  /** The stream of a table's changes, by its ARN. */
  changesOf(arn: string): Stream | undefined;
  /** Of one table, or of all. */
  usage(table?: string): TableUsage;
  /** Called when a write has arrived and before it is carried out; returns what ends that. */
  onWrite(listener: (write: TableWrite) => void): () => void;
  /** From now on no request of the caller is carried out; resolves when none of it is running. */
  cutOff(caller: string): Promise<void>;
  stop(): Promise<void>;
}

type WriteOperation = (typeof writeOperations)[number];

const writeOperations = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"] as const;
const readOperations = ["GetItem", "BatchGetItem", "Query", "Scan"] as const;

export interface TablesOptions {
  readonly clock: Clock;
  /** Injects faults. */
  readonly around?: AroundRequest;
  /** Of the account; its own by default. */
  readonly metrics?: Metrics;
}

export async function startTables({
  clock,
  around = (request, run) => run(request.input),
  metrics = createMetrics({ clock }),
}: TablesOptions): Promise<Tables> {
  const feeds = createChangeFeeds(clock);
  const dynalite = feeds.watch(withClock(openDynalite(), clock));
  const meters = tableMeters(metrics);
  const meter = createMeter(meters.consumed);
  const listeners = new Set<(write: TableWrite) => void>();

  const callers = createCallers();
  const run = async (operation: string, input: JsonObject, caller: string): Promise<JsonObject> => {
    meter.countRequest(operation, tablesOf(input));
    const kind = kindOf(operation);
    if (kind === "write")
      for (const listener of listeners) listener({ caller, operation: operation as WriteOperation });
    if (kind === null) return dynalite.run(operation, input);
    const request = { operation, input, caller, isWrite: kind === "write" };
    try {
      const output = await around(request, (asked) => runMetered(dynalite, meter, kind, operation, asked));
      meters.answered(kind, output);
      return output;
    } catch (error) {
      meters.refused(operation, kind, input, error);
      throw error;
    }
  };

  return {
    handle: awsJsonHandler({
      contentType: "application/x-amz-json-1.0",
      run(operation, input, request) {
        const caller = callerOf(request);
        return callers.run(caller, () => run(operation, input, caller));
      },
    }),
    cutOff: callers.cutOff,
    async createTable(properties) {
      await dynalite.run("CreateTable", toCreateTable(properties));
      await activeTable(dynalite, properties.TableName);
      const feed = readFeed(properties);
      if (feed !== null) feeds.open(feed);
    },
    changesOf: feeds.find,
    usage: meter.usage,
    onWrite(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: dynalite.close,
  };
}

function readFeed({ TableName: table, StreamSpecification, KeySchema, streamArn }: TableProperties): NewFeed | null {
  const view = (StreamSpecification as { StreamViewType?: unknown } | undefined)?.StreamViewType;
  if (StreamSpecification === undefined) return null;
  if (!(streamViews as readonly unknown[]).includes(view)) {
    const message = `StreamViewType: expected one of ${streamViews.join(", ")}, got ${JSON.stringify(view)}.`;
    throw new AwsError("ValidationException", message);
  }
  const keyNames = (KeySchema as readonly { readonly AttributeName: string }[]).map((key) => key.AttributeName);
  return { table, arn: String(streamArn), view: view as StreamView, keyNames };
}

function kindOf(operation: string): "read" | "write" | null {
  if ((writeOperations as readonly string[]).includes(operation)) return "write";
  return (readOperations as readonly string[]).includes(operation) ? "read" : null;
}

/** Has dynalite tell what the request consumed, and keeps that from a client who did not ask. */
async function runMetered(
  dynalite: Dynalite,
  meter: Meter,
  kind: "read" | "write",
  operation: string,
  input: JsonObject,
): Promise<JsonObject> {
  const asked = input.ReturnConsumedCapacity;
  const wantsCapacity = asked !== undefined && asked !== "NONE";
  try {
    const output = await dynalite.run(operation, wantsCapacity ? input : { ...input, ReturnConsumedCapacity: "TOTAL" });
    for (const { TableName, CapacityUnits } of consumedUnits(output)) meter.addUnits(TableName, kind, CapacityUnits);
    if (wantsCapacity) return output;
    const { ConsumedCapacity: _, ...rest } = output;
    return rest;
  } catch (error) {
    if (error instanceof AwsError && error.code === "ConditionalCheckFailedException") {
      meter.addUnits(String(input.TableName), kind, await unitsOfRefused(dynalite, input));
    }
    throw error;
  }
}

/** AWS bills a failed condition by the larger of the item that is there and the new one; an update's new one is never made. */
async function unitsOfRefused(dynalite: Dynalite, { TableName, Key, Item }: JsonObject): Promise<number> {
  const found = await dynalite.run("GetItem", {
    TableName,
    Key: Key ?? (await keyOf(dynalite, TableName, Item as JsonObject)),
    ConsistentRead: true,
  });
  return Math.max(dynalite.writeUnitsOf(found.Item), dynalite.writeUnitsOf(Item));
}

async function keyOf(dynalite: Dynalite, TableName: unknown, item: JsonObject): Promise<JsonObject> {
  const { Table: table } = await dynalite.run("DescribeTable", { TableName });
  const schema = (table as JsonObject).KeySchema as readonly { readonly AttributeName: string }[];
  return Object.fromEntries(schema.map(({ AttributeName }) => [AttributeName, item[AttributeName]]));
}

/** Dynalite stamps a table with the machine's time; here it is the clock's, so that a run can be repeated. */
function withClock(dynalite: Dynalite, clock: Pick<Clock, "now">): Dynalite {
  const createdMs = new Map<unknown, number>();
  const stamped = (table: JsonObject): JsonObject => ({
    ...table,
    CreationDateTime: (createdMs.get(table.TableName) ?? clock.now()) / 1000,
  });
  return {
    ...dynalite,
    async run(operation, input) {
      const output = await dynalite.run(operation, input);
      if (operation === "CreateTable") createdMs.set(input.TableName, clock.now());
      for (const field of ["Table", "TableDescription"]) {
        const table = output[field];
        if (table !== undefined) return { ...output, [field]: stamped(table as JsonObject) };
      }
      return output;
    },
  };
}

/** Dynalite says ACTIVE a moment after it has answered. */
async function activeTable(dynalite: Dynalite, name: string): Promise<void> {
  for (;;) {
    const { Table: table } = await dynalite.run("DescribeTable", { TableName: name });
    if ((table as JsonObject).TableStatus === "ACTIVE") return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
