import {
  type AttributeValue,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
} from "@aws-sdk/client-dynamodb";
import { comparePositions, type Position, type Written } from "@millrace/engine";
import { inRunsOf, mapAtMost } from "./at-most.ts";
import { backoff, type Pause } from "./backoff.ts";
import {
  arrivalStartOf,
  isFinal,
  partitionsBetween,
  sortKeysBetween,
  startOf,
  toFinalKey,
  toRowKey,
  WRITTEN,
} from "./metric-row-key.ts";
import type { MetricsStore, StoredRow } from "./metrics-store.ts";

/** DynamoDB's limit for one BatchWriteItem. */
export const ROWS_PER_WRITE = 25;
/** Writes, or queries, under way at one time. */
export const CONCURRENCY = 8;
/** How often rows that DynamoDB left unprocessed (throttled) are put in all. */
export const WRITE_TRIES = 8;

export interface DynamoMetricsStoreOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** How long a metric's rows are kept after they were written (ms). */
  readonly keepMs: (metric: string) => number;
  readonly now: () => number;
  /** Between two tries of rows that DynamoDB left unprocessed; for tests. */
  readonly pause?: Pause;
}

type Item = Record<string, AttributeValue>;

/** A `MetricsStore` over one table with keys `pk` and `sk` and attributes `state` and `expiresAt`. */
export function dynamoMetricsStore(options: DynamoMetricsStoreOptions): MetricsStore {
  const { client, table, keepMs, now } = options;
  // TTL goes by the wall clock, because DynamoDB deletes by it, however old the events are.
  const expiresAt = (metric: string) => ({ N: String(Math.ceil((now() + keepMs(metric)) / 1000)) });

  const written = async (shard: string): Promise<Position | null> => {
    const { Item: item } = await client.send(
      new GetItemCommand({ TableName: table, ConsistentRead: true, Key: { pk: WRITTEN, sk: { S: shard } } }),
    );
    return item === undefined ? null : toWritten(item).position;
  };

  return {
    put: (rows) =>
      putItems(
        options,
        rows.map((row) => ({ ...toRowKey(row), state: { B: row.bytes }, expiresAt: expiresAt(row.metric) })),
      ),

    putFinal: (rows) =>
      putItems(
        options,
        rows.map(({ ofArchive = [], ...row }) => ({
          ...toFinalKey(row),
          ...{ state: { B: row.bytes }, expiresAt: expiresAt(row.metric) },
          ...(ofArchive.length > 0 && { ofArchive: { SS: [...ofArchive] } }),
        })),
      ),

    async rows(metric, fromMs, toMs) {
      const partitions = partitionsBetween(metric, fromMs, toMs);
      const [from, to] = sortKeysBetween(fromMs, toMs);
      const found = await mapAtMost(CONCURRENCY, partitions, (pk) =>
        query(options, "pk = :pk AND sk BETWEEN :from AND :to", { ":pk": { S: pk }, ":from": from, ":to": to }),
      );
      return found.flat().map(toStoredRow);
    },

    written,

    async setWritten({ position: { shard, sequence, subSequence }, arrivedBeforeMs }) {
      const item = {
        pk: WRITTEN,
        sk: { S: shard },
        sequence: { S: sequence },
        subSequence: { N: String(subSequence) },
        arrivedBeforeMs: { N: String(arrivedBeforeMs) },
        // As long as a stream can keep a record, and longer.
        expiresAt: { N: String(Math.ceil(now() / 1000) + 400 * 86_400) },
      };
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: item,
            ConditionExpression: NOT_BEYOND,
            ExpressionAttributeNames: { "#sequence": "sequence" },
            ExpressionAttributeValues: {
              ":digits": { N: String(sequence.length) },
              ":sequence": item.sequence,
              ":subSequence": item.subSequence,
            },
          }),
        );
      } catch (error) {
        // An invocation that Lambda had given up writes late: what its successors wrote stands, if it is there.
        const stands = error instanceof ConditionalCheckFailedException ? await written(shard) : null;
        if (stands === null || comparePositions(stands, { shard, sequence, subSequence }) < 0) throw error;
      }
    },

    async allWritten() {
      return (await query(options, "pk = :pk", { ":pk": WRITTEN })).map(toWritten);
    },
  };
}

/** What is noted stands at or before the position that comes. Sequence numbers have no leading zeros, so the longer one is the greater. */
const NOT_BEYOND =
  "attribute_not_exists(sk) OR size(#sequence) < :digits OR (size(#sequence) = :digits AND #sequence < :sequence) OR (#sequence = :sequence AND subSequence <= :subSequence)";

async function putItems(options: DynamoMetricsStoreOptions, items: readonly Item[]): Promise<void> {
  await mapAtMost(CONCURRENCY, inRunsOf(ROWS_PER_WRITE, items), (run) => putRun(options, run));
}

async function putRun(
  { client, table, pause = backoff({ baseMs: 50, capMs: 2000 }) }: DynamoMetricsStoreOptions,
  items: readonly Item[],
): Promise<void> {
  let left = items.map((Item) => ({ PutRequest: { Item } }));
  for (let tries = 1; ; tries++) {
    const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: left } }));
    left = (UnprocessedItems?.[table] ?? []) as typeof left;
    if (left.length === 0) return;
    if (tries === WRITE_TRIES) {
      throw new Error(
        `DynamoDB left ${left.length} of ${items.length} rows of ${table} unwritten after ${WRITE_TRIES} tries: the table is throttled`,
      );
    }
    await pause(tries);
  }
}

async function query(
  { client, table }: DynamoMetricsStoreOptions,
  KeyConditionExpression: string,
  ExpressionAttributeValues: Item,
): Promise<readonly Item[]> {
  const pages = paginateQuery(
    { client },
    { TableName: table, ConsistentRead: true, KeyConditionExpression, ExpressionAttributeValues },
  );
  const items: Item[] = [];
  for await (const { Items } of pages) items.push(...(Items ?? []));
  return items;
}

function toStoredRow({ pk, sk, state, ofArchive }: Item): StoredRow {
  if (state?.B === undefined || sk?.S === undefined)
    throw new Error(`expected bytes in attribute "state" of item ${pk?.S} / ${sk?.S}, found none`);
  const row = { startMs: startOf(sk.S), bytes: state.B };
  if (!isFinal(sk.S)) return { ...row, final: false, arrivalStartMs: arrivalStartOf(sk.S) };
  return { ...row, final: true, ...(ofArchive?.SS !== undefined && { ofArchive: ofArchive.SS }) };
}

function toWritten({ sk, sequence, subSequence, arrivedBeforeMs }: Item): Written {
  const position: Position = {
    shard: sk?.S as string,
    sequence: sequence?.S as string,
    subSequence: Number(subSequence?.N),
  };
  return { position, arrivedBeforeMs: Number(arrivedBeforeMs?.N) };
}
