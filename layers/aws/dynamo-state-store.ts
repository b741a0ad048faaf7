import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  type PutItemCommandInput,
} from "@aws-sdk/client-dynamodb";
import { type FoldedState, stateId } from "@millrace/engine";
import { mapAtMost } from "./at-most.ts";
import type { Pause } from "./backoff.ts";
import { loadItems } from "./dynamo-load.ts";
import { toItemKey } from "./item-key.ts";
import type { Saved, Snapshot, StateStore } from "./state-store.ts";

/** Conditional puts under way at one time: below the client's 50 sockets, so that none waits in the client with its time running. */
export const WRITE_CONCURRENCY = 32;

export interface DynamoStateStoreOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** How long after its last write a view's item is kept (ms); infinite for ever. */
  readonly ttlMs: (view: string) => number;
  readonly now: () => number;
  /** Between two reads of keys that DynamoDB left unprocessed; for tests. */
  readonly pause?: Pause;
}

/** A `StateStore` over one table with keys `pk` and `lane` and attributes `version`, `state` and `expiresAt`. */
export function dynamoStateStore({ client, table, ttlMs, now, pause }: DynamoStateStoreOptions): StateStore {
  const write = async (
    snapshot: Snapshot,
    state: FoldedState,
  ): Promise<"saved" | "conflicted" | { error: unknown }> => {
    // TTL goes by the wall clock, because DynamoDB deletes by it, however old the events are.
    const expiresAt = Math.ceil((now() + ttlMs(state.key.view)) / 1000);
    const read = snapshot.versions.get(stateId(state.key));
    try {
      await client.send(new PutItemCommand({ TableName: table, ...toPut(state, read, expiresAt) }));
      return "saved";
    } catch (error) {
      return error instanceof ConditionalCheckFailedException ? "conflicted" : { error };
    }
  };

  return {
    load: (keys) => loadItems({ client, table, ...(pause && { pause }) }, keys),
    async save(snapshot, states): Promise<Saved> {
      const outcomes = await mapAtMost(WRITE_CONCURRENCY, states, (state) => write(snapshot, state));
      return {
        conflicted: states.filter((_, i) => outcomes[i] === "conflicted"),
        failed: states.flatMap((state, i) => {
          const outcome = outcomes[i];
          return typeof outcome === "object" ? [{ state, error: outcome.error }] : [];
        }),
      };
    },
  };
}

/** The put of one item over the version that was read. An item that TTL removed meanwhile is a conflict too, and read anew. */
function toPut(
  { key, bytes }: FoldedState,
  read: number | undefined,
  expiresAt: number,
): Omit<PutItemCommandInput, "TableName"> {
  const Item: Record<string, AttributeValue> = {
    ...toItemKey(key),
    version: { N: String((read ?? 0) + 1) },
    state: { B: bytes },
    ...(Number.isFinite(expiresAt) && { expiresAt: { N: String(expiresAt) } }),
  };
  if (read === undefined) return { Item, ConditionExpression: "attribute_not_exists(pk)" };
  return {
    Item,
    ConditionExpression: "#version = :read",
    ExpressionAttributeNames: { "#version": "version" },
    ExpressionAttributeValues: { ":read": { N: String(read) } },
  };
}
