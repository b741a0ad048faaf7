/** A delivery stream with its surroundings, for the tests of local/firehose. */
import { createHash } from "node:crypto";
import { type VirtualClock, virtualClock } from "../local/clock.ts";
import { createMetrics, type Metrics } from "../local/cloudwatch/metrics.ts";
import { createDelivery, type Delivery, type DeliveryOptions, type GlueColumn } from "../local/firehose/delivery.ts";
import { createStream, type Stream } from "../local/kinesis/stream.ts";
import type { ObjectStore, PutOptions } from "../local/s3/store.ts";

export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:archive-raw";
export const STREAM_ARN = "arn:aws:firehose:us-east-1:000000000000:deliverystream/raw-delivery";

export interface Stack {
  readonly clock: VirtualClock;
  readonly stream: Stream;
  readonly delivery: Delivery;
  readonly metrics: Metrics;
  readonly objects: MemoryObjects;
  /** The payloads of all invocations. */
  readonly requests: TransformRequest[];
}

export interface TransformRequest {
  readonly invocationId: string;
  readonly records: readonly {
    readonly recordId: string;
    readonly data: string;
    readonly approximateArrivalTimestamp: number;
    readonly kinesisRecordMetadata?: { readonly [name: string]: unknown };
  }[];
}

type Answer = (request: TransformRequest, invocation: number) => Awaited<ReturnType<DeliveryOptions["invoke"]>>;
type Properties = { readonly [name: string]: unknown };

export interface StackOptions {
  readonly destination?: Properties;
  readonly answer?: Answer;
  readonly columns?: readonly GlueColumn[];
  readonly directPut?: boolean;
  /** Shards have AWS's limits. */
  readonly limits?: boolean;
  readonly shardCount?: number;
  readonly maxRecordSizeKiB?: number;
  readonly seed?: number;
  /** Throws what the put of that number fails with; they count from 1. */
  readonly beforePut?: (put: number) => void;
  readonly log?: (line: string) => void;
  /** Data put on the stream before the delivery stream exists. */
  readonly putBefore?: readonly string[];
}

export function startStack(options: StackOptions = {}): Stack {
  const clock = virtualClock(START_MS);
  const stream = createStream({
    name: "event-stream",
    arn: "arn:aws:kinesis:us-east-1:000000000000:stream/event-stream",
    shardCount: options.shardCount ?? 1,
    retentionHours: 168,
    clock,
    limits: options.limits ?? false,
    maxRecordSizeKiB: options.maxRecordSizeKiB ?? 1024,
  });
  const metrics = createMetrics({ clock });
  for (const data of options.putBefore ?? []) stream.put({ partitionKey: "k", data: Buffer.from(data) });
  const objects = memoryObjects(options.beforePut);
  const requests: TransformRequest[] = [];
  const delivery = createDelivery({
    name: "raw-delivery",
    arn: STREAM_ARN,
    resource: resource(options.destination, options.directPut === true ? null : stream.arn),
    source: options.directPut === true ? null : stream,
    clock,
    objects,
    async invoke(functionName, payload) {
      if (functionName !== "archive-raw") throw new Error(`unexpected function ${functionName}`);
      requests.push(payload as TransformRequest);
      return (options.answer ?? echo)(payload as TransformRequest, requests.length);
    },
    glue: (databaseName, name) => ({ databaseName, name, columns: options.columns ?? [] }),
    seed: options.seed ?? 1,
    metrics,
    log: options.log ?? (() => {}),
  });
  return { clock, stream, delivery, metrics, objects, requests };
}

export function resource(destination: Properties = {}, sourceArn: string | null = null): Properties {
  const source = { KinesisStreamARN: sourceArn, RoleARN: "arn:aws:iam::000000000000:role/firehose" };
  return {
    DeliveryStreamName: "raw-delivery",
    ...(sourceArn === null
      ? { DeliveryStreamType: "DirectPut" }
      : { DeliveryStreamType: "KinesisStreamAsSource", KinesisStreamSourceConfiguration: source }),
    ExtendedS3DestinationConfiguration: {
      BucketARN: "arn:aws:s3:::lake",
      RoleARN: "arn:aws:iam::0:role/x",
      ...destination,
    },
  };
}

export function lambda(parameters: Readonly<Record<string, string>> = {}) {
  const all = { LambdaArn: FUNCTION_ARN, ...parameters };
  const list = Object.entries(all).map(([ParameterName, ParameterValue]) => ({ ParameterName, ParameterValue }));
  return { Enabled: true, Processors: [{ Type: "Lambda", Parameters: list }] };
}

export function parquet(serDe: Properties = {}) {
  return {
    SchemaConfiguration: { DatabaseName: "lake", TableName: "curated", RoleARN: "arn:aws:iam::0:role/x" },
    InputFormatConfiguration: { Deserializer: { OpenXJsonSerDe: serDe } },
    OutputFormatConfiguration: { Serializer: { ParquetSerDe: {} } },
  };
}

export const LARGE_BUFFER = { SizeInMBs: 64, IntervalInSeconds: 300 };

export const echo: Answer = ({ records }) =>
  answered(records.map(({ recordId, data }) => ({ recordId, result: "Ok", data })));

export function answered(records: unknown) {
  return { kind: "ok", payload: { records }, durationMs: 20 } as const;
}

export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

export interface MemoryObjects extends Pick<ObjectStore, "put"> {
  readonly stored: ReadonlyMap<
    string,
    { readonly body: Buffer; readonly options: PutOptions; readonly bucket: string }
  >;
  keys(prefix?: string): readonly string[];
  text(key: string): string;
}

function memoryObjects(beforePut: (put: number) => void = () => {}): MemoryObjects {
  let puts = 0;
  const stored = new Map<string, { body: Buffer; options: PutOptions; bucket: string }>();
  const keys = (prefix = "") => [...stored.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    stored,
    keys,
    text: (key) => stored.get(key)?.body.toString() ?? "",
    put: async (bucket, key, body, options = {}) => {
      beforePut(++puts);
      if (stored.has(key)) throw new Error(`${key} was written twice`);
      stored.set(key, { bucket, body: Buffer.from(body), options });
    },
  };
}

/** A KPL-aggregated record, written independently of the decoder. */
export function aggregate(
  records: readonly (readonly [key: string, data: string])[],
  { extras } = { extras: false },
): Buffer {
  const keys = [...new Set(records.map(([key]) => key))];
  return withDigest(
    Buffer.concat([
      ...keys.map((key) => field(1, Buffer.from(key))),
      ...(extras ? [field(2, Buffer.from("170141183460469231731687303715884105728"))] : []),
      ...records.map(([key, data]) =>
        field(
          3,
          Buffer.concat([
            varintField(1, keys.indexOf(key)),
            ...(extras ? [varintField(2, 0)] : []),
            field(3, Buffer.from(data)),
            ...(extras ? [field(4, field(1, Buffer.from("tag")))] : []),
          ]),
        ),
      ),
    ]),
  );
}

export function withDigest(body: Buffer, digested: Buffer = body): Buffer {
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), body, createHash("md5").update(digested).digest()]);
}

export function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

function varint(value: number): Buffer {
  return value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) | 0x80]), varint(Math.floor(value / 128))]);
}

/** The objects of an error output, parsed. */
export function errorRecords(objects: MemoryObjects, prefix: string): { readonly [name: string]: unknown }[] {
  return objects.keys(prefix).flatMap((key) =>
    objects
      .text(key)
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  );
}
