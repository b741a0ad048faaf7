import { isUtf8 } from "node:buffer";

/**
 * A record's bytes as they stand in a JSON line: text where they are UTF-8, so that people and SQL can read them, and base64
 * where they are not. Both ways lead back to exactly the same bytes.
 */
export type Payload = { readonly data: string } | { readonly dataBase64: string };

export function toPayload(bytes: Uint8Array): Payload {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { data: buffer.toString("utf8") } : { dataBase64: buffer.toString("base64") };
}

export function fromPayload(payload: Payload): Uint8Array {
  return "data" in payload ? Buffer.from(payload.data, "utf8") : Buffer.from(payload.dataBase64, "base64");
}
