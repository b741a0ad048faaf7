/** ListObjectsV2. */
import { AwsError } from "../aws-error.ts";
import { type S3Operation, xmlReply } from "./operation.ts";
import type { ObjectHead, ObjectStore } from "./store.ts";

const longestPage = 1000;

export function listOperations(store: ObjectStore): Record<string, S3Operation> {
  return {
    async ListObjectsV2({ bucket, query, request }) {
      const attributes = String(request.headers["x-amz-optional-object-attributes"] ?? "").split(/, */);
      const prefix = query.get("prefix") ?? "";
      const delimiter = query.get("delimiter") ?? "";
      const token = query.get("continuation-token");
      const startAfter = query.get("start-after") ?? "";
      const after = token === null ? startAfter : Buffer.from(token, "base64").toString();
      const page = pageOf(await store.keys(bucket, prefix), { prefix, delimiter, after, limit: pageSize(query) });
      const encode = encoder(query.get("encoding-type"));
      const heads = await Promise.all(page.keys.map((key) => store.head(bucket, key)));
      return xmlReply("ListBucketResult", {
        Name: bucket,
        Prefix: encode(prefix),
        Delimiter: delimiter === "" ? undefined : encode(delimiter),
        StartAfter: startAfter === "" ? undefined : encode(startAfter),
        EncodingType: query.get("encoding-type") ?? undefined,
        MaxKeys: pageSize(query),
        KeyCount: page.keys.length + page.commonPrefixes.length,
        IsTruncated: page.last !== null,
        ContinuationToken: token ?? undefined,
        NextContinuationToken: page.last === null ? undefined : Buffer.from(page.last).toString("base64"),
        Contents: heads.filter((head) => head !== null).map((head) => toEntry(head, encode, attributes)),
        CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
      });
    },
  };
}

interface Page {
  readonly keys: readonly string[];
  readonly commonPrefixes: readonly string[];
  /** The last key or common prefix when there is more after it, else null. */
  readonly last: string | null;
}

interface PageOptions {
  readonly prefix: string;
  readonly delimiter: string;
  readonly after: string;
  readonly limit: number;
}

/** The keys come in the order of their UTF-8 bytes; a common prefix takes the place of all keys that begin with it. */
function pageOf(sorted: readonly string[], { prefix, delimiter, after, limit }: PageOptions): Page {
  const keys: string[] = [];
  const commonPrefixes: string[] = [];
  const afterBytes = Buffer.from(after);
  let last: string | null = null;
  for (const key of sorted) {
    const common = commonPrefixOf(key, prefix, delimiter);
    const entry = common ?? key;
    if (Buffer.compare(Buffer.from(entry), afterBytes) <= 0 || entry === last) continue;
    if (keys.length + commonPrefixes.length === limit) return { keys, commonPrefixes, last: limit === 0 ? null : last };
    (common === null ? keys : commonPrefixes).push(entry);
    last = entry;
  }
  return { keys, commonPrefixes, last: null };
}

function commonPrefixOf(key: string, prefix: string, delimiter: string): string | null {
  if (delimiter === "") return null;
  const end = key.indexOf(delimiter, prefix.length);
  return end === -1 ? null : key.slice(0, end + delimiter.length);
}

function pageSize(query: URLSearchParams): number {
  const text = query.get("max-keys") ?? String(longestPage);
  if (!/^\d{1,9}$/.test(text))
    throw new AwsError("InvalidArgument", `Expected max-keys as a number from 0 to ${longestPage}, got ${text}.`);
  return Math.min(Number(text), longestPage);
}

function encoder(encodingType: string | null): (text: string) => string {
  if (encodingType === null) return (text) => text;
  if (encodingType !== "url") throw new AwsError("InvalidArgument", `Expected encoding-type url, got ${encodingType}.`);
  return (text) => encodeURIComponent(text).replaceAll("%2F", "/");
}

function toEntry(head: ObjectHead, encode: (text: string) => string, attributes: readonly string[]) {
  return {
    Key: encode(head.key),
    LastModified: new Date(head.lastModifiedMs).toISOString(),
    ETag: `"${head.etag}"`,
    Size: head.sizeBytes,
    StorageClass: head.storageClass,
    RestoreStatus: attributes.includes("RestoreStatus") ? restoreStatus(head) : undefined,
  };
}

function restoreStatus({ restore }: ObjectHead) {
  if (restore === null) return undefined;
  const { isOngoing, expiresMs } = restore;
  const expiry = isOngoing ? undefined : new Date(expiresMs).toISOString();
  return { IsRestoreInProgress: isOngoing, RestoreExpiryDate: expiry };
}
