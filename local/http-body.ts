/** The whole body of a request in memory. Beyond the limit it rejects with AWS's RequestEntityTooLarge. */
import type { IncomingMessage } from "node:http";
import { AwsError } from "./aws-error.ts";

export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      // What comes after the limit is read and dropped, so that the client gets its answer and not a broken pipe.
      if (sizeBytes <= limitBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on("end", () => {
      if (sizeBytes > limitBytes) reject(tooLarge(limitBytes));
      else resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    });
    request.on("error", reject);
  });
}

function tooLarge(limitBytes: number): AwsError {
  return new AwsError("RequestEntityTooLargeException", `Expected a request of at most ${limitBytes} bytes.`, 413);
}
