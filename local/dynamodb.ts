import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "./clock.ts";

/** Resolved properties of an `AWS::DynamoDB::Table`; what dynalite does not know (TTL, point-in-time recovery, encryption, …) is left out. */
export interface TableProperties {
  readonly TableName: string;
  readonly [property: string]: unknown;
}

export interface TableUsage {
  /** Requests by operation name, such as `PutItem`. */
  readonly requests: Readonly<Record<string, number>>;
  readonly writeUnits: number;
  readonly readUnits: number;
}

export interface TableWrite {
  readonly table: string;
  readonly operation: "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem";
}

export interface Tables {
  handle(request: IncomingMessage, response: ServerResponse): void;
  createTable(properties: TableProperties): Promise<void>;
  /** Of one table, or of all. */
  usage(table?: string): TableUsage;
  /** Called after a write has succeeded and before its reply is sent; returns what ends that. */
  onWrite(listener: (write: TableWrite) => void): () => void;
  stop(): Promise<void>;
}

export function startTables(_options: { readonly clock: Pick<Clock, "now"> }): Promise<Tables> {
  throw new Error("not yet built");
}
