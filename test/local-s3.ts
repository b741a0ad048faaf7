import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach } from "vitest";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { createS3 } from "../local/s3/service.ts";
import { createObjectStore, type ObjectStore } from "../local/s3/store.ts";
import { type Server, startServer } from "../local/server.ts";

export const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
export const none = { handle: () => {} };
export const Bucket = "lake";

export let clock: VirtualClock;
export let rootDir: string;
export let store: ObjectStore;
export let server: Server;
export let client: S3Client;

beforeEach(async () => {
  clock = virtualClock(startMs);
  rootDir = await mkdtemp(join(tmpdir(), "millrace-s3-"));
  store = createObjectStore(rootDir, { now: clock.now });
  await store.createBucket(Bucket);
  server = await startServer({ clock, services: { kinesis: none, dynamodb: none, s3: createS3(store) } });
  client = new S3Client({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts: 1,
    forcePathStyle: true,
  });
});
afterEach(async () => {
  client.destroy();
  await server.stop();
  await rm(rootDir, { recursive: true, force: true });
});

export function put(
  Key: string,
  Body: NonNullable<PutObjectCommandInput["Body"]>,
  options: Partial<PutObjectCommandInput> = {},
) {
  return client.send(new PutObjectCommand({ Bucket, Key, Body, ...options }));
}

export async function get(Key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

export function list(input: Partial<ListObjectsV2CommandInput>) {
  return client.send(new ListObjectsV2Command({ Bucket, ...input }));
}

export function naiveList(keys: readonly string[], prefix: string, delimiter: string): readonly string[] {
  const entries = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const rest = key.slice(prefix.length).split(delimiter);
      return delimiter === "" || rest.length === 1 ? key : prefix + rest[0] + delimiter;
    });
  return [...new Set(entries)].toSorted();
}

export async function startUpload(Key: string) {
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ContentType: "application/x-mine" }),
  );
  return { Bucket, Key, UploadId };
}

export function uploadPart(
  upload: { Bucket: string; Key: string; UploadId: string | undefined },
  PartNumber: number,
  Body: Buffer,
) {
  return client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
}

export async function sendChunked(body: string, decodedLength: number): Promise<number> {
  const headers = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": String(decodedLength),
  };
  return (await rawRequest("PUT", "/lake/x", headers, body)).statusCode;
}

/** Node's client sends the path as it is; the SDK and fetch would tidy it. */
export function rawRequest(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = "",
): Promise<{ statusCode: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: "127.0.0.1", port: server.port, method, path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ statusCode: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

export function bytesOf(size: number): Buffer {
  return Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, at) => (at * 31) % 256),
  );
}
