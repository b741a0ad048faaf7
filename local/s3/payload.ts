/**
 * The bytes of an upload as they were meant. The SDK sends a stream as `aws-chunked`: sizes between the bytes, and a checksum behind them, which must not become
 * part of the object. What can be verified is verified: length, MD5, CRC32, SHA-1, SHA-256. CRC32C and CRC64NVME are taken on trust.
 */
import { hash } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { crc32 } from "node:zlib";
import { AwsError } from "../aws-error.ts";
import { readBody } from "../http-body.ts";

/** S3 takes 5 GB in one piece; here the piece is in memory. */
const bodyLimitBytes = 512 * 1024 * 1024;

export async function readPayload(request: IncomingMessage): Promise<Buffer> {
  const { headers } = request;
  const sent = await readBody(request, bodyLimitBytes);
  const { body, trailers } = isChunked(headers)
    ? decodeChunks(sent)
    : { body: sent, trailers: new Map<string, string>() };
  const expectedBytes = headers["x-amz-decoded-content-length"];
  if (expectedBytes !== undefined && Number(expectedBytes) !== body.length) {
    throw new AwsError(
      "IncompleteBody",
      `Expected ${expectedBytes} bytes after decoding aws-chunked, got ${body.length}.`,
    );
  }
  verify(body, (name) => trailers.get(name) ?? singleValue(headers, name));
  return body;
}

/** The content encoding of the object itself, without that of the transport. */
export function contentEncodingOf(headers: IncomingHttpHeaders): string | undefined {
  const encodings = (headers["content-encoding"] ?? "").split(",").map((name) => name.trim());
  const own = encodings.filter((name) => name !== "" && name !== "aws-chunked").join(",");
  return own === "" ? undefined : own;
}

export function crc32Base64(body: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString("base64");
}

function isChunked(headers: IncomingHttpHeaders): boolean {
  return (
    (singleValue(headers, "x-amz-content-sha256") ?? "").startsWith("STREAMING-") ||
    /\baws-chunked\b/.test(headers["content-encoding"] ?? "")
  );
}

interface Decoded {
  readonly body: Buffer;
  readonly trailers: ReadonlyMap<string, string>;
}

/** `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, to a chunk of size 0, then trailers as header lines. */
export function decodeChunks(sent: Buffer): Decoded {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = sent.indexOf("\r\n", at);
    const sizeText = lineEnd === -1 ? "" : (sent.toString("latin1", at, lineEnd).split(";")[0] ?? "");
    if (!/^[\da-f]{1,8}$/i.test(sizeText)) throw malformed(`a chunk size at byte ${at}`);
    const start = lineEnd + 2;
    const size = Number.parseInt(sizeText, 16);
    if (size === 0) return { body: Buffer.concat(chunks), trailers: parseTrailers(sent.toString("latin1", start)) };
    const end = start + size;
    if (sent.toString("latin1", end, end + 2) !== "\r\n")
      throw malformed(`a line break after ${size} bytes at byte ${end}`);
    chunks.push(sent.subarray(start, end));
    at = end + 2;
  }
}

function parseTrailers(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(":"));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(":")).trim().toLowerCase(),
      line.slice(line.indexOf(":") + 1).trim(),
    ]),
  );
}

function verify(body: Buffer, given: (name: string) => string | undefined): void {
  const md5 = given("content-md5");
  if (md5 !== undefined && md5 !== hash("md5", body, "base64")) {
    throw new AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.");
  }
  const checksums: readonly [string, (bytes: Buffer) => string][] = [
    ["crc32", crc32Base64],
    ["sha1", (bytes) => hash("sha1", bytes, "base64")],
    ["sha256", (bytes) => hash("sha256", bytes, "base64")],
  ];
  for (const [name, compute] of checksums) {
    const expected = given(`x-amz-checksum-${name}`);
    if (expected !== undefined && expected !== compute(body)) {
      throw new AwsError("BadDigest", `The ${name.toUpperCase()} you specified did not match the calculated checksum.`);
    }
  }
}

function singleValue(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function malformed(expected: string): AwsError {
  return new AwsError(
    "IncompleteBody",
    `The request body is not aws-chunked as its headers say: expected ${expected}.`,
  );
}
