/**
 * Two ways of counting a batch once. The peer is the design of published samples: the hash of the whole batch is the idempotency
 * key (what Powertools takes when nobody names a key), and the records' updates follow. Ours is the handler as it is.
 */

import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { type AttributeValue, type DynamoDBClient, paginateScan, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { dynamoStateStore } from "@millrace/aws";
import { compile, readFeatures } from "@millrace/engine";
import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import { updateFeatures } from "../../functions/update-features/update-features.ts";
import { features } from "../../test/shop/features.ts";
import { eventSchema } from "../../test/shop/generated/event.ts";
import { createTable, type Emulation } from "../emulation.ts";

export type Handler = (batch: KinesisStreamEvent) => Promise<KinesisStreamBatchResponse>;

export interface Side {
  readonly name: string;
  /** The table whose writes count events. */
  readonly table: string;
  createTables(tables: Emulation["tables"]): Promise<void>;
  /** A new execution environment. */
  start(client: DynamoDBClient): Handler;
  /** Views per user, as a reader would be told at `nowMs`. */
  read(client: DynamoDBClient, nowMs: number): Promise<ReadonlyMap<string, number>>;
}

const context = { getRemainingTimeInMillis: () => 60_000 } as Context;

export const batchHash: Side = {
  name: "hash of the batch",
  table: "counters",
  async createTables(tables) {
    await createTable(tables, "idempotency", ["id"]);
    await createTable(tables, "counters", ["pk"]);
  },
  start(client) {
    const config = new IdempotencyConfig({});
    const persistenceStore = new DynamoDBPersistenceLayer({ tableName: "idempotency", awsSdkV3Client: client });
    const addAll = makeIdempotent((batch: KinesisStreamEvent) => addEach(client, batch), { persistenceStore, config });
    return (batch) => {
      config.registerLambdaContext(context);
      return addAll(batch);
    };
  },
  async read(client) {
    const items = await scan(client, "counters");
    return new Map(items.map(({ pk, events }) => [String(pk?.S), Number(events?.N)]));
  },
};

/** Record by record; what could not be written is reported. */
async function addEach(client: DynamoDBClient, { Records }: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { kinesis } of Records) {
    const { user_id } = JSON.parse(Buffer.from(kinesis.data, "base64").toString());
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: "counters",
          Key: { pk: { S: user_id } },
          UpdateExpression: "ADD events :one",
          ExpressionAttributeValues: { ":one": { N: "1" } },
        }),
      );
    } catch {
      batchItemFailures.push({ itemIdentifier: kinesis.sequenceNumber });
    }
  }
  return { batchItemFailures };
}

const compiled = compile(features, eventSchema);
const pipeline = { ...compiled, views: compiled.views.filter(({ name }) => name === "user_activity") };

export const millrace: Side = {
  name: "Millrace",
  table: "features",
  createTables: (tables) => createTable(tables, "features", ["pk", "lane"]),
  start(client) {
    const now = () => Date.now();
    return updateFeatures({
      pipeline,
      store: dynamoStateStore({ client, table: "features", ttlMs: () => 86_400_000, now }),
      quarantine: { put: async () => [] },
      telemetry: { batch: () => undefined },
      now,
    });
  },
  async read(client, nowMs) {
    const items = await scan(client, "features");
    return new Map(
      items.map(({ pk, state }) => {
        const { views_24h } = readFeatures(pipeline, "user_activity", [state?.B as Uint8Array], nowMs);
        return [String(pk?.S).replace("user_activity#", ""), Number(views_24h)];
      }),
    );
  },
};

async function scan(client: DynamoDBClient, TableName: string): Promise<Record<string, AttributeValue>[]> {
  const items: Record<string, AttributeValue>[] = [];
  for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
    items.push(...(page.Items ?? []));
  }
  return items;
}
