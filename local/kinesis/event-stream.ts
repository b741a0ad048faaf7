/**
 * AWS's binary event stream (`application/vnd.amazon.eventstream`), as far as a server needs it. A message is: total length, length of the headers,
 * CRC-32 of these two; headers; payload; CRC-32 of all before. Numbers are big-endian, and a header is a name and a string.
 */
import { crc32 } from "node:zlib";
import type { AwsError } from "../aws-error.ts";
import type { JsonObject } from "../aws-json.ts";

export const eventStreamType = "application/vnd.amazon.eventstream";

const preludeBytes = 8;
const crcBytes = 4;
const stringHeader = 7;

/** What a client that speaks JSON expects before all events. */
export function initialResponse(): Buffer {
  return encode({ ":message-type": "event", ":event-type": "initial-response", ":content-type": json }, {});
}

export function event(type: string, payload: JsonObject): Buffer {
  return encode({ ":message-type": "event", ":event-type": type, ":content-type": json }, payload);
}

export function exception({ code, message }: AwsError): Buffer {
  return encode({ ":message-type": "exception", ":exception-type": code, ":content-type": json }, { message });
}

const json = "application/json";

function encode(headers: Readonly<Record<string, string>>, payload: JsonObject): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(encodeHeader));
  const body = Buffer.from(JSON.stringify(payload));
  const message = Buffer.alloc(preludeBytes + crcBytes + head.length + body.length + crcBytes);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(head.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, preludeBytes)), preludeBytes);
  head.copy(message, preludeBytes + crcBytes);
  body.copy(message, preludeBytes + crcBytes + head.length);
  message.writeUInt32BE(crc32(message.subarray(0, message.length - crcBytes)), message.length - crcBytes);
  return message;
}

function encodeHeader([name, value]: readonly [string, string]): Buffer {
  const nameBytes = Buffer.from(name);
  const valueBytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(valueBytes.length);
  return Buffer.concat([Buffer.from([nameBytes.length]), nameBytes, Buffer.from([stringHeader]), length, valueBytes]);
}
