import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "./clock.ts";

/** One AWS service behind the port. Requests over HTTP/2 come in Node's compatible form of the same two objects. */
export interface Service {
  handle(request: IncomingMessage, response: ServerResponse): void;
}

export interface ServerOptions {
  /** 0 or none: any free port. */
  readonly port?: number;
  readonly clock: Pick<Clock, "now">;
  readonly services: {
    readonly kinesis: Service;
    readonly dynamodb: Service;
    readonly firehose?: Service;
    readonly s3: Service;
  };
}

export interface Server {
  readonly url: string;
  readonly port: number;
  /** Requests by service and operation, such as `kinesis` → `PutRecords`. */
  requests(): Readonly<Record<string, Readonly<Record<string, number>>>>;
  stop(): Promise<void>;
}

export function startServer(_options: ServerOptions): Promise<Server> {
  throw new Error("not yet built");
}
