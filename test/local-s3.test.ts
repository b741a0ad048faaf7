import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
} from "@aws-sdk/client-s3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Bucket, bytesOf, client, clock, get, put, rootDir, sendChunked, startMs, store } from "./local-s3.ts";

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
