import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { virtualClock } from "../local/clock.ts";
import { startTables, type Tables, type TableWrite } from "../local/dynamodb.ts";
import { type Server, startServer } from "../local/server.ts";
import { createCallers } from "../local/table-callers.ts";

const startMs = Date.UTC(2026, 0, 2);
const none = { handle: () => {} };
const TableName = "features-table";

let tables: Tables;
let server: Server;
let client: DynamoDBClient;

beforeEach(async () => {
  const clock = virtualClock(startMs);
  tables = await startTables({ clock });
  server = await startServer({ clock, services: { kinesis: none, dynamodb: tables, s3: none } });
  client = new DynamoDBClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
  await tables.createTable(features());
});
afterEach(async () => {
  client.destroy();
  await server.stop();
  await tables.stop();
});

describe("tables", () => {
  it("can be used as soon as they are created, with the template's properties that dynalite lacks left out, at the clock's time", async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({
      TableStatus: "ACTIVE",
      KeySchema: [{ AttributeName: "pk" }, { AttributeName: "lane" }],
    });
    expect(Table?.CreationDateTime?.getTime()).toBe(startMs);
  });

  it("can have provisioned throughput as the strings of a template, and indexes that are queried", async () => {
    await tables.createTable({
      ...features(),
      TableName: "metrics-table",
      BillingMode: "PROVISIONED",
      ProvisionedThroughput: { ReadCapacityUnits: "5", WriteCapacityUnits: "5" },
      GlobalSecondaryIndexes: [
        {
          IndexName: "by-lane",
          KeySchema: [{ AttributeName: "lane", KeyType: "HASH" }],
          Projection: { ProjectionType: "ALL" },
          ProvisionedThroughput: { ReadCapacityUnits: "5", WriteCapacityUnits: "5" },
          ContributorInsightsSpecification: { Enabled: false },
        },
      ],
    });
    for (const entity of ["a", "b"]) await put({ entity, table: "metrics-table", lane: entity === "a" ? "x" : "y" });
    const found = await client.send(
      new QueryCommand({
        TableName: "metrics-table",
        IndexName: "by-lane",
        KeyConditionExpression: "lane = :lane",
        ExpressionAttributeValues: { ":lane": { S: "y" } },
      }),
    );
    expect(found.Items?.map((item) => item.pk?.S)).toEqual(["user_activity#b"]);
  });

  it("name what is wrong: a table that exists, one that does not, an operation that the local runtime lacks", async () => {
    await expect(tables.createTable(features())).rejects.toMatchObject({ name: "ResourceInUseException" });
    await expect(client.send(new DescribeTableCommand({ TableName: "nope" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(
      client.send(new CreateTableCommand({ TableName: "x", AttributeDefinitions: [], KeySchema: [] })),
    ).rejects.toMatchObject({
      name: "ValidationException",
    });
    const transaction = new TransactWriteItemsCommand({
      TransactItems: [{ Put: { TableName, Item: item({ entity: "a" }) } }],
    });
    await expect(client.send(transaction)).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringContaining("TransactWriteItems is not supported by the local runtime"),
    });
  });
});

describe("conditional writes", () => {
  it("let one of many writers of the same version win, and keep the bytes", async () => {
    const state = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await put({ entity: "a", version: 1, state });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => put({ entity: "a", version: 2, state, over: 1 })),
    );
    const lost = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(lost).toHaveLength(19);
    expect(lost.every(({ reason }) => (reason as Error).name === "ConditionalCheckFailedException")).toBe(true);
    const { Item } = await client.send(new GetItemCommand({ TableName, Key: key("a"), ConsistentRead: true }));
    expect(Item?.version).toEqual({ N: "2" });
    expect(Item?.state?.B).toEqual(state);
  });
});

describe("usage", () => {
  it("counts requests, and write units by started KB of the larger of the old and the new item", async () => {
    await put({ entity: "a", state: new Uint8Array(900) });
    expect(tables.usage()).toMatchObject({ requests: { PutItem: 1 }, writeUnits: 1 });
    await put({ entity: "a", state: new Uint8Array(2500) });
    expect(tables.usage().writeUnits).toBe(1 + 3);
    await put({ entity: "a", state: new Uint8Array(10) });
    expect(tables.usage().writeUnits).toBe(1 + 3 + 3);
    await client.send(new UpdateItemCommand({ TableName, Key: key("a"), UpdateExpression: "REMOVE version" }));
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    expect(tables.usage()).toMatchObject({
      requests: { PutItem: 3, UpdateItem: 1, DeleteItem: 1 },
      writeUnits: 9,
      readUnits: 0,
    });
  });

  it("charges a write whose condition fails by the larger of the item that is there and the new one", async () => {
    const refused = { name: "ConditionalCheckFailedException" };
    await put({ entity: "a", version: 1, state: new Uint8Array(10) });
    await expect(put({ entity: "a", version: 9, state: new Uint8Array(1500), over: 8 })).rejects.toMatchObject(refused);
    expect(tables.usage()).toMatchObject({ requests: { PutItem: 2 }, writeUnits: 1 + 2 });
    await put({ entity: "b", version: 1, state: new Uint8Array(3500) });
    await expect(put({ entity: "b", version: 9, over: 8 })).rejects.toMatchObject(refused);
    expect(tables.usage().writeUnits).toBe(3 + 4 + 4);
    await expect(
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: key("b"),
          UpdateExpression: "REMOVE version",
          ConditionExpression: "attribute_not_exists(pk)",
        }),
      ),
    ).rejects.toMatchObject(refused);
    await expect(put({ entity: "nobody", over: 1 })).rejects.toMatchObject(refused);
    expect(tables.usage()).toMatchObject({
      requests: { PutItem: 5, UpdateItem: 1 },
      writeUnits: 11 + 4 + 1,
      readUnits: 0,
    });
  });

  it("counts read units by 4 KB, consistent reads in full and others by half", async () => {
    await put({ entity: "a", state: new Uint8Array(5000) });
    await client.send(new GetItemCommand({ TableName, Key: key("a"), ConsistentRead: true }));
    expect(tables.usage().readUnits).toBe(2);
    await client.send(new GetItemCommand({ TableName, Key: key("a") }));
    expect(tables.usage().readUnits).toBe(3);
    await client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: [key("a"), key("b")] } } }));
    expect(tables.usage()).toMatchObject({ requests: { GetItem: 2, BatchGetItem: 1 }, readUnits: 3 + 1 + 0.5 });
  });

  it("is kept by table, where a batch over two tables counts once in each and once in all", async () => {
    await tables.createTable({ ...features(), TableName: "other-table" });
    const request = (entity: string) => ({ PutRequest: { Item: item({ entity }) } });
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: { [TableName]: [request("a"), request("b")], "other-table": [request("c")] },
      }),
    );
    expect(tables.usage()).toMatchObject({ requests: { BatchWriteItem: 1 }, writeUnits: 3 });
    expect(tables.usage(TableName)).toMatchObject({ requests: { BatchWriteItem: 1 }, writeUnits: 2 });
    expect(tables.usage("other-table")).toMatchObject({ requests: { BatchWriteItem: 1 }, writeUnits: 1 });
  });

  it("is told to a client only when it asks", async () => {
    const silent = await put({ entity: "a" });
    const asked = await client.send(
      new PutItemCommand({ TableName, Item: item({ entity: "a" }), ReturnConsumedCapacity: "TOTAL" }),
    );
    expect(silent.ConsumedCapacity).toBeUndefined();
    expect(asked.ConsumedCapacity).toMatchObject({ TableName, CapacityUnits: 1 });
    expect(tables.usage().writeUnits).toBe(2);
  });
});

describe("listeners of writes", () => {
  it("hear of each write as it arrives, by whom, and of nothing else", async () => {
    const heard: TableWrite[] = [];
    const leave = tables.onWrite((write) => heard.push(write));
    await put({ entity: "a", version: 1 });
    expect(heard).toEqual([{ caller: "local", operation: "PutItem" }]);
    await expect(put({ entity: "a", version: 5, over: 4 })).rejects.toThrow();
    expect(heard.splice(1)).toEqual([{ caller: "local", operation: "PutItem" }]);
    await client.send(new GetItemCommand({ TableName, Key: key("a") }));
    await client.send(new UpdateItemCommand({ TableName, Key: key("a"), UpdateExpression: "REMOVE version" }));
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    await client.send(
      new BatchWriteItemCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item: item({ entity: "b" }) } }] } }),
    );
    expect(heard.map(({ operation }) => operation)).toEqual(["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]);
    leave();
    await put({ entity: "c" });
    expect(heard).toHaveLength(4);
  });
});

describe("a caller that is cut off", () => {
  it("at a write has that write and those before it carried out, and no later one; others go on", async () => {
    const dead = new DynamoDBClient({
      endpoint: server.url,
      region: "us-east-1",
      credentials: { accessKeyId: "dead-1", secretAccessKey: "local" },
      maxAttempts: 1,
    });
    let writes = 0;
    let ended: Promise<void> | null = null;
    tables.onWrite(({ caller }) => {
      if (caller === "dead-1" && ++writes === 3) ended = tables.cutOff("dead-1");
    });
    const names = Array.from({ length: 10 }, (_, at) => `entity ${at}`);
    const puts = names.map((entity) => dead.send(new PutItemCommand({ TableName, Item: item({ entity }) })));
    const kinds = (await Promise.allSettled(puts)).map(({ status }) => status);
    await ended;
    dead.destroy();
    expect(kinds.filter((kind) => kind === "fulfilled")).toHaveLength(3);
    expect(writes).toBe(3);
    const found = await Promise.all(
      names.map((name) => client.send(new GetItemCommand({ TableName, Key: key(name) }))),
    );
    expect(found.filter(({ Item }) => Item !== undefined)).toHaveLength(3);
    await put({ entity: "another" });
  });

  it("is waited for until what has begun is done", async () => {
    const callers = createCallers();
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const held = callers.run("a", () => begun.promise);
    await Promise.resolve();
    const ended = callers.cutOff("a").then(() => order.push("cut off"));
    await expect(callers.run("a", async () => order.push("ran"))).rejects.toThrow("a has ended");
    await callers.run("b", async () => order.push("b ran"));
    begun.resolve();
    await held;
    await ended;
    expect(order).toEqual(["b ran", "cut off"]);
  });
});

// ---- builders

interface Written {
  readonly entity: string;
  readonly lane?: string;
  readonly table?: string;
  readonly version?: number;
  readonly state?: Uint8Array;
  /** The version that must be there. */
  readonly over?: number;
}

function put({ table = TableName, over, ...written }: Written) {
  const condition = {
    ConditionExpression: "#version = :version",
    ExpressionAttributeNames: { "#version": "version" },
    ExpressionAttributeValues: { ":version": { N: String(over) } },
  };
  return client.send(
    new PutItemCommand({ TableName: table, Item: item(written), ...(over === undefined ? {} : condition) }),
  );
}

function item({ entity, lane = "-", version = 1, state = new Uint8Array(10) }: Written) {
  return { ...key(entity, lane), version: { N: String(version) }, state: { B: state } };
}

function key(entity: string, lane = "-") {
  return { pk: { S: `user_activity#${entity}` }, lane: { S: lane } };
}

function features() {
  return {
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "S" },
      { AttributeName: "lane", AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "lane", KeyType: "RANGE" },
    ],
    TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    SSESpecification: { SSEEnabled: true },
  };
}
