import { CreateTableCommand, DescribeTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { dynamoMetricsStore } from "@millrace/aws";
import type { MetricRow } from "@millrace/engine";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AwsError, LostReply } from "../local/aws-error.ts";
import { virtualClock } from "../local/clock.ts";
import { startTables, type Tables } from "../local/dynamodb.ts";
import type { AroundRequest } from "../local/faults/tables.ts";
import { type Server, startServer } from "../local/server.ts";

/** The adapter over HTTP, with the SDK as it runs on Lambda, against dynalite; `around` makes the trouble. */

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 2);
let around: AroundRequest;
let table = "";
let tableCount = 0;
let tables: Tables;
let server: Server;
let client: DynamoDBClient;

describe("dynamoMetricsStore", () => {
  it("gives back the rows of one metric whose windows begin in the time asked for, across days", async () => {
    const store = newStore();
    const minutes = [-1, 0, 1, 1439, 1440, 1441];
    await store.put(minutes.map((minute) => row({ startMs: START + minute * 60_000, text: `${minute}` })));
    await store.put([row({ metric: "arrivals_2", startMs: START, text: "another metric" })]);
    expect(await textsOf(store.rows("arrivals", START, START + DAY + 60_000))).toEqual(["0", "1", "1439", "1440"]);
    expect(await textsOf(store.rows("arrivals", START + 60_000, START + 60_000))).toEqual([]);
  });

  it("keeps rows apart by window, shard, arrival window and first position, and puts the same row over itself", async () => {
    const store = newStore();
    const rows = [
      row({ text: "a" }),
      row({ shard: "shardId-000000000001", text: "b" }),
      row({ arrivalStartMs: START + 60_000, text: "c" }),
      row({ sequence: "18", text: "d" }),
      row({ startMs: START + 60_000, text: "e" }),
    ];
    await store.put(rows);
    await store.put(rows.toReversed());
    expect((await textsOf(store.rows("arrivals", START, START + DAY))).toSorted()).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("writes and reads more rows than one call takes", async () => {
    const store = newStore();
    const rows = Array.from({ length: 130 }, (_, i) => row({ startMs: START + i * 60_000, text: "x".repeat(20_000) }));
    await store.put(rows);
    expect(await store.rows("arrivals", START, START + DAY)).toHaveLength(130);
  });

  it("puts again what was left unprocessed, and throws when it stays so", async () => {
    const store = newStore();
    let troubles = 3;
    around = async ({ operation, input }, carryOut) => {
      if (operation !== "BatchWriteItem" || troubles-- <= 0) return carryOut(input);
      const all = (input.RequestItems as Record<string, unknown[]>)[table] ?? [];
      if (troubles > 3) return { UnprocessedItems: { [table]: all } };
      await carryOut({ ...input, RequestItems: { [table]: all.slice(0, 1) } });
      return { UnprocessedItems: { [table]: all.slice(1) } };
    };
    await store.put(["a", "b", "c", "d"].map((text, i) => row({ startMs: START + i * 60_000, text })));
    expect(await textsOf(store.rows("arrivals", START, START + DAY))).toEqual(["a", "b", "c", "d"]);

    troubles = Number.POSITIVE_INFINITY;
    await expect(store.put(["e", "f"].map((text, i) => row({ startMs: START + i, text })))).rejects.toThrow(
      `2 of 2 rows of ${table}`,
    );
  });

  it("leaves throttles and lost replies to the client, and throws what it cannot get through", async () => {
    const store = newStore();
    const troubles = ["throttle", "lose reply"];
    around = async ({ input }, carryOut) => {
      const trouble = troubles.pop();
      if (trouble === "throttle") throw new AwsError("ProvisionedThroughputExceededException", "slow down");
      const output = await carryOut(input);
      if (trouble === "lose reply") throw new LostReply();
      return output;
    };
    await store.put([row({ text: "a" })]);
    expect(troubles).toEqual([]);
    expect(await textsOf(store.rows("arrivals", START, START + DAY))).toEqual(["a"]);

    await expect(store.put([row({ text: "x".repeat(410 * 1024) })])).rejects.toThrow(/size/i);
  });

  it("tells final rows from others, and puts a part again over itself", async () => {
    const store = newStore();
    await store.put([row({ text: "a" })]);
    const final = { metric: "arrivals", startMs: START, part: "hour=00", bytes: Buffer.from("b") };
    await store.putFinal([final, { ...final, part: "hour=01" }]);
    await store.putFinal([{ ...final, bytes: Buffer.from("c") }]);
    const rows = await store.rows("arrivals", START, START + DAY);
    expect(rows.map(({ final, bytes }) => `${final} ${Buffer.from(bytes)}`).toSorted()).toEqual([
      "false a",
      "true b",
      "true c",
    ]);
  });

  it("keeps with a final row of the ledger of which shards it is the archive's", async () => {
    const store = newStore();
    const final = { metric: "arrivals", startMs: START, part: "restored", bytes: Buffer.from("b") };
    const shards = ["shardId-000000000000", "shardId-000000000007"];
    await store.putFinal([
      { ...final, ofArchive: shards },
      { ...final, startMs: START + 60_000, ofArchive: [] },
    ]);
    const rows = await store.rows("arrivals", START, START + DAY);
    expect(rows.map(({ final, ofArchive }) => ({ final, ofArchive }))).toEqual([
      { final: true, ofArchive: shards },
      { final: true, ofArchive: undefined },
    ]);
  });

  it("has rows expire by the wall clock, each metric's after its own time", async () => {
    const store = newStore();
    await store.put([row({ text: "a" }), row({ metric: "short", text: "b" })]);
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    expect(Object.fromEntries(Items.map(({ pk, expiresAt }) => [pk?.S, Number(expiresAt?.N)]))).toEqual({
      "arrivals#2026-01-02": START / 1000 + 30 * 86_400,
      "short#2026-01-02": START / 1000 + 86_400,
    });
  });

  it("remembers for each shard up to where its records are in rows", async () => {
    const store = newStore();
    const at = (shard: string, sequence: string, arrivedBeforeMs: number) => ({
      position: { shard, sequence, subSequence: 3 },
      arrivedBeforeMs,
    });
    expect(await store.written("shard-1")).toBe(null);
    expect(await store.allWritten()).toEqual([]);
    await store.setWritten(at("shard-1", "99", START));
    await store.setWritten(at("shard-2", "7", START));
    await store.setWritten(at("shard-1", "100", START + 1));
    expect(await store.written("shard-1")).toEqual(at("shard-1", "100", 0).position);
    expect(await store.allWritten()).toEqual([at("shard-1", "100", START + 1), at("shard-2", "7", START)]);
  });

  it("does not go back when an invocation that was given up writes late, and takes the same again", async () => {
    const store = newStore();
    const at = (sequence: string, subSequence: number) => ({
      position: { shard: "shard-1", sequence, subSequence },
      arrivedBeforeMs: START,
    });
    await store.setWritten(at("100", 3));
    for (const late of [at("99", 9), at("100", 2)]) await store.setWritten(late);
    expect(await store.written("shard-1")).toEqual(at("100", 3).position);
    await store.setWritten(at("100", 3));
    for (const next of [at("100", 4), at("101", 0), at("1000", 0)]) {
      await store.setWritten(next);
      expect(await store.written("shard-1")).toEqual(next.position);
    }
  });
});

beforeAll(async () => {
  const clock = virtualClock(START);
  tables = await startTables({ clock, around: (request, carryOut) => around(request, carryOut) });
  const none = { handle() {} };
  server = await startServer({ clock, services: { kinesis: none, dynamodb: tables, s3: none } });
  const credentials = { accessKeyId: "x", secretAccessKey: "y" };
  client = new DynamoDBClient({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 3 });
});

afterAll(async () => {
  client.destroy();
  await server.stop();
  await tables.stop();
});

beforeEach(async () => {
  around = ({ input }, carryOut) => carryOut(input);
  table = `metrics-${tableCount++}`;
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["pk", "sk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  while ((await client.send(new DescribeTableCommand({ TableName: table }))).Table?.TableStatus !== "ACTIVE");
});

function newStore() {
  const keepMs = (metric: string) => (metric === "short" ? DAY : 30 * DAY);
  return dynamoMetricsStore({ client, table, keepMs, now: () => START, pause: () => Promise.resolve() });
}

function row({
  metric = "arrivals",
  startMs = START,
  shard = "shardId-000000000000",
  arrivalStartMs = START,
  sequence = "17",
  text,
}: Partial<MetricRow> & { readonly sequence?: string; readonly text: string }): MetricRow {
  const first = { shard, sequence, subSequence: 0 };
  return { metric, startMs, shard, arrivalStartMs, first, bytes: Buffer.from(text) };
}

async function textsOf(rows: Promise<readonly { readonly bytes: Uint8Array }[]>): Promise<readonly string[]> {
  return (await rows).map(({ bytes }) => Buffer.from(bytes).toString());
}
