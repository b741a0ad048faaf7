import {
  BatchWriteItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { startTables } from "../local/dynamodb.ts";
import { readFilters } from "../local/esm/filter.ts";
import { createMapping } from "../local/esm/mapping.ts";
import type { MappingSettings } from "../local/esm/settings.ts";
import { startServer } from "../local/server.ts";
import { defaults } from "./local-esm/bench.ts";

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const streamArn = "arn:aws:dynamodb:us-east-1:000000000000:table/seen/stream/2023-11-14T22:13:20.000";
const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface ChangeRecord {
  readonly eventName: string;
  readonly dynamodb: {
    readonly Keys: { readonly id: { readonly S: string } };
    readonly NewImage?: unknown;
    readonly OldImage?: unknown;
    readonly SequenceNumber: string;
  };
}

describe("I3: the changes of a table", () => {
  it("are handed over with exactly the keys that Lambda sends, images as the table's stream shows them", async () => {
    const bench = await createBench();
    await bench.put("a", "1");
    await bench.update("a", "2");
    await bench.remove("a");
    await bench.settle();
    const around = {
      eventID: expect.stringMatching(/^[0-9a-f]{32}$/),
      eventVersion: "1.1",
      eventSource: "aws:dynamodb",
      awsRegion: "us-east-1",
      eventSourceARN: streamArn,
    };
    const dynamodb = {
      ApproximateCreationDateTime: Math.floor(startMs / 1000),
      Keys: { id: { S: "a" } },
      SequenceNumber: expect.stringMatching(/^\d{21,40}$/),
      SizeBytes: expect.any(Number),
      StreamViewType: "NEW_AND_OLD_IMAGES",
    };
    const item = (value: string) => ({ id: { S: "a" }, n: { N: value } });
    expect(bench.events.flatMap(({ Records }) => Records)).toEqual([
      { ...around, eventName: "INSERT", dynamodb: { ...dynamodb, NewImage: item("1") } },
      { ...around, eventName: "MODIFY", dynamodb: { ...dynamodb, OldImage: item("1"), NewImage: item("2") } },
      { ...around, eventName: "REMOVE", dynamodb: { ...dynamodb, OldImage: item("2") } },
    ]);
  });

  it.each([
    ["KEYS_ONLY", [[], []]],
    ["NEW_IMAGE", [["NewImage"], []]],
    ["OLD_IMAGE", [[], ["OldImage"]]],
  ])("show with %s what it says", async (view, expected) => {
    const bench = await createBench({ view });
    await bench.put("a", "1");
    await bench.remove("a");
    await bench.settle();
    const images = bench.events
      .flatMap(({ Records }) => Records)
      .map(({ dynamodb }) => Object.keys(dynamodb).filter((name) => name.endsWith("Image")));
    expect(images).toEqual(expected);
  });

  it("each follow from the one before and end at what the table holds, however many writers there are at a time", async () => {
    const write = fc.record({
      kind: fc.constantFrom("put", "update", "remove", "batch"),
      id: fc.constantFrom("a", "b", "c"),
      value: fc.constantFrom("1", "2"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 25 }), async (writes) => {
        const bench = await createBench({ settings: { batchSize: 3 } });
        await Promise.all(writes.map(({ kind, id, value }) => bench[kind as "put"](id, value)));
        await bench.settle();
        const seen = new Map<string, unknown>();
        for (const { eventName, dynamodb } of bench.events.flatMap(({ Records }) => Records)) {
          const { Keys, NewImage, OldImage } = dynamodb;
          expect(seen.get(Keys.id.S)).toEqual(OldImage);
          expect(NewImage).not.toEqual(OldImage);
          const kind = OldImage === undefined ? "INSERT" : NewImage === undefined ? "REMOVE" : "MODIFY";
          expect(eventName).toBe(kind);
          if (NewImage === undefined) seen.delete(Keys.id.S);
          else seen.set(Keys.id.S, NewImage);
        }
        const { Items = [] } = await bench.client.send(new ScanCommand({ TableName: "seen" }));
        expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(Items.map((item) => [item.id?.S, item])));
        const numbers = bench.events.flatMap(({ Records }) =>
          Records.map(({ dynamodb }) => BigInt(dynamodb.SequenceNumber)),
        );
        expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => (one < other ? -1 : 1)));
      }),
      { numRuns: 25 },
    );
  });

  it("are none where a write leaves the item as it was", async () => {
    const bench = await createBench();
    await bench.put("a", "1");
    await bench.put("a", "1");
    await bench.update("a", "1");
    await bench.remove("b");
    await bench.settle();
    expect(bench.events.flatMap(({ Records }) => Records)).toHaveLength(1);
  });

  it("are not told of a write that the table refused", async () => {
    const bench = await createBench();
    const Item = { id: { S: "a" } };
    const refused = bench.client.send(
      new PutItemCommand({ TableName: "seen", Item, ConditionExpression: "attribute_exists(id)" }),
    );
    await expect(refused).rejects.toMatchObject({ name: "ConditionalCheckFailedException" });
    await bench.settle();
    expect(bench.events).toEqual([]);
  });

  it("are reported by SequenceNumber, the lowest as checkpoint, and given up with DynamoDB's form of the failure", async () => {
    const bench = await createBench({
      settings: { maximumRetryAttempts: 0, reportBatchItemFailures: true },
      handler: (records) => ({ batchItemFailures: [{ itemIdentifier: records.at(-1)?.dynamodb.SequenceNumber }] }),
    });
    for (const id of ["a", "b", "c"]) await bench.put(id, "1");
    await bench.settle();
    expect(bench.events.map(({ Records }) => Records.length)).toEqual([3, 1]);
    const last = bench.events[1]?.Records[0]?.dynamodb.SequenceNumber;
    expect(bench.failures).toMatchObject([
      {
        DDBStreamBatchInfo: {
          startSequenceNumber: last,
          endSequenceNumber: last,
          approximateArrivalOfFirstRecord: "2026-01-02T03:04:05Z",
          batchSize: 1,
          streamArn,
        },
      },
    ]);
  });

  it("pass filters on their name and their images", async () => {
    const filter = readFilters(['{"eventName":["INSERT"],"dynamodb":{"NewImage":{"n":{"N":["2"]}}}}'], null);
    const bench = await createBench({ settings: { filter } });
    await bench.put("a", "1");
    await bench.put("b", "2");
    await bench.put("a", "2");
    await bench.settle();
    expect(bench.events.flatMap(({ Records }) => Records)).toMatchObject([{ dynamodb: { Keys: { id: { S: "b" } } } }]);
  });

  it("are polled four times a second", async () => {
    const bench = await createBench();
    await bench.put("a", "1");
    await bench.clock.advanceTo(startMs + 1010);
    await bench.put("b", "1");
    await bench.settle();
    const [first = 0, second = 0] = bench.times;
    expect(first).toBe(0);
    expect(second).toBe(1250);
  });
});

it("a view that is none is refused", async () => {
  await expect(createBench({ view: "ALL" })).rejects.toThrow("StreamViewType: expected one of KEYS_ONLY, NEW_IMAGE");
});

interface BenchOptions {
  readonly view?: string;
  readonly settings?: Partial<MappingSettings>;
  readonly handler?: (records: readonly ChangeRecord[]) => unknown;
}

async function createBench({ view = "NEW_AND_OLD_IMAGES", settings, handler }: BenchOptions = {}) {
  const clock = virtualClock(startMs);
  const tables = await startTables({ clock });
  opened.push(tables.stop);
  await tables.createTable({
    TableName: "seen",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    StreamSpecification: { StreamViewType: view },
    streamArn,
  });
  const stream = tables.changesOf(streamArn);
  if (stream === undefined) throw new Error("the table has no stream");
  const none = { handle: () => {} };
  const server = await startServer({ clock, services: { kinesis: none, dynamodb: tables, s3: none } });
  const client = new DynamoDBClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  opened.push(server.stop, () => client.destroy());
  const events: { readonly Records: readonly ChangeRecord[] }[] = [];
  const times: number[] = [];
  const failures: unknown[] = [];
  createMapping({
    settings: { ...defaults, source: "dynamodb", eventSourceArn: streamArn, streamArn, ...settings },
    functionName: "fold",
    functionArn: "arn:aws:lambda:us-east-1:000000000000:function:fold",
    region: "us-east-1",
    stream,
    clock,
    seed: 7,
    log: () => {},
    destinations: {
      putObject: async (_, __, body) => void failures.push(JSON.parse(Buffer.from(body).toString())),
      sendMessage: async () => {},
      publish: async () => {},
    },
    async invoke(_, payload) {
      const event = JSON.parse(JSON.stringify(payload));
      events.push(event);
      times.push(clock.now() - startMs);
      return { kind: "ok", payload: handler?.(event.Records) ?? null, durationMs: 20 };
    },
  });
  const Key = (id: string) => ({ id: { S: id } });
  const item = (id: string, n: string) => ({ id: { S: id }, n: { N: n } });
  const TableName = "seen";
  return {
    clock,
    client,
    events,
    times,
    failures,
    put: (id: string, n: string) => client.send(new PutItemCommand({ TableName, Item: item(id, n) })),
    update: (id: string, n: string) =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: Key(id),
          UpdateExpression: "SET n = :n",
          ExpressionAttributeValues: { ":n": { N: n } },
        }),
      ),
    remove: (id: string) => client.send(new DeleteItemCommand({ TableName, Key: Key(id) })),
    batch: (id: string, n: string) =>
      client.send(new BatchWriteItemCommand({ RequestItems: { seen: [{ PutRequest: { Item: item(id, n) } }] } })),
    settle: () => clock.runUntilIdle(),
  };
}
