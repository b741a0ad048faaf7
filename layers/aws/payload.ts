import { isUtf8 } from "node:buffer";

/**
 * A record's bytes as they stand in a JSON line: text where they are UTF-8, so that people and SQL can read them, and base64
 * where they are not. Both ways lead back to exactly the same bytes.
 */
export type Payload = { readonly data: string } | { readonly dataBase64: string };

export function toPayload(bytes: Uint8Array): Payload {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isUtf8(buffer)) return { dataBase64: buffer.toString("base64") };
  const data = buffer.toString("utf8");
  return CONTROL.test(data) && isShorterAsBase64(data, buffer) ? { dataBase64: buffer.toString("base64") } : { data };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON writes as six characters each.
const CONTROL = /[\u0000-\u001f]/;

/** Bytes that JSON would blow up, to six times their size, are no text for people anyway. */
function isShorterAsBase64(text: string, buffer: Buffer): boolean {
  return Buffer.byteLength(JSON.stringify(text)) > Math.ceil(buffer.length / 3) * 4 + 2;
}

export function fromPayload(payload: Payload): Uint8Array {
  return "data" in payload ? Buffer.from(payload.data, "utf8") : Buffer.from(payload.dataBase64, "base64");
}
