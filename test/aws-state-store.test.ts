import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamoEntityItems, dynamoStateStore } from "@millrace/aws";
import { type FoldedState, type StateKey, stateId } from "@millrace/engine";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { updateFeatures } from "../functions/update-features/update-features.ts";
import { memoryQuarantine, memoryTelemetry } from "./functions/fakes.ts";
import { batchOf, contents, kinesisRecord, pipeline, START } from "./functions/shop.ts";

/** The adapter against dynalite, over HTTP, with the SDK as it runs on Lambda. A proxy in front of it makes the trouble. */

type Fault = "none" | "lose reply" | "throttle" | "leave unprocessed";
let faultOf: (operation: string) => Fault = () => "none";
let table = "";
let tables = 0;
let client: DynamoDBClient;
let dynalite: Server;
let proxy: Server;

describe("dynamoStateStore", () => {
  it("gives back what was saved, and nothing for what is not there", async () => {
    const store = newStore();
    const none = await store.load([key("u1"), key("u2")]);
    expect([none.items.size, none.siblings.size]).toEqual([0, 0]);
    expect(await store.save(none, [state("u1", "one")])).toEqual({ conflicted: [], failed: [] });
    const some = await store.load([key("u1"), key("u2")]);
    expect(textsOf(some.items)).toEqual({ [stateId(key("u1"))]: "one" });
  });

  it("reads more items than one call takes", async () => {
    const store = newStore();
    const entities = Array.from({ length: 230 }, (_, i) => `u${i}`);
    await store.save(
      await store.load([]),
      entities.map((entity) => state(entity, entity)),
    );
    expect((await store.load(entities.map((entity) => key(entity)))).items.size).toBe(230);
  });

  it("writes only over the version it read: the second of two writers conflicts and the first one's bytes stay", async () => {
    const store = newStore();
    for (const round of ["first", "second"]) {
      const mine = await store.load([key("u1")]);
      const theirs = await store.load([key("u1")]);
      expect((await store.save(theirs, [state("u1", `${round}: theirs`)])).conflicted).toEqual([]);
      expect((await store.save(mine, [state("u1", "mine")])).conflicted).toEqual([state("u1", "mine")]);
      expect(textsOf((await store.load([key("u1")])).items)).toEqual({ [stateId(key("u1"))]: `${round}: theirs` });
    }
  });

  it("loads whole entities with the items of all their lanes, to be written over the versions that were read", async () => {
    const store = newStore();
    const lanes = [state("i1", "one", "shard-1"), state("i1", "two", "shard-2"), state("i10", "other", "shard-1")];
    await store.save(await store.load([]), [...lanes, state("u1", "user")]);
    const entities = dynamoEntityItems({ client, table, hasLanes: (view) => view === "by_item" });
    const { byEntity, snapshot } = await entities.load("by_item", ["i1", "nobody"]);
    expect([...byEntity].map(([entity, items]) => [entity, textsOf(items)])).toEqual([
      ["i1", { "shard-1": "one", "shard-2": "two" }],
      ["nobody", {}],
    ]);
    const fresh = [state("i1", "three", "shard-2"), state("nobody", "first", "shard-1")];
    expect(await store.save(snapshot, fresh)).toEqual({ conflicted: [], failed: [] });
    expect((await store.save(snapshot, fresh)).conflicted).toEqual(fresh);
    const users = await entities.load("by_user", ["u1", "u2"]);
    expect([...users.byEntity].map(([entity, items]) => [entity, textsOf(items)])).toEqual([
      ["u1", { "": "user" }],
      ["u2", {}],
    ]);
  });

  it("keeps lanes apart, and gives an absent lane the entity's others, but not itself nor another entity", async () => {
    const store = newStore();
    const lanes = [state("i1", "one", "shard-1"), state("i1", "two", "shard-2"), state("i10", "other", "shard-1")];
    await store.save(await store.load([]), lanes);
    const { items, siblings } = await store.load([key("i1", "shard-1"), key("i1", "shard-3")]);
    expect(textsOf(items)).toEqual({ [stateId(key("i1", "shard-1"))]: "one" });
    expect([...siblings.keys()]).toEqual([stateId(key("i1", "shard-3"))]);
    expect(
      siblings
        .get(stateId(key("i1", "shard-3")))
        ?.map((bytes) => Buffer.from(bytes).toString())
        .sort(),
    ).toEqual(["one", "two"]);
  });

  it("stores the key, lane, version and expiry that readers and TTL count on", async () => {
    const store = newStore();
    await store.save(await store.load([]), [state("u1", "x"), state("i1", "x", "shard-1")]);
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    const state1 = {
      version: { N: "1" },
      expiresAt: { N: String(START / 1000 + 7) },
      state: { B: Uint8Array.from(Buffer.from("x")) },
    };
    expect(Items).toHaveLength(2);
    expect(Items).toContainEqual({ pk: { S: "by_user#u1" }, lane: { S: "-" }, ...state1 });
    expect(Items).toContainEqual({ pk: { S: "by_item#i1" }, lane: { S: "shard-1" }, ...state1 });
  });

  it("gives an item whose windows never end no expiry, also where it had one", async () => {
    const kept = newStore();
    await kept.save(await kept.load([]), [state("u1", "x")]);
    const forEver = newStore(Number.POSITIVE_INFINITY);
    await forEver.save(await forEver.load([key("u1")]), [state("u1", "y")]);
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    expect(Items).toEqual([
      { pk: { S: "by_user#u1" }, lane: { S: "-" }, version: { N: "2" }, state: { B: Uint8Array.from([0x79]) } },
    ]);
  });

  it("asks again for keys that were left unprocessed, and throws when they stay so", async () => {
    const store = newStore();
    await store.save(await store.load([]), [state("u1", "one"), state("u2", "two")]);
    let left = 3;
    faultOf = (operation) => (operation === "BatchGetItem" && left-- > 0 ? "leave unprocessed" : "none");
    expect((await store.load([key("u1"), key("u2")])).items.size).toBe(2);
    faultOf = (operation) => (operation === "BatchGetItem" ? "leave unprocessed" : "none");
    await expect(store.load([key("u1")])).rejects.toThrow("1 of 1 keys");
  });

  it("gives back what could not be written, with the reason, and writes the rest", async () => {
    const store = newStore();
    const none = await store.load([]);
    const tooLarge = state("u2", "x".repeat(400 * 1024));
    const { conflicted, failed } = await store.save(none, [state("u1", "one"), tooLarge, state("u3", "three")]);
    expect(conflicted).toEqual([]);
    expect(failed).toMatchObject([{ state: tooLarge, error: { name: "ValidationException" } }]);
    expect((await store.load(["u1", "u2", "u3"].map((entity) => key(entity)))).items.size).toBe(2);
  });

  it("leaves throttles to the client, and reports what stays throttled", async () => {
    const store = newStore();
    let left = 2;
    faultOf = (operation) => (operation === "PutItem" && left-- > 0 ? "throttle" : "none");
    expect(await store.save(await store.load([]), [state("u1", "one")])).toEqual({ conflicted: [], failed: [] });
    faultOf = (operation) => (operation === "PutItem" ? "throttle" : "none");
    const { failed } = await store.save(await store.load([]), [state("u2", "two")]);
    expect(failed).toMatchObject([{ error: { name: "ProvisionedThroughputExceededException" } }]);
  });

  it("counts once when DynamoDB wrote and the reply was lost", async () => {
    let left = 1;
    faultOf = (operation) => (operation === "PutItem" && left-- > 0 ? "lose reply" : "none");
    const store = newStore();
    const handler = updateFeatures({
      pipeline,
      store,
      quarantine: memoryQuarantine(),
      telemetry: memoryTelemetry(),
      now: () => START,
    });
    const records = [kinesisRecord(9, { id: "a", user: "u1" }), kinesisRecord(10, { id: "b", user: "u1" })];
    expect(await handler(batchOf(...records))).toEqual({ batchItemFailures: [] });
    expect(left).toBeLessThan(1);
    const { items } = await store.load([key("u1")]);
    expect(contents(items)).toMatchObject({ "by_user  u1": { applied: 2, duplicates: 0 } });
  });
});

beforeAll(async () => {
  const start = createRequire(import.meta.url)("dynalite") as (options: object) => Server;
  dynalite = start({ createTableMs: 0 });
  await listen(dynalite);
  proxy = createServer(((request, response) => {
    void bodyOf(request).then(async (body) => {
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      const fault = faultOf(operation);
      if (fault === "throttle") {
        response
          .writeHead(400)
          .end(JSON.stringify({ __type: "ProvisionedThroughputExceededException", message: "slow down" }));
        return;
      }
      if (fault === "leave unprocessed") {
        response.end(JSON.stringify({ Responses: {}, UnprocessedKeys: JSON.parse(body).RequestItems }));
        return;
      }
      const { host: _, connection: __, ...headers } = request.headers as Record<string, string>;
      const answer = await fetch(urlOf(dynalite), { method: "POST", headers, body });
      const text = await answer.text();
      if (fault === "lose reply") response.destroy();
      else response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" }).end(text);
    });
  }) satisfies RequestListener);
  proxy.keepAliveTimeout = 0;
  await listen(proxy);
  client = new DynamoDBClient({
    endpoint: urlOf(proxy),
    region: "us-east-1",
    credentials: { accessKeyId: "x", secretAccessKey: "y" },
    maxAttempts: 3,
  });
});

afterAll(() => {
  client.destroy();
  proxy.close();
  proxy.closeAllConnections();
  dynalite.closeAllConnections();
  dynalite.close();
});

beforeEach(async () => {
  faultOf = () => "none";
  table = `features-${tables++}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["pk", "lane"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "lane", KeyType: "RANGE" },
      ],
    }),
  );
  while ((await client.send(new DescribeTableCommand({ TableName: table }))).Table?.TableStatus !== "ACTIVE");
});

function newStore(ttlMs = 6_500) {
  return dynamoStateStore({ client, table, ttlMs: () => ttlMs, now: () => START, pause: () => Promise.resolve() });
}

function key(entity: string, lane = ""): StateKey {
  return { view: lane === "" ? "by_user" : "by_item", entity, lane };
}

function state(entity: string, text: string, lane = ""): FoldedState {
  const own = key(entity, lane);
  return { key: own, id: stateId(own), bytes: Buffer.from(text), events: [] };
}

function textsOf(items: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...items].map(([id, bytes]) => [id, Buffer.from(bytes).toString()]));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
