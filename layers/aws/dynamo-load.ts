import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient, paginateQuery } from "@aws-sdk/client-dynamodb";
import { type StateKey, stateId } from "@millrace/engine";
import { inRunsOf, mapAtMost } from "./at-most.ts";
import { backoff, type Pause } from "./backoff.ts";
import { laneOf, toItemKey } from "./item-key.ts";
import type { Snapshot } from "./state-store.ts";

/** DynamoDB's limit for one BatchGetItem. */
const KEYS_PER_READ = 100;
/** Reads under way at one time. */
export const READ_CONCURRENCY = 8;
/** How often keys that DynamoDB left unprocessed (throttled, or beyond 16 MB) are asked for in all. */
export const READ_TRIES = 8;

export interface ReadOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly pause?: Pause;
}

type Item = Record<string, AttributeValue>;
type ItemKey = ReturnType<typeof toItemKey>;

const PROJECTION = {
  ProjectionExpression: "pk, lane, #version, #state",
  ExpressionAttributeNames: { "#version": "version", "#state": "state" },
};

/** Reads items strongly consistently, and for each absent item with a lane the entity's items in its other lanes. */
export async function loadItems(options: ReadOptions, keys: readonly StateKey[]): Promise<Snapshot> {
  const idByItem = new Map(keys.map((key) => [textOf(toItemKey(key)), stateId(key)]));
  const runs = await mapAtMost(READ_CONCURRENCY, inRunsOf(KEYS_PER_READ, keys), (run) =>
    getItems(options, run.map(toItemKey)),
  );
  const items = new Map<string, Uint8Array>();
  const versions = new Map<string, number>();
  for (const item of runs.flat()) {
    const id = idByItem.get(textOf(item)) as string;
    items.set(id, bytesOf(item));
    versions.set(id, Number(item.version?.N));
  }
  const absent = keys.filter((key) => key.lane !== "" && !items.has(stateId(key)));
  const siblings = await mapAtMost(READ_CONCURRENCY, absent, async (key) => {
    const lanes = await queryLanes(options, key);
    return lanes.filter(({ lane }) => lane !== key.lane).map(({ bytes }) => bytes);
  });
  return { items, versions, siblings: new Map(absent.map((key, i) => [stateId(key), siblings[i] ?? []])) };
}

async function getItems(
  { client, table, pause = backoff({ baseMs: 50, capMs: 2000 }) }: ReadOptions,
  keys: readonly ItemKey[],
): Promise<Item[]> {
  const found: Item[] = [];
  let wanted: Item[] = keys.map((key) => ({ ...key }));
  for (let tries = 1; ; tries++) {
    const request = { Keys: wanted, ConsistentRead: true, ...PROJECTION };
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [table]: request } }),
    );
    found.push(...(Responses?.[table] ?? []));
    wanted = UnprocessedKeys?.[table]?.Keys ?? [];
    if (wanted.length === 0) return found;
    if (tries === READ_TRIES) {
      throw new Error(
        `DynamoDB left ${wanted.length} of ${keys.length} keys of ${table} unread after ${READ_TRIES} tries: the table is throttled`,
      );
    }
    await pause(tries);
  }
}

export interface LaneItem {
  readonly lane: string;
  readonly bytes: Uint8Array;
  readonly version: number;
}

/** The items of all lanes of the key's entity. */
export async function queryLanes({ client, table }: ReadOptions, key: StateKey): Promise<readonly LaneItem[]> {
  const pages = paginateQuery(
    { client },
    {
      TableName: table,
      ConsistentRead: true,
      ...PROJECTION,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": toItemKey(key).pk },
    },
  );
  const lanes: LaneItem[] = [];
  for await (const { Items } of pages) {
    for (const item of Items ?? []) {
      lanes.push({ lane: laneOf(item), bytes: bytesOf(item), version: Number(item.version?.N) });
    }
  }
  return lanes;
}

function textOf({ pk, lane }: Item | ItemKey): string {
  return `${lane?.S}\u0000${pk?.S}`;
}

function bytesOf({ pk, lane, state }: Item): Uint8Array {
  if (state?.B === undefined)
    throw new Error(`expected bytes in attribute "state" of item ${pk?.S} / ${lane?.S}, found none`);
  return state.B;
}
