/** Which operation of S3 a request asks for. Path style only: a bucket in the host name would need a name server. */
import type { IncomingMessage } from "node:http";
import { AwsError } from "../aws-error.ts";

export interface S3Request {
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

/** Query names that turn a request into another operation, none of which is built here. */
const otherOperations = new Set(
  (
    "accelerate acl analytics attributes cors encryption intelligent-tiering inventory legal-hold lifecycle logging metadataTable metrics notification " +
    "object-lock ownershipControls policy policyStatus publicAccessBlock replication requestPayment retention select session tagging torrent " +
    "versionId versioning versions website"
  ).split(" "),
);

export function parseRequest(request: IncomingMessage): S3Request {
  const url = request.url ?? "/";
  const [rawPath = "", rawQuery = ""] = splitOnce(url, "?");
  const query = new URLSearchParams(rawQuery);
  // The URL class would resolve `..` before it could be refused.
  const [bucket = "", key = ""] = splitOnce(rawPath.replace(/^\//, ""), "/").map(decoded);
  return { operation: operationName(request, bucket, key, query), bucket, key, query };
}

function operationName(
  { method = "", headers }: IncomingMessage,
  bucket: string,
  key: string,
  query: URLSearchParams,
): string {
  const unsupported = [...query.keys()].find((name) => otherOperations.has(name));
  if (unsupported !== undefined) return `${method} ?${unsupported}`;
  if (bucket === "") return method === "GET" ? "ListBuckets" : `${method} /`;
  const named =
    key === ""
      ? bucketOperation(method, query)
      : objectOperation(method, query, headers["x-amz-copy-source"] !== undefined);
  return (
    named ??
    `${method} ${key === "" ? "on a bucket" : "on an object"}${query.size > 0 ? ` with ?${[...query.keys()].join("&")}` : ""}`
  );
}

function bucketOperation(method: string, query: URLSearchParams): string | undefined {
  if (method === "GET" && query.get("list-type") === "2") return "ListObjectsV2";
  if (method === "GET" && query.has("location")) return "GetBucketLocation";
  if (method === "POST" && query.has("delete")) return "DeleteObjects";
  return { PUT: "CreateBucket", HEAD: "HeadBucket" }[method];
}

function objectOperation(method: string, query: URLSearchParams, isCopy: boolean): string | undefined {
  if (query.has("uploadId")) {
    if (isCopy) return undefined;
    return { PUT: "UploadPart", POST: "CompleteMultipartUpload", DELETE: "AbortMultipartUpload" }[method];
  }
  if (query.has("restore")) return method === "POST" ? "RestoreObject" : undefined;
  if (query.has("uploads")) return method === "POST" ? "CreateMultipartUpload" : undefined;
  if (method === "PUT") return isCopy ? "CopyObject" : "PutObject";
  return { GET: "GetObject", HEAD: "HeadObject", DELETE: "DeleteObject" }[method];
}

export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError("InvalidURI", `Couldn't parse the specified URI: ${text}`);
  }
}

export function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
