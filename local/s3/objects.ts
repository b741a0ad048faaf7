/** PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects, CopyObject. */
import type { IncomingHttpHeaders } from "node:http";
import { AwsError } from "../aws-error.ts";
import { isReadable, storageClassOf } from "./archive.ts";
import { type Call, type Reply, type S3Operation, xmlReply } from "./operation.ts";
import { contentEncodingOf, crc32Base64, readPayload } from "./payload.ts";
import { parseRange } from "./range.ts";
import { decoded, splitOnce } from "./request.ts";
import type { ObjectHead, ObjectStore, PutOptions } from "./store.ts";
import { insideAll, unescapeXml } from "./xml.ts";

const keysPerDelete = 1000;

export function objectOperations(store: ObjectStore): Record<string, S3Operation> {
  const headOf = async (bucket: string, key: string): Promise<ObjectHead> =>
    (await store.head(bucket, key)) ?? noSuchKey(key);
  const bodyOf = async (bucket: string, key: string): Promise<Buffer> =>
    (await store.get(bucket, key)) ?? noSuchKey(key);

  return {
    async PutObject({ bucket, key, request }) {
      const body = await readPayload(request);
      checkWriteCondition(await store.head(bucket, key), request.headers);
      await store.put(bucket, key, body, putOptionsOf(request.headers));
      const { etag } = await headOf(bucket, key);
      return {
        headers: { etag: `"${etag}"`, "x-amz-checksum-crc32": crc32Base64(body), "x-amz-checksum-type": "FULL_OBJECT" },
      };
    },
    async GetObject(call) {
      const head = await headOf(call.bucket, call.key);
      if (!isReadable(head))
        throw new AwsError("InvalidObjectState", "The operation is not valid for the object's storage class", 403);
      const body = await bodyOf(call.bucket, call.key);
      return checkReadCondition(head, call) ?? getReply(head, body, call.request.headers);
    },
    async HeadObject(call) {
      const head = await headOf(call.bucket, call.key);
      return checkReadCondition(head, call) ?? { headers: { ...headersOf(head), "content-length": head.sizeBytes } };
    },
    async DeleteObject({ bucket, key }) {
      await store.delete(bucket, key);
      return { statusCode: 204 };
    },
    async DeleteObjects({ bucket, request }) {
      const xml = (await readPayload(request)).toString();
      const keys = insideAll(xml, "Object").flatMap((object) => insideAll(object, "Key").map(unescapeXml));
      if (keys.length === 0 || keys.length > keysPerDelete) {
        throw new AwsError("MalformedXML", `Expected 1 to ${keysPerDelete} objects to delete, got ${keys.length}.`);
      }
      return deleteAll(store, bucket, keys, insideAll(xml, "Quiet")[0] === "true");
    },
    async CopyObject({ bucket, key, request }) {
      const [fromBucket = "", fromKey = ""] = copySource(request.headers);
      const head = await headOf(fromBucket, fromKey);
      if (!isReadable(head)) {
        const message = "The source object of the COPY action is not in the active tier";
        throw new AwsError("ObjectNotInActiveTierError", message, 403);
      }
      const body = await bodyOf(fromBucket, fromKey);
      const replaces = request.headers["x-amz-metadata-directive"] === "REPLACE";
      // The class of the source is not kept.
      const options = putOptionsOf(request.headers);
      await store.put(bucket, key, body, replaces ? options : { ...options, ...keptOptions(head) });
      const copy = await headOf(bucket, key);
      return xmlReply("CopyObjectResult", {
        ETag: `"${copy.etag}"`,
        LastModified: new Date(copy.lastModifiedMs).toISOString(),
      });
    },
  };
}

export function putOptionsOf(headers: IncomingHttpHeaders): PutOptions {
  const contentType = headers["content-type"];
  const contentEncoding = contentEncodingOf(headers);
  const metadata = Object.entries(headers)
    .filter(([name]) => name.startsWith("x-amz-meta-"))
    .map(([name, value]) => [name.slice("x-amz-meta-".length), String(value)]);
  return {
    metadata: Object.fromEntries(metadata) as Record<string, string>,
    storageClass: storageClassOf(headers["x-amz-storage-class"]),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
  };
}

function keptOptions({ contentType, contentEncoding, metadata }: ObjectHead): PutOptions {
  return { contentType, metadata, ...(contentEncoding === undefined ? {} : { contentEncoding }) };
}

function headersOf(head: ObjectHead): Record<string, string> {
  const metadata = Object.entries(head.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  return {
    etag: `"${head.etag}"`,
    "last-modified": new Date(head.lastModifiedMs).toUTCString(),
    "accept-ranges": "bytes",
    "content-type": head.contentType,
    ...(head.contentEncoding === undefined ? {} : { "content-encoding": head.contentEncoding }),
    ...archiveHeaders(head),
    ...Object.fromEntries(metadata),
  };
}

function archiveHeaders({ storageClass, restore }: ObjectHead): Record<string, string> {
  if (storageClass === "STANDARD") return {};
  const named = { "x-amz-storage-class": storageClass };
  if (restore === null) return named;
  const until = restore.isOngoing ? "" : `, expiry-date="${new Date(restore.expiresMs).toUTCString()}"`;
  return { ...named, "x-amz-restore": `ongoing-request="${restore.isOngoing}"${until}` };
}

function getReply(head: ObjectHead, body: Buffer, headers: IncomingHttpHeaders): Reply {
  const range = parseRange(headers.range, body.length);
  if (range !== null) {
    const { start, end } = range;
    const partHeaders = { ...headersOf(head), "content-range": `bytes ${start}-${end - 1}/${body.length}` };
    return { statusCode: 206, headers: partHeaders, body: body.subarray(start, end) };
  }
  const wantsChecksum = headers["x-amz-checksum-mode"] === "ENABLED";
  const checksum = { "x-amz-checksum-crc32": crc32Base64(body), "x-amz-checksum-type": "FULL_OBJECT" };
  return { headers: { ...headersOf(head), ...(wantsChecksum ? checksum : {}) }, body };
}

function checkReadCondition(head: ObjectHead, { request }: Call): Reply | null {
  const etag = `"${head.etag}"`;
  if (request.headers["if-none-match"] === etag) return { statusCode: 304, headers: { etag } };
  if (request.headers["if-match"] !== undefined && request.headers["if-match"] !== etag) throw preconditionFailed();
  return null;
}

function checkWriteCondition(head: ObjectHead | null, headers: IncomingHttpHeaders): void {
  if (headers["if-none-match"] === "*" && head !== null) throw preconditionFailed();
  const expected = headers["if-match"];
  if (expected !== undefined && expected.replaceAll('"', "") !== head?.etag) throw preconditionFailed();
}

async function deleteAll(store: ObjectStore, bucket: string, keys: readonly string[], quiet: boolean): Promise<Reply> {
  const errors: Record<string, string>[] = [];
  for (const key of keys) {
    try {
      await store.delete(bucket, key);
    } catch (error) {
      // A bucket that does not exist is not the fault of one key.
      if (!(error instanceof AwsError) || error.code === "NoSuchBucket") throw error;
      errors.push({ Key: key, Code: error.code, Message: error.message });
    }
  }
  const failed = new Set(errors.map(({ Key }) => Key));
  const deleted = keys.filter((key) => !failed.has(key)).map((key) => ({ Key: key }));
  return xmlReply("DeleteResult", { Deleted: quiet ? [] : deleted, Error: errors });
}

function copySource(headers: IncomingHttpHeaders): readonly string[] {
  const source = splitOnce(decoded(String(headers["x-amz-copy-source"])).replace(/^\//, ""), "?")[0] ?? "";
  return splitOnce(source, "/");
}

function noSuchKey(key: string): never {
  throw new AwsError("NoSuchKey", `The specified key does not exist: ${key}`, 404);
}

function preconditionFailed(): AwsError {
  return new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412);
}
