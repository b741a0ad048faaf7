import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  KinesisClient,
  PutRecordCommand,
  type PutRecordsResultEntry,
} from "@aws-sdk/client-kinesis";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { createKinesis, type Kinesis } from "../local/kinesis/service.ts";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import { type Server, startServer } from "../local/server.ts";

export const startMs = Date.UTC(2026, 0, 2);
export const hourMs = 3_600_000;
export const arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
export const none = { handle: () => {} };

export let clock: VirtualClock;
export let kinesis: Kinesis;
export let server: Server;
export let client: KinesisClient;

beforeAll(async () => {
  server = await startServer({
    clock: { now: () => clock.now() },
    services: { kinesis: { handle: (q, s) => kinesis.handle(q, s) }, dynamodb: none, s3: none },
  });
  client = clientOf(server.url);
});
beforeEach(() => {
  clock = virtualClock(startMs);
  kinesis = createKinesis({ clock });
});
afterAll(async () => {
  client.destroy();
  await server.stop();
});

/** Another service behind the same port, for the rest of the test. */
export function replaceKinesis(replacement: Kinesis): void {
  kinesis = replacement;
}

export function stream(shardCount: number): Stream {
  return createStream({ name: "clicks", arn, shardCount, retentionHours: 24, clock });
}

export function shardName(index: number): string {
  return `shardId-${String(index).padStart(12, "0")}`;
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

export function put(key: string): Promise<PutRecordsResultEntry> {
  return client.send(new PutRecordCommand({ StreamName: "clicks", PartitionKey: key, Data: bytes(key) }));
}

type IteratorInput = Pick<
  GetShardIteratorCommandInput,
  "ShardIteratorType" | "StartingSequenceNumber" | "Timestamp"
> & { readonly ShardId?: string };

export async function iterator(input: IteratorInput): Promise<string> {
  const reply = await client.send(
    new GetShardIteratorCommand({ StreamName: "clicks", ShardId: shardName(0), ...input }),
  );
  return reply.ShardIterator as string;
}

export async function keysFrom(input: IteratorInput): Promise<readonly (string | undefined)[]> {
  const { Records } = await client.send(new GetRecordsCommand({ ShardIterator: await iterator(input) }));
  return (Records ?? []).map(({ PartitionKey }) => PartitionKey);
}

export async function readAll(ShardId: string) {
  const token = await iterator({ ShardId, ShardIteratorType: "TRIM_HORIZON" });
  return (await client.send(new GetRecordsCommand({ ShardIterator: token }))).Records ?? [];
}

export function clientOf(endpoint: string): KinesisClient {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
  });
}
