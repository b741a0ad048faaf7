/** A task's call of a service, through the runtime's own port, in the service's protocol and under the machine's role. */
import { insideAll, unescapeXml } from "../s3/xml.ts";
import { isMap, type Json, type JsonMap } from "./json.ts";
import type { TaskResource } from "./resource.ts";
import { StateError } from "./state-error.ts";

export interface Wire {
  call(resource: TaskResource, input: JsonMap, caller: string): Promise<Json>;
  /** The bytes of an object. */
  object(bucket: string, key: string, caller: string): Promise<Buffer>;
}

const targets: Readonly<Record<string, readonly [prefix: string, version: string]>> = {
  dynamodb: ["DynamoDB_20120810", "1.0"],
  sqs: ["AmazonSQS", "1.0"],
  events: ["AWSEvents", "1.1"],
  athena: ["AmazonAthena", "1.1"],
  states: ["AWSStepFunctions", "1.0"],
};

export function createWire(url: () => string, region: string): Wire {
  const sender =
    (caller: string, service: string): Send =>
    (path, init) => {
      const scope = `${caller}/20260101/${region}/${service}/aws4_request`;
      const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`;
      return fetch(url() + path, { ...init, headers: { ...(init.headers as object), authorization } });
    };
  return {
    async object(bucket, key, caller) {
      const response = await sender(caller, "s3")(objectPath(bucket, key), { method: "GET" });
      if (!response.ok) throw s3Failure({ errorPrefix: "S3" }, response.status, await response.text());
      return Buffer.from(await response.arrayBuffer());
    },
    async call(resource, input, caller) {
      const { service } = resource;
      const send = sender(caller, service);
      if (service === "s3") return s3Call(resource, input, send);
      if (service === "sns") return snsCall(resource, input, send);
      const [prefix, version] = targets[service] as readonly [string, string];
      const body = service === "states" ? wireForm(input) : input;
      const response = await send("/", {
        method: "POST",
        headers: {
          "content-type": `application/x-amz-json-${version}`,
          "x-amz-target": `${prefix}.${resource.operation}`,
        },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      const answer = (text === "" ? {} : JSON.parse(text)) as JsonMap;
      if (response.ok) return service === "states" ? apiForm(answer) : answer;
      throw failure(resource, String(answer.__type).replace(/^.*#/, ""), String(answer.message ?? answer.Message));
    },
  };
}

type Send = (path: string, init: RequestInit) => Promise<Response>;

async function snsCall(resource: TaskResource, input: JsonMap, send: Send): Promise<Json> {
  const form = new URLSearchParams({ Action: resource.operation, Version: "2010-03-31" });
  for (const [name, value] of Object.entries(input)) {
    if (name === "MessageAttributes" && isMap(value)) {
      for (const [at, [key, attribute]] of Object.entries(value).entries()) {
        const entry = `MessageAttributes.entry.${at + 1}`;
        form.set(`${entry}.Name`, key);
        for (const [field, text] of Object.entries(attribute as JsonMap))
          form.set(`${entry}.Value.${field}`, String(text));
      }
    } else form.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  const response = await send("/", { method: "POST", body: form });
  const xml = await response.text();
  const inside = (name: string): string => unescapeXml(insideAll(xml, name)[0] ?? "");
  if (!response.ok) throw failure(resource, inside("Code"), inside("Message"));
  return { MessageId: inside("MessageId") };
}

const s3Methods: Readonly<Record<string, string>> = { PutObject: "PUT", HeadObject: "HEAD", DeleteObject: "DELETE" };

async function s3Call(resource: TaskResource, input: JsonMap, send: Send): Promise<Json> {
  const { operation } = resource;
  const path = `/${String(input.Bucket)}`;
  if (operation === "ListObjectsV2") return listing(resource, input, path, send);
  const written = typeof input.Body === "string" ? input.Body : JSON.stringify(input.Body ?? "");
  const response = await send(objectPath(String(input.Bucket), String(input.Key)), {
    method: s3Methods[operation] ?? "GET",
    ...(operation === "PutObject" ? { body: written } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw s3Failure(resource, response.status, text);
  const head = {
    ETag: response.headers.get("etag"),
    ContentLength: Number(response.headers.get("content-length") ?? 0),
    ContentType: response.headers.get("content-type"),
  };
  if (operation === "GetObject") return { ...head, Body: text };
  return operation === "HeadObject" ? head : operation === "PutObject" ? { ETag: head.ETag } : {};
}

function objectPath(bucket: string, key: string): string {
  return `/${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;
}

async function listing(resource: TaskResource, input: JsonMap, path: string, send: Send): Promise<Json> {
  const query = new URLSearchParams({ "list-type": "2" });
  const names = { Prefix: "prefix", Delimiter: "delimiter", StartAfter: "start-after", MaxKeys: "max-keys" };
  for (const [field, name] of Object.entries({ ...names, ContinuationToken: "continuation-token" }))
    if (input[field] !== undefined) query.set(name, String(input[field]));
  const response = await send(`${path}?${query}`, { method: "GET" });
  const xml = await response.text();
  if (!response.ok) throw s3Failure(resource, response.status, xml);
  const inside = (text: string, name: string): string => unescapeXml(insideAll(text, name)[0] ?? "");
  const token = inside(xml, "NextContinuationToken");
  return {
    IsTruncated: inside(xml, "IsTruncated") === "true",
    KeyCount: Number(inside(xml, "KeyCount")),
    Contents: insideAll(xml, "Contents").map((item) => ({
      Key: inside(item, "Key"),
      Size: Number(inside(item, "Size")),
      ETag: inside(item, "ETag"),
      LastModified: inside(item, "LastModified"),
      StorageClass: inside(item, "StorageClass"),
    })),
    ...(token === "" ? {} : { NextContinuationToken: token }),
  };
}

function s3Failure(resource: Pick<TaskResource, "errorPrefix">, status: number, xml: string): StateError {
  const code = insideAll(xml, "Code")[0] ?? (status === 404 ? "NoSuchKey" : "S3Exception");
  return failure(resource, code, unescapeXml(insideAll(xml, "Message")[0] ?? `HTTP ${status}`));
}

/** Named after the exceptions of AWS's SDK for Java. */
function failure({ errorPrefix }: Pick<TaskResource, "errorPrefix">, code: string, message: string): StateError {
  return new StateError(`${errorPrefix}.${code.endsWith("Exception") ? code : `${code}Exception`}`, message);
}

/** Step Functions' own API writes its fields small, and inputs as text. */
function wireForm(input: JsonMap): JsonMap {
  const entries = Object.entries(input).map(([name, value]) => {
    const isText = ["Input", "Output"].includes(name) && typeof value !== "string";
    return [name.charAt(0).toLowerCase() + name.slice(1), isText ? JSON.stringify(value) : value];
  });
  return Object.fromEntries(entries) as JsonMap;
}

function apiForm(answer: JsonMap): JsonMap {
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]),
  );
}
