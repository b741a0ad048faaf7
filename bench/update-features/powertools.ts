/**
 * The peer: the pattern of the Powertools documentation ("Batch processing", "Integrating with Idempotency"). The batch processor
 * hands out record by record, each is made idempotent by its event id, and its work is one UpdateItem. It does less than the
 * features do: it adds up a count and a sum per entity and five minutes, and knows a redelivery, but not a producer's retry.
 */

import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import type { Context, KinesisStreamBatchResponse, KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";

/** What an event adds, and to whom; null when it is of no concern. */
export type Contribution = (event: Readonly<Record<string, unknown>>) => Added | null;

export interface Added {
  readonly entity: string;
  readonly timeMs: number;
  readonly amount: number;
}

export interface PowertoolsOptions {
  readonly client: DynamoDBClient;
  /** With the key `id`. */
  readonly idempotencyTable: string;
  /** With the keys `pk` and `tile`. */
  readonly countersTable: string;
  readonly contribution: Contribution;
}

const TILE_MS = 300_000;
const context = { getRemainingTimeInMillis: () => 300_000 } as Context;

export function powertoolsHandler({ client, idempotencyTable, countersTable, contribution }: PowertoolsOptions) {
  const processor = new BatchProcessor(EventType.KinesisDataStreams);
  const persistenceStore = new DynamoDBPersistenceLayer({ tableName: idempotencyTable, awsSdkV3Client: client });
  const config = new IdempotencyConfig({});
  const add = makeIdempotent(
    async (_eventID: string, added: Added) =>
      void (await client.send(new UpdateItemCommand({ TableName: countersTable, ...toUpdate(added) }))),
    { persistenceStore, config, dataIndexArgument: 0 },
  );
  const addRecord = async ({ eventID, kinesis }: KinesisStreamRecord): Promise<void> => {
    const added = contribution(JSON.parse(Buffer.from(kinesis.data, "base64").toString()));
    if (added !== null) await add(eventID, added);
  };

  return (batch: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> => {
    config.registerLambdaContext(context);
    return processPartialResponse(batch, addRecord, processor, { context });
  };
}

export function toUpdate({ entity, timeMs, amount }: Added) {
  return {
    Key: { pk: { S: entity }, tile: { S: String(Math.floor(timeMs / TILE_MS)) } },
    UpdateExpression: "ADD events :one, amount :amount",
    ExpressionAttributeValues: { ":one": { N: "1" }, ":amount": { N: String(amount) } },
  };
}
