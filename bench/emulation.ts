/** DynamoDB for benches: the local runtime's own, in this process, reached by the unmodified SDK. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { realClock } from "../local/clock.ts";
import { startTables, type Tables } from "../local/dynamodb.ts";
import { startServer } from "../local/server.ts";

export interface Emulation {
  readonly url: string;
  readonly tables: Tables;
  /** One client per execution environment, told apart by its access key. */
  client(accessKeyId?: string): DynamoDBClient;
  stop(): Promise<void>;
}

const clock = realClock();
const absent = { handle: () => {} };

export async function startEmulation(): Promise<Emulation> {
  const tables = await startTables({ clock });
  const server = await startServer({ clock, services: { kinesis: absent, dynamodb: tables, s3: absent } });
  const clients: DynamoDBClient[] = [];
  return {
    url: server.url,
    tables,
    client(accessKeyId = "bench") {
      const client = dynamoDbClient(server.url, accessKeyId);
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.destroy();
      await server.stop();
      await tables.stop();
    },
  };
}

export function dynamoDbClient(endpoint: string, accessKeyId: string): DynamoDBClient {
  return new DynamoDBClient({
    ...{ endpoint, region: "us-east-1", credentials: { accessKeyId, secretAccessKey: "bench" } },
    // Powertools starts all records of a batch at once; the SDK would warn of those that wait for one of its 50 sockets.
    requestHandler: { socketAcquisitionWarningTimeout: 3_600_000 },
  });
}

export function createTable(
  tables: Tables,
  name: string,
  keys: readonly [partitionKey: string, sortKey?: string],
): Promise<void> {
  return tables.createTable({
    TableName: name,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? "HASH" : "RANGE" })),
  });
}
