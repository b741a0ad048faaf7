/** What an operation of S3 is given and gives back. */
import type { IncomingMessage } from "node:http";
import type { S3Request } from "./request.ts";
import { toXml, type XmlElements } from "./xml.ts";

export interface Call extends S3Request {
  readonly request: IncomingMessage;
}

export interface Reply {
  /** 200 unless said. */
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
}

export type S3Operation = (call: Call) => Promise<Reply>;

export function xmlReply(root: string, content: XmlElements): Reply {
  return { headers: { "content-type": "application/xml" }, body: toXml(root, content) };
}
