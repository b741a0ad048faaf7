import type { EventSchema, Features } from "@millrace/engine";
import type { SourceRecord } from "../input/record.ts";

/** One record as it goes onto the stream, and where it came from. */
export interface Entry {
  readonly source: Pick<SourceRecord, "file" | "line">;
  readonly partitionKey: string;
  readonly data: Uint8Array;
}

/** What Kinesis takes: characters of a key, and bytes of data and key together (unless a stream was made for more). */
export const KEY_LIMIT = 256;
export const RECORD_LIMIT_BYTES = 1024 * 1024;

/** A record's entry, or why it cannot be sent: without a key there is no shard to send it to. */
export function toEntry(
  record: SourceRecord,
  { partitionKey: column }: Pick<Features, "partitionKey">,
  schema: Pick<EventSchema, "columns">,
): { readonly kind: "entry"; readonly entry: Entry } | { readonly kind: "problem"; readonly problem: string } {
  const { content, file, line } = record;
  if (content.kind === "problem") return content;
  const path = schema.columns.find(({ name }) => name === column)?.path ?? [column];
  const partitionKey = valueAt(content.value, path);
  if (typeof partitionKey !== "string" || partitionKey === "") {
    return {
      kind: "problem",
      problem: `no partition key: expected text in ${path.join(".")}, found ${JSON.stringify(partitionKey) ?? "nothing"}`,
    };
  }
  if ([...partitionKey].length > KEY_LIMIT) {
    return {
      kind: "problem",
      problem: `${path.join(".")} is longer than the ${KEY_LIMIT} characters of a partition key`,
    };
  }
  const data = record.isJson ? record.bytes : Buffer.from(JSON.stringify(content.value));
  if (sizeBytes({ partitionKey, data }) > RECORD_LIMIT_BYTES) {
    return { kind: "problem", problem: `${data.length} bytes: Kinesis takes at most 1 MiB, partition key included` };
  }
  return { kind: "entry", entry: { source: { file, line }, partitionKey, data } };
}

export function sizeBytes({ partitionKey, data }: Pick<Entry, "partitionKey" | "data">): number {
  return Buffer.byteLength(partitionKey) + data.length;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}
