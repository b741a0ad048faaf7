/**
 * DynamoDB Streams for tables that have one. Dynalite has none, so the items that a write concerns are read before and after it; writes to such tables
 * run one at a time meanwhile, so that nothing comes in between. What changed goes on a stream of one shard, which keeps it for a day.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { JsonObject } from "./aws-json.ts";
import type { Clock } from "./clock.ts";
import type { Dynalite } from "./dynalite.ts";
import { createStream, type Stream } from "./kinesis/stream.ts";

export type StreamView = (typeof streamViews)[number];
export const streamViews = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] as const;

export interface NewFeed {
  readonly table: string;
  /** Of the stream. */
  readonly arn: string;
  readonly view: StreamView;
  readonly keyNames: readonly string[];
}

export interface ChangeFeeds {
  open(feed: NewFeed): void;
  /** By the stream's ARN. */
  find(arn: string): Stream | undefined;
  /** A dynalite that tells the feeds of what it writes. */
  watch(dynalite: Dynalite): Dynalite;
}

/** What the stream holds as data. */
export interface Change {
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly images: {
    readonly Keys: JsonObject;
    readonly NewImage?: JsonObject;
    readonly OldImage?: JsonObject;
  };
  readonly sizeBytes: number;
  readonly view: StreamView;
}

type Feed = NewFeed & { readonly stream: Stream };
type Item = JsonObject | undefined;

const retentionHours = 24;
const largestChangeKiB = 10_240;

export function createChangeFeeds(clock: Clock): ChangeFeeds {
  const byTable = new Map<string, Feed>();
  let last: Promise<unknown> = Promise.resolve();

  /** Each item that the request writes to a table with a stream, by its keys. */
  const concerned = (operation: string, input: JsonObject): readonly (readonly [Feed, JsonObject])[] => {
    if (byTable.size === 0) return [];
    const requests = operation === "BatchWriteItem" ? batchRequests(input) : [single(operation, input)];
    return requests.flatMap(([table, item]) => {
      const feed = byTable.get(table);
      return feed === undefined || item === null ? [] : [[feed, keysOf(item, feed.keyNames)] as const];
    });
  };

  return {
    open(feed) {
      const { table, arn } = feed;
      const options = { name: table, arn, shardCount: 1, retentionHours, maxRecordSizeKiB: largestChangeKiB, clock };
      byTable.set(table, { ...feed, stream: createStream(options) });
    },
    find: (arn) => [...byTable.values()].find((feed) => feed.arn === arn)?.stream,
    watch(dynalite) {
      const read = async ([{ table }, Key]: readonly [Feed, JsonObject]): Promise<Item> =>
        (await dynalite.run("GetItem", { TableName: table, Key, ConsistentRead: true })).Item as Item;

      const runWatched = async (operation: string, input: JsonObject, items: ReturnType<typeof concerned>) => {
        const before = await Promise.all(items.map(read));
        const output = await dynalite.run(operation, input);
        const after = await Promise.all(items.map(read));
        for (const [at, [feed, keys]] of items.entries()) append(feed, keys, before[at], after[at]);
        return output;
      };
      return {
        ...dynalite,
        run(operation, input) {
          const items = concerned(operation, input);
          if (items.length === 0) return dynalite.run(operation, input);
          const mine = last.then(() => runWatched(operation, input, items));
          last = mine.catch(() => undefined);
          return mine;
        },
      };
    },
  };
}

/** A write that leaves the item as it was is no change. */
function append({ view, stream }: Feed, keys: JsonObject, before: Item, after: Item): void {
  if (isDeepStrictEqual(before, after)) return;
  const images = {
    Keys: keys,
    ...(after !== undefined && /^NEW/.test(view) ? { NewImage: after } : {}),
    ...(before !== undefined && /OLD/.test(view) ? { OldImage: before } : {}),
  };
  const eventName = before === undefined ? "INSERT" : after === undefined ? "REMOVE" : "MODIFY";
  const change: Change = { eventName, images, sizeBytes: Buffer.byteLength(JSON.stringify(images)), view };
  // Keys may be longer than a partition key.
  const partitionKey = createHash("md5").update(JSON.stringify(keys)).digest("hex");
  stream.put({ partitionKey, data: Buffer.from(JSON.stringify(change)) });
}

function single(operation: string, input: JsonObject): readonly [table: string, item: JsonObject | null] {
  const isWrite = ["PutItem", "UpdateItem", "DeleteItem"].includes(operation);
  return [String(input.TableName), isWrite ? ((input.Item ?? input.Key ?? null) as JsonObject | null) : null];
}

function batchRequests(input: JsonObject): readonly (readonly [table: string, item: JsonObject | null])[] {
  const byTable = (input.RequestItems ?? {}) as Readonly<Record<string, readonly WriteRequest[]>>;
  return Object.entries(byTable).flatMap(([table, requests]) =>
    requests.map(({ PutRequest: put, DeleteRequest: remove }) => [table, put?.Item ?? remove?.Key ?? null] as const),
  );
}

interface WriteRequest {
  readonly PutRequest?: { readonly Item: JsonObject };
  readonly DeleteRequest?: { readonly Key: JsonObject };
}

function keysOf(item: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, item[name]]));
}
