/** DynamoDB for benches in a thread of its own, as the local runtime keeps functions and tables apart: what is measured here is the function's own work. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { createTable, dynamoDbClient, startEmulation } from "./emulation.ts";

export interface EmulationThread {
  createTable(...table: TableAsked): Promise<void>;
  client(): DynamoDBClient;
  stop(): Promise<void>;
}

type TableAsked = readonly [name: string, keys: readonly [partitionKey: string, sortKey?: string]];

export async function startEmulationThread(): Promise<EmulationThread> {
  const worker = new Worker(new URL(import.meta.url));
  const answer = (): Promise<string> =>
    new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
  const endpoint = await answer();
  const clients: DynamoDBClient[] = [];
  return {
    async createTable(...table) {
      const created = answer();
      worker.postMessage(table);
      await created;
    },
    client() {
      const client = dynamoDbClient(endpoint, "bench");
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.destroy();
      await worker.terminate();
    },
  };
}

if (!isMainThread) {
  const { url, tables } = await startEmulation();
  parentPort?.on("message", async ([name, keys]: TableAsked) => {
    await createTable(tables, name, keys);
    parentPort?.postMessage(name);
  });
  parentPort?.postMessage(url);
}
