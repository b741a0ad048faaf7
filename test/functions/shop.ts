import {
  compile,
  count,
  defineFeatures,
  defineView,
  distinct,
  type EventSchema,
  hours,
  type Pipeline,
  readFeatures,
  type Scalar,
  summarizeItem,
  tumbling,
} from "@millrace/engine";
import type { KinesisStreamEvent, KinesisStreamRecord } from "aws-lambda";

/** A shop of two views, one keyed by the partition key and one with lanes, and the batches that Lambda would hand over. */

export const START = Date.UTC(2026, 0, 2, 3);
export const SLACK = 30_000;
export const LATENESS = 60_000;
/** Live events that one item of `by_user` may have. */
export const USER_LIMIT = 6;
export const SHARD = "shardId-000000000000";

const column = (name: string, type: EventSchema["columns"][number]["type"], required = false) =>
  ({ name, path: [name], type, required, sensitive: false, maxLength: 64 }) as const;

export const schema: EventSchema = {
  idColumn: "id",
  timeColumn: "time",
  partitionColumns: [],
  columns: [
    column("id", "string", true),
    column("time", "timestamp", true),
    column("user", "string", true),
    column("item", "string"),
    column("region", "string"),
    column("amount", { decimal: { precision: 15, scale: 2 } }),
  ],
  validate: (value) => (typeof value === "object" && value !== null && "user" in value ? null : "user: is missing"),
  toRow: (value) => ({ item: null, region: null, amount: null, ...(value as Record<string, Scalar>) }),
};

const windows = [tumbling(hours(1))];

export const features = defineFeatures({
  partitionKey: "user",
  allowedLatenessMs: LATENESS,
  maxSkewMs: 10_000,
  slackMs: SLACK,
  views: [
    defineView("by_user", {
      entity: "user",
      entityLimit: USER_LIMIT,
      features: [count("events", { windows }), distinct("items", "item", { limit: 8, windows })],
    }),
    defineView("by_item", { entity: "item", features: [count("events", { windows })] }),
  ],
});

export const pipeline: Pipeline = compile(features, schema);

export interface Fact {
  readonly id: string;
  readonly user: string;
  readonly item?: string | null;
  readonly time?: number;
}

/** One record as Lambda hands it over. `fact` may be text or bytes, for what is no event. */
export function kinesisRecord(
  sequence: string | number,
  fact: Fact | string | Uint8Array,
  { arrivalMs = START, shard = SHARD }: { readonly arrivalMs?: number; readonly shard?: string } = {},
): KinesisStreamRecord {
  const isFact = typeof fact === "object" && "user" in fact;
  const bytes = isFact ? JSON.stringify({ time: arrivalMs, ...fact }) : fact;
  return {
    kinesis: {
      kinesisSchemaVersion: "1.0",
      partitionKey: isFact ? fact.user : "nobody",
      sequenceNumber: String(sequence),
      data: Buffer.from(bytes).toString("base64"),
      approximateArrivalTimestamp: arrivalMs / 1000,
    },
    eventSource: "aws:kinesis",
    eventVersion: "1.0",
    eventID: `${shard}:${sequence}`,
    eventName: "aws:kinesis:record",
    invokeIdentityArn: "arn:aws:iam::000000000000:role/update-features",
    awsRegion: "us-east-1",
    eventSourceARN: "arn:aws:kinesis:EXAMPLE",
  };
}

export function batchOf(...records: readonly KinesisStreamRecord[]): KinesisStreamEvent {
  return { Records: [...records] };
}

/** What a reader would be told, and what each item says about itself, by view, entity and lane. */
export function contents(items: ReadonlyMap<string, Uint8Array>): Record<string, unknown> {
  const read = ([id, bytes]: [string, Uint8Array]) => {
    const [view = ""] = id.split("\u0000");
    const { marks: _, ...summary } = summarizeItem(pipeline, view, bytes);
    return [id.split("\u0000").join(" "), { ...readFeatures(pipeline, view, [bytes], START + 1), ...summary }];
  };
  return Object.fromEntries([...items].map(read).sort());
}
