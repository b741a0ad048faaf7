import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { createS3 } from "../local/s3/service.ts";
import { createObjectStore, type ObjectStore } from "../local/s3/store.ts";
import { type Server, startServer } from "../local/server.ts";

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const none = { handle: () => {} };
const Bucket = "lake";

let clock: VirtualClock;
let rootDir: string;
let store: ObjectStore;
let server: Server;
let client: S3Client;

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

describe("objects through the SDK", () => {
  it("are plain files with exactly the bytes that were put, from memory and from a stream", async () => {
    const body = bytesOf(200_000);
    await put("raw/one.bin", body);
    await put("raw/two.bin", Readable.from([body.subarray(0, 70_001), body.subarray(70_001)]), {
      ContentLength: body.length,
    });
    expect(await readFile(join(rootDir, Bucket, "raw/one.bin"))).toEqual(body);
    expect(await readFile(join(rootDir, Bucket, "raw/two.bin"))).toEqual(body);
    expect(await get("raw/two.bin")).toEqual(body);
  });

  it("keep content type, content encoding, metadata, tag and the clock's time", async () => {
    const body = gzipSync("rows");
    await put("a.json", body, { ContentType: "application/json", ContentEncoding: "gzip", Metadata: { shard: "7" } });
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: "a.json" }));
    expect(head).toMatchObject({
      ContentType: "application/json",
      ContentEncoding: "gzip",
      ContentLength: body.length,
      Metadata: { shard: "7" },
      ETag: `"${createHash("md5").update(body).digest("hex")}"`,
    });
    expect(head.LastModified?.getTime()).toBe(startMs);
  });

  it("keep only their own encoding when they come as aws-chunked", async () => {
    const body = gzipSync("rows");
    await put("a.gz", Readable.from([body]), { ContentLength: body.length, ContentEncoding: "gzip" });
    expect((await client.send(new HeadObjectCommand({ Bucket, Key: "a.gz" }))).ContentEncoding).toBe("gzip");
    expect(await get("a.gz")).toEqual(body);
  });

  it("have a content type by their extension and a true tag when the store was opened anew or the file was written by another program", async () => {
    await put("dt=2026-01-02/x.parquet", Buffer.from("PAR1"), { ContentType: "application/x-mine" });
    await clock.advanceTo(startMs + 5000);
    await writeFile(join(rootDir, Bucket, "dt=2026-01-02/x.parquet"), "PAR2");
    const head = await store.head(Bucket, "dt=2026-01-02/x.parquet");
    expect(head).toMatchObject({
      contentType: "application/vnd.apache.parquet",
      etag: createHash("md5").update("PAR2").digest("hex"),
    });
  });

  it("are read in ranges", async () => {
    await put("digits", Buffer.from("0123456789"));
    const range = async (Range: string) => {
      const reply = await client.send(new GetObjectCommand({ Bucket, Key: "digits", Range }));
      return [await reply.Body?.transformToString(), reply.ContentRange];
    };
    expect(await range("bytes=2-4")).toEqual(["234", "bytes 2-4/10"]);
    expect(await range("bytes=7-")).toEqual(["789", "bytes 7-9/10"]);
    expect(await range("bytes=-3")).toEqual(["789", "bytes 7-9/10"]);
    expect(await range("bytes=8-99")).toEqual(["89", "bytes 8-9/10"]);
    await expect(range("bytes=10-12")).rejects.toMatchObject({ name: "InvalidRange" });
  });

  it("survive any key that is a plain path, and any bytes", async () => {
    const segment = fc
      .string({ minLength: 1, maxLength: 12, unit: "binary" })
      .filter((text) => text.isWellFormed() && !/[/\\\0]/.test(text) && text !== "." && text !== "..");
    await fc.assert(
      fc.asyncProperty(
        fc.array(segment, { minLength: 1, maxLength: 4 }),
        fc.uint8Array({ maxLength: 200 }),
        async (segments, body) => {
          const Key = `k/${segments.join("/")}/end`;
          await put(Key, body);
          expect(await get(Key)).toEqual(Buffer.from(body));
          expect(await store.keys(Bucket, `k/${segments[0]}`)).toContain(Key);
          await client.send(new DeleteObjectCommand({ Bucket, Key }));
          await expect(get(Key)).rejects.toMatchObject({ name: "NoSuchKey" });
        },
      ),
      { numRuns: 40 },
    );
    expect(await readdir(join(rootDir, Bucket))).toEqual([]);
  });

  it("are copied with their metadata or with new metadata", async () => {
    await put("from/ä b.txt", Buffer.from("text"), { ContentType: "text/x-mine", Metadata: { a: "1" } });
    const CopySource = `${Bucket}/${encodeURIComponent("from/ä b.txt")}`;
    await client.send(new CopyObjectCommand({ Bucket, Key: "kept", CopySource }));
    await client.send(
      new CopyObjectCommand({
        Bucket,
        Key: "replaced",
        CopySource,
        MetadataDirective: "REPLACE",
        ContentType: "text/plain",
        Metadata: { b: "2" },
      }),
    );
    expect(await get("kept")).toEqual(Buffer.from("text"));
    expect(await store.head(Bucket, "kept")).toMatchObject({ contentType: "text/x-mine", metadata: { a: "1" } });
    expect(await store.head(Bucket, "replaced")).toMatchObject({ contentType: "text/plain", metadata: { b: "2" } });
    await expect(
      client.send(new CopyObjectCommand({ Bucket, Key: "x", CopySource: `${Bucket}/nope` })),
    ).rejects.toMatchObject({ name: "NoSuchKey" });
  });

  it("are deleted one by one and many at once, and leave no folders in the way", async () => {
    for (const key of ["a/b/c", "a/b/d", "e&<f>"]) await put(key, Buffer.from(key));
    await client.send(new DeleteObjectCommand({ Bucket, Key: "a/b/c" }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: "not/there" }));
    const reply = await client.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [{ Key: "a/b/d" }, { Key: "e&<f>" }, { Key: "nope" }, { Key: "../x" }] },
      }),
    );
    expect(reply.Deleted?.map(({ Key }) => Key)).toEqual(["a/b/d", "e&<f>", "nope"]);
    expect(reply.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([["../x", "InvalidArgument"]]);
    await put("a", Buffer.from("now an object"));
    expect(await store.keys(Bucket, "")).toEqual(["a"]);
  });

  it("are never seen by half, whatever is read while they are written", async () => {
    const versions = [Buffer.alloc(300_000, "a"), Buffer.alloc(100_000, "b")];
    await store.put(Bucket, "x", versions[0] as Buffer);
    const writes = Array.from({ length: 30 }, (_, at) => store.put(Bucket, "x", versions[at % 2] as Buffer));
    const reads = Array.from({ length: 60 }, () => store.get(Bucket, "x"));
    for (const read of await Promise.all(reads)) expect(versions.some((version) => read?.equals(version))).toBe(true);
    await Promise.all(writes);
    expect(await readdir(join(rootDir, ".tmp"))).toEqual([]);
  });

  it("are kept while a neighbour is deleted and its folder with it", async () => {
    for (let round = 0; round < 20; round++) {
      await store.put(Bucket, "dir/old", Buffer.from("old"));
      await Promise.all([store.delete(Bucket, "dir/old"), store.put(Bucket, "dir/new", Buffer.from("new"))]);
      expect(await store.get(Bucket, "dir/new")).toEqual(Buffer.from("new"));
      await store.delete(Bucket, "dir/new");
    }
  });
});

describe("checksums", () => {
  it.each([
    ["Content-MD5", { ContentMD5: createHash("md5").update("other").digest("base64") }],
    ["CRC32", { ChecksumCRC32: "AAAAAA==" }],
    ["SHA-256", { ChecksumSHA256: createHash("sha256").update("other").digest("base64") }],
    ["SHA-1", { ChecksumSHA1: createHash("sha1").update("other").digest("base64") }],
  ])("refuse a body that does not match its %s, and store nothing", async (_, checksum) => {
    await expect(put("x", Buffer.from("body"), checksum)).rejects.toMatchObject({ name: "BadDigest" });
    expect(await store.keys(Bucket, "")).toEqual([]);
  });

  it("refuse a stream whose trailer, length or framing is wrong, and store nothing", async () => {
    const crc = "DAVyOA=="; // of "body"
    expect(await sendChunked("4\r\nbody\r\n0\r\nx-amz-checksum-crc32:DDVyOA==\r\n\r\n", 4)).toBe(400);
    expect(await sendChunked(`4\r\nbody\r\n0\r\nx-amz-checksum-crc32:${crc}\r\n\r\n`, 5)).toBe(400);
    expect(await sendChunked("9\r\nbody\r\n0\r\n\r\n", 4)).toBe(400);
    expect(await sendChunked("body", 4)).toBe(400);
    expect(await store.keys(Bucket, "")).toEqual([]);
  });

  it("are given back when a whole object is read, so that the SDK verifies it", async () => {
    await put("x", Buffer.from("body"));
    const reply = await client.send(new GetObjectCommand({ Bucket, Key: "x", ChecksumMode: "ENABLED" }));
    expect(reply.ChecksumCRC32).toMatch(/^[\w+/]{6}==$/);
    expect(await reply.Body?.transformToString()).toBe("body");
  });
});

describe("conditions", () => {
  it("let one of many creators win and readers skip what they have", async () => {
    await put("x", Buffer.from("1"), { IfNoneMatch: "*" });
    await expect(put("x", Buffer.from("2"), { IfNoneMatch: "*" })).rejects.toMatchObject({
      name: "PreconditionFailed",
    });
    const { ETag } = await client.send(new HeadObjectCommand({ Bucket, Key: "x" }));
    await put("x", Buffer.from("3"), { IfMatch: ETag });
    await expect(put("x", Buffer.from("4"), { IfMatch: ETag })).rejects.toMatchObject({ name: "PreconditionFailed" });
    expect(await get("x")).toEqual(Buffer.from("3"));
    await expect(client.send(new GetObjectCommand({ Bucket, Key: "x", IfMatch: ETag }))).rejects.toMatchObject({
      name: "PreconditionFailed",
    });
  });
});

describe("listing through the SDK", () => {
  it("gives sizes, tags and times in the order of the keys' bytes", async () => {
    const keys = ["a-b", "a/b", "a/b2", "a0", "z", "é", "🦊", "ﬀ"];
    for (const key of keys.toReversed()) await put(key, Buffer.from(key));
    const { Contents } = await list({});
    expect(Contents?.map(({ Key }) => Key)).toEqual(
      keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    expect(Contents?.[0]).toMatchObject({
      Size: 3,
      ETag: `"${createHash("md5").update("a-b").digest("hex")}"`,
      StorageClass: "STANDARD",
    });
    expect(Contents?.[0]?.LastModified?.getTime()).toBe(startMs);
  });

  it("cuts at the delimiter, by prefix, in pages of any size, and after a key, as a plain filter would", async () => {
    const keys = ["a", "dt=1/hour=0/x", "dt=1/hour=0/y", "dt=1/hour=1/x", "dt=1x", "dt=2/hour=0/x", "e/f/g", "z"];
    for (const key of keys) await store.put(Bucket, key, Buffer.from(key));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("", "dt=1", "dt=1/", "dt=1/hour=0/", "e/f/g", "nope/", "../", "a"),
        fc.constantFrom("", "/", "=", "r"),
        fc.constantFrom("", "a", "dt=1/hour=0/x", "dt=1/", "zz"),
        fc.integer({ min: 1, max: 4 }),
        async (Prefix, Delimiter, StartAfter, MaxKeys) => {
          const found: string[] = [];
          let ContinuationToken: string | undefined;
          do {
            const page = await list({
              Prefix,
              Delimiter,
              StartAfter,
              MaxKeys,
              ...(ContinuationToken ? { ContinuationToken } : {}),
            });
            const entries = [
              ...(page.Contents ?? []).map(({ Key }) => Key),
              ...(page.CommonPrefixes ?? []).map((common) => common.Prefix),
            ];
            expect(page.KeyCount).toBe(entries.length);
            expect(entries.length).toBeLessThanOrEqual(MaxKeys);
            found.push(...(entries as string[]));
            ContinuationToken = page.NextContinuationToken;
            expect(page.IsTruncated).toBe(ContinuationToken !== undefined);
          } while (ContinuationToken !== undefined);
          expect(found.toSorted()).toEqual(naiveList(keys, Prefix, Delimiter).filter((entry) => entry > StartAfter));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("encodes keys when asked, so that any key survives XML", async () => {
    await put("a b/&<ü>", Buffer.from("x"));
    expect((await list({ EncodingType: "url" })).Contents?.map(({ Key }) => Key)).toEqual(["a%20b/%26%3C%C3%BC%3E"]);
    expect((await list({})).Contents?.map(({ Key }) => Key)).toEqual(["a b/&<ü>"]);
  });
});

describe("buckets through the SDK", () => {
  it("are created, found and listed, at the clock's time; other folders beside them are none", async () => {
    await client.send(new CreateBucketCommand({ Bucket: "failed" }));
    await client.send(new HeadBucketCommand({ Bucket: "failed" }));
    await writeFile(join(rootDir, "features.ndjson"), "");
    const { Buckets } = await client.send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name, CreationDate }) => [Name, CreationDate?.getTime()])).toEqual([
      ["failed", startMs],
      ["lake", startMs],
    ]);
    await expect(client.send(new CreateBucketCommand({ Bucket: "failed" }))).rejects.toMatchObject({
      name: "BucketAlreadyOwnedByYou",
    });
    await expect(client.send(new CreateBucketCommand({ Bucket: "Not_Valid" }))).rejects.toMatchObject({
      name: "InvalidBucketName",
    });
    await expect(client.send(new HeadBucketCommand({ Bucket: "nope" }))).rejects.toMatchObject({ name: "NotFound" });
    await expect(client.send(new PutObjectCommand({ Bucket: "nope", Key: "x", Body: "x" }))).rejects.toMatchObject({
      name: "NoSuchBucket",
    });
  });

  it("say so when an operation is not supported", async () => {
    await expect(client.send(new GetBucketVersioningCommand({ Bucket }))).rejects.toMatchObject({
      name: "NotImplemented",
      message: expect.stringContaining("GET ?versioning is not supported by the local runtime"),
    });
  });
});

describe("multipart uploads through the SDK", () => {
  it("become one object of their parts in order, tagged as S3 tags it", async () => {
    const parts = [bytesOf(5 * 1024 * 1024), bytesOf(1000)];
    const upload = await startUpload("big.parquet");
    const tags: (string | undefined)[] = [];
    for (const number of [2, 1]) tags[number] = (await uploadPart(upload, number, parts[number - 1] as Buffer)).ETag;
    const done = await client.send(
      new CompleteMultipartUploadCommand({
        ...upload,
        MultipartUpload: { Parts: [1, 2].map((PartNumber) => ({ PartNumber, ETag: tags[PartNumber] })) },
      }),
    );
    const md5s = parts.map((part) => createHash("md5").update(part).digest());
    expect(done.ETag).toBe(`"${createHash("md5").update(Buffer.concat(md5s)).digest("hex")}-2"`);
    expect(await get("big.parquet")).toEqual(Buffer.concat(parts));
    expect((await client.send(new HeadObjectCommand({ Bucket, Key: "big.parquet" }))).ContentType).toBe(
      "application/x-mine",
    );
  });

  it("show nothing before they are complete, and nothing when aborted", async () => {
    const upload = await startUpload("x");
    await uploadPart(upload, 1, Buffer.from("part"));
    expect(await store.keys(Bucket, "")).toEqual([]);
    await client.send(new AbortMultipartUploadCommand(upload));
    await expect(uploadPart(upload, 2, Buffer.from("part"))).rejects.toMatchObject({ name: "NoSuchUpload" });
  });

  it("refuse parts that are missing, out of order or too small", async () => {
    const upload = await startUpload("x");
    const tags = [await uploadPart(upload, 1, Buffer.from("a")), await uploadPart(upload, 2, Buffer.from("b"))].map(
      ({ ETag }) => ETag,
    );
    const complete = (...numbers: number[]) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          MultipartUpload: { Parts: numbers.map((n) => ({ PartNumber: n, ETag: tags[n - 1] ?? "none" })) },
        }),
      );
    await expect(complete(1, 3)).rejects.toMatchObject({ name: "InvalidPart" });
    await expect(complete(2, 1)).rejects.toMatchObject({ name: "InvalidPartOrder" });
    await expect(complete(1, 2)).rejects.toMatchObject({ name: "EntityTooSmall" });
    await complete(2);
    expect(await get("x")).toEqual(Buffer.from("b"));
  });
});

describe("keys that are no plain path", () => {
  it.each([
    ["a parent folder", "/lake/../outside"],
    ["an encoded parent folder", "/lake/a/%2e%2e/%2E%2E/outside"],
    ["an encoded slash and parent folder", "/lake/..%2foutside"],
    ["an absolute path", "/lake//etc/passwd"],
    ["a NUL", "/lake/a%00b"],
    ["a backslash", "/lake/..%5coutside"],
    ["a folder marker", "/lake/folder/"],
    ["a parent folder as bucket", "/../outside"],
    ["a segment of 256 bytes", `/lake/${"x".repeat(256)}`],
    ["a key of 1,025 bytes", `/lake/${"x/".repeat(512)}x`],
  ])("are refused for writing and reading: %s", async (_, path) => {
    for (const method of ["PUT", "GET", "DELETE"]) {
      const reply = await rawRequest(method, path);
      expect(reply.statusCode).toBe(400);
      expect(reply.body).toMatch(/<Code>(InvalidArgument|KeyTooLongError|InvalidBucketName)<\/Code><Message>[^<]{20,}/);
    }
    expect(await readdir(rootDir)).toEqual([Bucket]);
  });

  it("are refused with the reason when a file and a folder would have one name", async () => {
    await put("a/b", Buffer.from("x"));
    await expect(put("a/b/c", Buffer.from("y"))).rejects.toMatchObject({
      name: "InvalidArgument",
      message: expect.stringContaining("already an object"),
    });
    await expect(put("a", Buffer.from("y"))).rejects.toMatchObject({
      name: "InvalidArgument",
      message: expect.stringContaining("begin with a/"),
    });
    await expect(get("a")).rejects.toMatchObject({ name: "NoSuchKey" });
    expect((await stat(join(rootDir, Bucket, "a/b"))).size).toBe(1);
    expect(await readdir(join(rootDir, ".tmp"))).toEqual([]);
  });
});

// ---- builders

function put(
  Key: string,
  Body: NonNullable<PutObjectCommandInput["Body"]>,
  options: Partial<PutObjectCommandInput> = {},
) {
  return client.send(new PutObjectCommand({ Bucket, Key, Body, ...options }));
}

async function get(Key: string): Promise<Buffer> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

function list(input: Partial<ListObjectsV2CommandInput>) {
  return client.send(new ListObjectsV2Command({ Bucket, ...input }));
}

function naiveList(keys: readonly string[], prefix: string, delimiter: string): readonly string[] {
  const entries = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const rest = key.slice(prefix.length).split(delimiter);
      return delimiter === "" || rest.length === 1 ? key : prefix + rest[0] + delimiter;
    });
  return [...new Set(entries)].toSorted();
}

async function startUpload(Key: string) {
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ContentType: "application/x-mine" }),
  );
  return { Bucket, Key, UploadId };
}

function uploadPart(
  upload: { Bucket: string; Key: string; UploadId: string | undefined },
  PartNumber: number,
  Body: Buffer,
) {
  return client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
}

async function sendChunked(body: string, decodedLength: number): Promise<number> {
  const headers = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": String(decodedLength),
  };
  return (await rawRequest("PUT", "/lake/x", headers, body)).statusCode;
}

/** Node's client sends the path as it is; the SDK and fetch would tidy it. */
function rawRequest(
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

function bytesOf(size: number): Buffer {
  return Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, at) => (at * 31) % 256),
  );
}
