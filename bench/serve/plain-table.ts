/**
 * The peer: a plain feature table, as one keeps it without windows. Each entity's features lie ready in an item, an attribute each; whoever asks gets
 * them as they were when they were last written. Somebody must write them anew whenever a window moves on, which is not counted here.
 */

import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { type FeatureReader, fromHttpApi, type HttpApiEvent, mapAtMost, toHttpReply } from "@millrace/aws";
import { type Pipeline, readFeatures } from "@millrace/engine";
import { READ_CONCURRENCY } from "../../functions/serve/vectors.ts";

export interface PlainTableOptions {
  readonly client: DynamoDBClient;
  /** With the key `pk`. */
  readonly table: string;
  /** A request for each record, or BatchGetItem, which takes a hundred. */
  readonly reads: "one by one" | "in batches";
}

type Item = Record<string, AttributeValue>;

export function plainTableHandler({ client, table, reads }: PlainTableOptions) {
  const key = (view: string, entity: string): Item => ({ pk: { S: `${view}#${entity}` } });
  const getItem = async (Key: Item): Promise<Item> => {
    const { Item: item = {} } = await client.send(new GetItemCommand({ TableName: table, Key }));
    return item;
  };
  const getBatch = async (Keys: Item[]): Promise<readonly Item[]> => {
    const { Responses } = await client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys } } }));
    const found = new Map((Responses?.[table] ?? []).map((item) => [item.pk?.S, item]));
    return Keys.map(({ pk }) => found.get(pk?.S) ?? {});
  };
  return async (event: HttpApiEvent) => {
    const { path, body } = fromHttpApi(event);
    const view = path.view as string;
    const entities =
      path.entity === undefined ? (JSON.parse(body) as { entities: readonly string[] }).entities : [path.entity];
    const keys = entities.map((entity) => key(view, entity));
    const items =
      reads === "in batches" && keys.length > 1
        ? await getBatch(keys)
        : await mapAtMost(READ_CONCURRENCY, keys, getItem);
    const vectors = items.map((item, at) => {
      const { pk: _, ...features } = unmarshall(item);
      return { entity: entities[at], features };
    });
    return toHttpReply({
      status: 200,
      contentType: "application/json",
      body: path.entity === undefined ? { view, vectors } : { view, ...vectors[0] },
    });
  };
}

const ITEMS_PER_WRITE = 25;

/** Writes what the entities' features are at that moment. */
export async function fillPlainTable(
  { client, table }: Pick<PlainTableOptions, "client" | "table">,
  { pipeline, reader }: { readonly pipeline: Pipeline; readonly reader: FeatureReader },
  view: string,
  entities: readonly string[],
  nowMs: number,
): Promise<void> {
  for (let from = 0; from < entities.length; from += ITEMS_PER_WRITE) {
    const puts = entities.slice(from, from + ITEMS_PER_WRITE).map(async (entity) => {
      const features = readFeatures(pipeline, view, await reader.items(view, entity), nowMs);
      return { PutRequest: { Item: marshall({ pk: `${view}#${entity}`, ...features }) } };
    });
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: await Promise.all(puts) } }));
  }
}
