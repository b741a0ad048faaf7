import { createHash } from "node:crypto";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  Bucket,
  bytesOf,
  client,
  get,
  list,
  naiveList,
  put,
  rawRequest,
  rootDir,
  startMs,
  startUpload,
  store,
  uploadPart,
} from "./local-s3.ts";

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
      expect(reply.body).toMatch(
        /<Error><Code>(InvalidArgument|KeyTooLongError|InvalidBucketName)<\/Code><Message>[^<]{20,}/,
      );
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
